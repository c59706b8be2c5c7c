// The configuration's alerts at work: a coroutine each, so that one whose receiver is slow or gone holds up
// no other. On the executor's one thread, which outlives this object as the clock
// does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "alert/sink.h"
#include "alert/unsent.h"
#include "control/herald.h"

namespace weir::alert {

class Alerts final : public control::Herald {
  public:
    using MakeSink = std::function<std::unique_ptr<Sink>(const std::string& name, const model::Alert& alert)>;

    /// To where the configuration says, in this host's name.
    Alerts(boost::asio::any_io_executor executor, Clock& clock);
    Alerts(boost::asio::any_io_executor executor, Clock& clock, MakeSink make_sink);
    ~Alerts() override;

    /// What a former daemon has left to tell: for those alerts that the next set() has.
    void recall(Unsent unsent) { recalled_ = std::move(unsent); }

    void set(const model::Config& config) override;
    void tell(const control::Event& event) override;
    void assume(const control::Event& event) override;
    std::vector<control::AlertRow> rows() const override;

    /// Nothing more will come: what waits is tried at once, and once. It takes as long as the executor runs,
    /// until is_empty().
    void finish();
    bool is_empty() const;
    /// What was not delivered, for the next daemon to recall(): some of it may have arrived all the same.
    Unsent unsent() const;

  private:
    struct Running;

    boost::asio::any_io_executor executor_;
    Clock& clock_;
    MakeSink make_sink_;
    std::map<std::string, std::shared_ptr<Running>> running_;  // shared with their coroutines
    Unsent recalled_;
};

}  // namespace weir::alert
