// IPVS in memory, for tests: it keeps what it is told, and refuses what the kernel would.
#pragma once

#include <utility>
#include <vector>

#include "engine/ipvs/kernel.h"

namespace weir::engine::ipvs {

/// What outlives the engine.
struct FakeState {
    Contents contents{};
    bool has_module = true;
    std::set<std::string> schedulers{"rr", "wrr", "lc", "wlc", "sh", "mh"};
    std::set<net::Endpoint> refused{};                     // destinations that cannot be added
    std::map<net::Endpoint, net::Endpoint> connections{};  // by client
    std::set<ServiceKey> overlooked{};                     // by reading
    std::vector<Change> made{};
    size_t readings = 0;

    /// What has been done since the last call.
    std::vector<Change> take() { return std::exchange(made, {}); }
};

class FakeKernel final : public Kernel {
  public:
    explicit FakeKernel(FakeState& state) : state_(state) {}

    Result<Contents> read() override {
        ++state_.readings;
        if (!state_.has_module) return fail("the kernel has no IPVS (module ip_vs)");
        auto contents = state_.contents;
        for (const auto& key : state_.overlooked) contents.services.erase(key);
        return contents;
    }

    Status make(const Change& change) override {
        auto done = std::visit([&](const auto& each) { return carry_out(each); }, change);
        if (done) state_.made.push_back(change);
        return done;
    }

    Result<std::optional<net::Endpoint>> find_connection(const Flow& flow) override {
        auto found = state_.connections.find(flow.source);
        return found == state_.connections.end() ? std::nullopt : std::optional(found->second);
    }

  private:
    Status check(const Service& settings) const {
        if (state_.schedulers.contains(settings.scheduler)) return {};
        return fail("the kernel has no scheduler {} (module ip_vs_{})", settings.scheduler,
                    settings.scheduler);
    }
    Status carry_out(const AddService& change) {
        if (auto known = check(change.settings); !known) return known;
        if (!state_.contents.services.emplace(change.key, FoundService{change.settings}).second)
            return fail("{} is there", change.key.text());
        return {};
    }
    Status carry_out(const EditService& change) {
        if (auto known = check(change.settings); !known) return known;
        state_.contents.services.at(change.key).settings = change.settings;
        return {};
    }
    Status carry_out(const RemoveService& change) {
        state_.contents.services.erase(change.key);
        return {};
    }
    Status carry_out(const AddDestination& change) {
        if (state_.refused.contains(change.at)) return fail("{} is refused", change.at.text());
        auto service = state_.contents.services.find(change.key);
        if (service == state_.contents.services.end()) return fail("there is no {}", change.key.text());
        if (!service->second.destinations.emplace(change.at, FoundDestination{change.settings}).second)
            return fail("{} is there", change.at.text());
        return {};
    }
    Status carry_out(const EditDestination& change) {
        state_.contents.services.at(change.key).destinations.at(change.at).settings = change.settings;
        return {};
    }
    Status carry_out(const RemoveDestination& change) {
        state_.contents.services.at(change.key).destinations.erase(change.at);
        return {};
    }
    Status carry_out(const AddAddress& change) {
        state_.contents.addresses.insert(change.address);
        return {};
    }
    Status carry_out(const RemoveAddress& change) {
        state_.contents.addresses.erase(change.address);
        return {};
    }
    Status carry_out(const StartDaemon& change) {
        if (!state_.contents.daemons.emplace(change.role, change.settings).second)
            return fail("it runs already");
        return {};
    }
    Status carry_out(const StopDaemon& change) {
        state_.contents.daemons.erase(change.role);
        return {};
    }
    Status carry_out(const SetTimeouts& change) {
        auto& has = state_.contents.timeouts;
        if (change.settings.tcp) has.tcp = change.settings.tcp;
        if (change.settings.tcp_fin) has.tcp_fin = change.settings.tcp_fin;
        if (change.settings.udp) has.udp = change.settings.udp;
        return {};
    }

    FakeState& state_;
};

}  // namespace weir::engine::ipvs
