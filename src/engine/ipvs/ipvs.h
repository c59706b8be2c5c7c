// The engine that hands packets to the kernel's own balancer, IPVS. It reads what is there, makes the
// difference, and looks again every few seconds: what somebody changed by hand is put back, and what drains
// goes when its connections have ended. It touches nothing that it has not made; what it has made is on
// record, so the next daemon goes on with it (doc/ipvs.md).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/ipvs/agreement.h"
#include "engine/ipvs/totals.h"

namespace weir::engine::ipvs {

class Ipvs final : public engine::Engine {
  public:
    /// Of this thread's network namespace. That the kernel has no IPVS is no failure here: then the targets
    /// are unreachable, until it has. `state_file`: the record's path. `on_change` is called on the executor,
    /// never within another call.
    static Result<std::unique_ptr<Ipvs>> open(const boost::asio::any_io_executor& executor, Clock& clock,
                                              std::string state_file, std::function<void()> on_change);
    /// On any kernel.
    Ipvs(boost::asio::any_io_executor executor, Clock& clock, std::unique_ptr<Kernel> kernel, Record record,
         std::function<void()> on_change);

    /// Fails only where the record cannot be written; then nothing is changed. What the kernel refuses makes
    /// targets unreachable, and is tried again. Without anything of IPVS's in the plan it needs no module.
    Status apply(const model::Plan& plan) override;
    const std::map<model::TargetKey, std::string>& unreachable() const override { return unreachable_; }
    Observation observe() override;
    Observation observe(const std::vector<model::TargetKey>& targets) override;
    Result<Verdict> trace(const Flow& flow) override;
    net::Opened open_passage(const model::TargetKey& target, net::Carrier carrier, net::Port port) override;

    /// The targets that took connections when this daemon began, as a former one has left them.
    model::HealthMap recovered();

  private:
    Status reconcile(Agreement::Occasion occasion);
    bool has_work() const;
    bool is_refused(const model::TargetKey& target) const;
    void look();
    void look_later();
    void count();
    void set_unreachable(std::map<model::TargetKey, std::string> now);
    const model::Frontend* find(const model::FrontendKey& key) const;

    boost::asio::any_io_executor executor_;
    Clock& clock_;
    Agreement agreement_;
    std::function<void()> on_change_;
    model::Plan plan_{};
    std::map<model::TargetKey, std::string> unreachable_;
    Totals totals_;
    Clock::Alarm next_look_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Removes what is on record, and the record. There need be no IPVS if nothing is.
Status clean_up(const std::string& state_file);
Status clean_up(Kernel& kernel, Record record);

}  // namespace weir::engine::ipvs
