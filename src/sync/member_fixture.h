// Balancers of a group over a network in memory, with one clock.
#pragma once

#include <gmock/gmock.h>

#include <deque>
#include <memory>

#include "sync/fake_store.h"
#include "sync/member.h"

namespace weir::sync {

using namespace std::chrono_literals;
using model::EventKind;
using model::FlowState;

inline net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

inline model::TargetKey target(int backend, std::string_view vip = "192.0.2.1") {
    return {{ip(vip), net::Port(80), model::Protocol::tcp},
            net::Ip::v4({10, 0, 1, static_cast<uint8_t>(backend)})};
}

inline model::SharedFlow flow(uint64_t hash, FlowState state = FlowState::established,
                              std::chrono::seconds idle = 0s) {
    return {hash, state, idle};
}

/// Every datagram to the group comes to all the others, as long as nothing is done to it.
class Network {
  public:
    struct Sent {
        net::Endpoint from;
        net::Endpoint to;
        Bytes bytes;
    };

    class Port final : public Transport {
      public:
        Port(Network& network, net::Endpoint at) : network_(network), at_(at) {}
        Sending send(const net::Endpoint& to, std::span<const uint8_t> datagram) override {
            if (result != Sending::done) return result;
            network_.carry({at_, to, Bytes(datagram.begin(), datagram.end())});
            return Sending::done;
        }
        size_t receive(size_t most, const Take& take) override {
            size_t count = 0;
            for (; count < most && !queue.empty(); ++count) {
                auto next = std::move(queue.front());
                queue.pop_front();
                take(next.from, next.bytes);
            }
            return count;
        }

        Sending result = Sending::done;
        std::deque<Sent> queue;

      private:
        Network& network_;
        net::Endpoint at_;
    };

    Port& port(const net::Endpoint& at) {
        auto& place = ports_[at];
        if (!place) place = std::make_unique<Port>(*this, at);
        return *place;
    }

    void carry(Sent sent) {
        all.push_back(sent);
        for (auto& [at, port] : ports_) {
            if (at == sent.from || (sent.to != group && sent.to != at)) continue;
            if (!pass || pass(sent, at)) port->queue.push_back(sent);
        }
    }
    void inject(const net::Endpoint& from, const net::Endpoint& to, Bytes bytes) {
        ports_.at(to)->queue.push_back({from, to, std::move(bytes)});
    }

    const net::Endpoint group{ip("239.83.1.1"), model::kSyncPort};
    std::vector<Sent> all;
    std::function<bool(const Sent&, const net::Endpoint& receiver)> pass;  // none: all pass

  private:
    std::map<net::Endpoint, std::unique_ptr<Port>> ports_;
};

inline const std::string kKey = "0123456789abcdef-first", kOtherKey = "0123456789abcdef-second";

class SyncGroup : public testing::Test {
  protected:
    struct Balancer {
        net::Endpoint at;
        FakeStore store;
        std::vector<std::pair<EventKind, std::string>> news{};
        std::unique_ptr<Member> member{};
    };

    static model::Sync settings(std::vector<std::string> keys = {kKey}, uint64_t flow_secret = 7) {
        model::Sync sync;
        sync.group = net::Endpoint{ip("239.83.1.1"), model::kSyncPort};
        sync.interface = "eth0";
        sync.keys = std::move(keys);
        sync.flow_secret = flow_secret;
        return sync;
    }

    Balancer& add(int number, size_t buckets = 64) {
        auto at = net::Endpoint{net::Ip::v4({10, 0, 0, static_cast<uint8_t>(number)}), model::kSyncPort};
        std::vector<model::TargetKey> targets{target(1), target(2), target(1, "2001:db8::1")};
        auto balancer = std::make_unique<Balancer>(Balancer{at, FakeStore(targets, buckets)});
        all_.push_back(std::move(balancer));
        start(*all_.back());
        return *all_.back();
    }

    /// A new run, on the same table.
    void start(Balancer& balancer, const model::Sync& with = settings()) {
        auto tell = [&balancer](EventKind kind, const std::string& message, const auto&) {
            balancer.news.emplace_back(kind, message);
        };
        auto& port = network_.port(balancer.at);
        port.queue.clear();
        auto random = [this] { return ++random_ * 0x9e3779b97f4a7c15; };
        balancer.member = std::make_unique<Member>(random(), balancer.store, port, random, tell);
        balancer.member->set(with, balancer.at.address);
    }

    void pass_time(Time::duration time) {
        for (auto until = now_ + time; now_ < until;) {
            now_ += Member::kStep;
            for (auto& each : all_)
                if (each->member) each->member->step(now_);
        }
    }

    Report report(const Balancer& balancer) const {
        Report report;
        balancer.member->report_to(report, now_);
        return report;
    }
    const PeerRow* row(const Balancer& of, const Balancer& peer) {
        last_report_ = report(of);
        for (const auto& each : last_report_.peers)
            if (each.endpoint == peer.at) return &each;
        return nullptr;
    }
    PeerState state(const Balancer& of, const Balancer& peer) {
        const auto* found = row(of, peer);
        EXPECT_TRUE(found);
        return found ? found->state : PeerState::greeting;
    }
    uint64_t refused(const Balancer& of, Refused reason) const {
        return report(of).refused.at(static_cast<size_t>(reason)).total;
    }
    uint64_t refused(const Balancer& of) const {
        uint64_t all = 0;
        for (const auto& each : report(of).refused) all += each.total;
        return all;
    }
    uint64_t lost(const Balancer& of) {
        uint64_t all = 0;
        for (const auto& each : report(of).peers) all += each.lost_total;
        return all;
    }

    Time now_{1000s};
    uint64_t random_ = 0;
    Network network_;
    std::vector<std::unique_ptr<Balancer>> all_;
    Report last_report_;
};

}  // namespace weir::sync
