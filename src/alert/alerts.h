// The configuration's alerts at work: a coroutine each, so that one whose receiver is slow or gone holds up
// no other. On the executor's one thread, which outlives this object.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "alert/sink.h"
#include "control/herald.h"

namespace weir::alert {

class Alerts final : public control::Herald {
  public:
    using MakeSink = std::function<std::unique_ptr<Sink>(const std::string& name, const model::Alert& alert)>;

    /// To where the configuration says, in this host's name.
    explicit Alerts(boost::asio::any_io_executor executor);
    Alerts(boost::asio::any_io_executor executor, MakeSink make_sink);
    /// What could not be delivered is lost, and the log says how much.
    ~Alerts() override;

    void set(const model::Config& config) override;
    void tell(const control::Event& event) override;
    void assume(const control::Event& event) override;
    std::vector<control::AlertRow> rows() const override;

    /// Nothing more will come: what waits is tried at once, and once. It takes as long as the executor runs,
    /// until is_empty().
    void finish();
    bool is_empty() const;

  private:
    struct Running;

    static void let_go(Running& running, std::string_view why);

    boost::asio::any_io_executor executor_;
    MakeSink make_sink_;
    std::map<std::string, std::shared_ptr<Running>> running_;  // shared with their coroutines
};

}  // namespace weir::alert
