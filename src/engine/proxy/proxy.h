// The engine that ends the clients' connections and makes others to the backends: worker threads, each with a
// loop of its own, a share of every VIP's connections (SO_REUSEPORT), and no lock on the way of a byte. It
// needs nothing of the kernel but sockets, so it goes where XDP and IPVS cannot (doc/proxy.md). Its
// connections end with the daemon.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/proxy/snapshots.h"
#include "engine/proxy/worker.h"

namespace weir::engine::proxy {

class Proxy final : public engine::Engine {
  public:
    /// The threads are in this one's network namespace. `on_change` is called on the executor, never within
    /// another call. Fails where there are no descriptors for the workers.
    static Result<std::unique_ptr<Proxy>> open(const boost::asio::any_io_executor& executor, Clock& clock,
                                               const model::ProxyEngine& settings,
                                               std::function<void()> on_change);
    /// Ends all connections, and takes the VIPs away again.
    ~Proxy() override;

    /// Returns when every worker listens. Where one cannot, the frontend's targets are unreachable, and it is
    /// tried again. Fails where the VIPs cannot be made addresses of this host.
    Status apply(const model::Plan& plan) override;
    const std::map<model::TargetKey, std::string>& unreachable() const override { return unreachable_; }
    Observation observe() override;
    Observation observe(const std::vector<model::TargetKey>& targets) override;
    Result<Verdict> trace(const Flow& flow) override;
    net::Opened open_passage(const model::TargetKey& target, net::Carrier carrier, net::Port port) override;

    /// Of the targets of a plan that refused several connections in a row: so long they get no more, and then
    /// one failure more is enough.
    static constexpr auto kShunned = std::chrono::seconds(5);
    static constexpr uint64_t kFailures = 3;

  private:
    Proxy(boost::asio::any_io_executor executor, Clock& clock, std::function<void()> on_change);
    Status start_workers(const model::ProxyEngine& settings);
    void publish();
    void settle();
    void look_at_failures();
    void look_later();
    void tell_later();
    const model::Frontend* find(const model::FrontendKey& key) const;

    boost::asio::any_io_executor executor_;
    Clock& clock_;
    std::function<void()> on_change_;
    Shared shared_;
    std::unique_ptr<Snapshots> snapshots_;
    std::vector<std::unique_ptr<Worker>> workers_;
    model::Plan plan_{};
    std::shared_ptr<const Snapshot> snapshot_;
    Deaf deaf_;
    std::map<model::TargetKey, Clock::Time> shunned_;  // until when
    std::map<model::TargetKey, std::string> unreachable_;
    std::atomic<bool> look_is_due_{false};
    uint64_t counts_ = 0;
    Clock::Alarm next_look_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// Removes what a daemon that was killed has left: routes to the VIPs, and rules.
Status clean_up();

}  // namespace weir::engine::proxy
