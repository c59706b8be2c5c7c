// What it costs to share flows: two members of a group over UDP on loopback, each with the engine's own
// comparison of a flow table (engine/xdp/flow_sharing.h) and processor time of its own, on one thread. Prints
// the table of doc/sync.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <random>

#include "bench/measure.h"
#include "engine/xdp/flow_sharing.h"
#include "lab/failure.h"
#include "lab/wait.h"
#include "sync/member.h"
#include "sync/socket.h"

namespace weir::bench {
namespace {

using engine::xdp::FlowSharing;
using engine::xdp::FlowWord;
using namespace std::chrono_literals;

constexpr uint32_t kTargets = 100;
constexpr FlowSharing::Times kTimes{500, {8, 240, 8, 60}};
constexpr size_t kBuckets = 1 << 19;  // of a table that is made for 1 M flows

model::TargetKey target_of(uint32_t number) {
    return {{net::Ip::v4({192, 0, 2, 1}), net::Port(80), model::Protocol::tcp},
            net::Ip::v4({10, 0, 0, static_cast<uint8_t>(number)})};
}

/// A flow table in ordinary memory, in whose place the engine has the kernel's.
class Table final : public model::FlowStore {
  public:
    Table() : table_(kBuckets), sharing_(table_) {
        for (uint32_t number = 0; number <= kTargets; ++number) targets_.push_back(target_of(number));
    }

    /// A new flow that has had its second packet; one of `number` 2^51 at most.
    void see(uint64_t number) {
        const auto bucket = number % kBuckets;
        const auto tag = (number / kBuckets * 2 + 2) << WEIR_TAG_SHIFT;
        for (auto& entry : table_[bucket].entry) {
            if (entry != 0) continue;
            entry = tag | static_cast<uint64_t>(1 + number % kTargets) << WEIR_ID_SHIFT |
                    WEIR_ESTABLISHED << WEIR_STATE_SHIFT | kTimes.now;
            ++size_;
            return;
        }
    }
    uint64_t size() const { return size_; }

    size_t buckets() const override { return kBuckets; }
    void read_changes(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        sharing_.read_changes(first, count, kTimes, teller(out));
    }
    void read_all(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        sharing_.read_all(first, count, kTimes, teller(out));
    }
    model::TakenFlows take(const model::TargetKey& target, unsigned bucket_bits,
                           std::span<const model::SharedFlow> flows, unsigned share) override {
        model::TakenFlows result;
        const uint32_t number = target.backend.bytes()[3];
        const auto most = kBuckets * WEIR_WAYS * share / 100;
        for (const auto& flow : flows) {
            auto taken = sharing_.take({flow.hash, number, WEIR_ESTABLISHED, 0}, bucket_bits, most, kTimes);
            ++(taken == engine::xdp::Taken::taken ? result.taken : result.full);
        }
        return result;
    }
    uint64_t from_peers() const override { return sharing_.from_peers(); }

  private:
    FlowSharing::Sink teller(std::vector<model::ToldFlow>& out) {
        return [this, &out](const FlowWord& word) {
            out.push_back({&targets_[word.number], {word.hash, model::FlowState::established, 0s}});
        };
    }

    std::vector<weir_bucket> table_;
    FlowSharing sharing_;
    std::vector<model::TargetKey> targets_;
    uint64_t size_ = 0;
};

/// A member with its table, and the processor time that it has used.
class Balancer {
  public:
    Balancer(uint64_t self, uint16_t port, uint16_t peer) {
        model::Sync settings;
        settings.listen = net::Endpoint{net::Ip::v4({127, 0, 0, 1}), net::Port(port)};
        settings.peers = {{net::Ip::v4({127, 0, 0, 1}), net::Port(peer)}};
        settings.keys = {"a key for measurements"};
        settings.share = 100;
        socket_ = lab::must(sync::Socket::open(settings));
        member_ = std::make_unique<sync::Member>(
            self, table, *socket_, [this] { return random_(); }, [](auto, const auto&, auto) {});
        member_->set(settings, std::nullopt);
    }
    void step() {
        const auto began = cpu_seconds();
        member_->step(std::chrono::steady_clock::now());
        used_ += cpu_seconds() - began;
    }
    double used() const { return used_; }
    sync::Report report() const {
        sync::Report report;
        member_->report_to(report, std::chrono::steady_clock::now());
        report.dropped_total = socket_->dropped_total();
        return report;
    }
    bool is_up() const {
        auto now = report();
        return !now.peers.empty() && now.peers[0].state == sync::PeerState::up;
    }

    Table table;

  private:
    std::mt19937_64 random_{std::random_device()()};
    std::unique_ptr<sync::Socket> socket_;
    std::unique_ptr<sync::Member> member_;
    double used_ = 0;
};

/// Both every 20 ms, until it holds.
template <class Condition>
void run(Balancer& a, Balancer& b, Condition holds) {
    for (auto next = std::chrono::steady_clock::now(); !holds();) {
        a.step();
        b.step();
        next += sync::Member::kStep;
        const auto now = std::chrono::steady_clock::now();
        if (next > now)
            lab::pause_for(std::chrono::ceil<lab::Duration>(next - now));
        else
            next = now;
    }
}

struct Used {
    double a = 0, b = 0, wall = 0;
};

template <class Work>
Used measure(const Balancer& a, const Balancer& b, Work work) {
    const Used before{a.used(), b.used(), wall_seconds()};
    work();
    return {a.used() - before.a, b.used() - before.b, wall_seconds() - before.wall};
}

auto after(std::chrono::seconds time) {
    return [until = std::chrono::steady_clock::now() + time] {
        return std::chrono::steady_clock::now() >= until;
    };
}

struct Pair {
    Balancer a{1, 18383, 18384};
    Balancer b{2, 18384, 18383};
};

void meet(Pair& pair) {
    run(pair.a, pair.b, [&] { return pair.a.is_up() && pair.b.is_up(); });
    run(pair.a, pair.b, after(3s));
}

void print_rate(const char* what, const Used& used, uint64_t flows) {
    fmt::print("| {} | {:.0f} | {:.1f} % | {:.1f} % |\n", what, static_cast<double>(flows) / used.wall,
               100 * used.a / used.wall, 100 * used.b / used.wall);
}

/// New flows at a constant rate, told by one and taken by the other.
void measure_rate(uint64_t rate, std::chrono::seconds time) {
    Pair pair;
    meet(pair);
    uint64_t number = 0;
    const auto before = pair.a.report();
    const auto began = std::chrono::steady_clock::now();
    auto over = after(time);
    auto used = measure(pair.a, pair.b, [&] {
        run(pair.a, pair.b, [&] {
            const auto passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - began);
            for (auto due = static_cast<uint64_t>(passed.count() * static_cast<double>(rate)); number < due;)
                pair.a.table.see(number++ * 0x9e3779b97f4a7c15 >> 20);
            return over();
        });
    });
    auto now = pair.a.report();
    const auto flows = now.sent.flows_total - before.sent.flows_total;
    print_rate(fmt::format("{} new flows a second", rate).c_str(), used, flows);
    const auto& peer = pair.b.report().peers.at(0);
    fmt::print(
        "    {:.1f} bytes a flow on the wire with UDP, IPv4 and Ethernet; lost {}, lag {} ms, pass {} ms\n",
        (static_cast<double>(now.sent.bytes_total - before.sent.bytes_total) +
         46.0 * static_cast<double>(now.sent.datagrams_total - before.sent.datagrams_total)) /
            static_cast<double>(std::max<uint64_t>(flows, 1)),
        peer.lost_total, peer.lag.count() / 1000, now.pass.count());
}

/// A table that is full before anybody hears: as fast as it goes, and then by a snapshot.
void measure_flood(uint64_t flows) {
    Pair pair;
    for (uint64_t number = 0; number < flows; ++number) pair.a.table.see(number * 0x9e3779b97f4a7c15 >> 20);
    flows = pair.a.table.size();
    auto used = measure(pair.a, pair.b, [&] {
        run(pair.a, pair.b, [&] { return pair.a.report().sent.flows_total >= flows; });
    });
    fmt::print("| {} flows at once, in {:.1f} s | {:.0f} a second of a core to tell | | {:.0f} to take |\n",
               flows, used.wall, static_cast<double>(flows) / used.a, static_cast<double>(flows) / used.b);
    const auto before = pair.b.report().snapshots.received_total;
    used = measure(pair.a, pair.b, [&] {
        run(pair.a, pair.b, [&] {
            return pair.b.report().snapshots.received_total > before ||
                   pair.b.report().snapshot == "complete";
        });
    });
    auto report = pair.b.report();
    fmt::print(
        "| snapshot of {} flows | {:.1f} s | {:.1f} % | {:.1f} % |\n    {} lost, {} dropped, {} of a peer "
        "stand there\n",
        flows, used.wall, 100 * used.a / used.wall, 100 * used.b / used.wall, report.peers.at(0).lost_total,
        report.dropped_total, report.flows_from_peers);
}

/// What somebody without the key can make a member do: the longest datagram, with the right key id.
void measure_forged() {
    constexpr int kRounds = 100'000;
    const std::string key = "a key for measurements";
    sync::Keys keys({key});
    const sync::Header header{.type = 2, .key = keys.signing()};
    auto datagram = sync::write(header, sync::Bytes(sync::kMostBody));
    datagram.resize(sync::kMostDatagram);
    const auto began = cpu_seconds();
    int believed = 0;
    for (int i = 0; i < kRounds; ++i) believed += keys.is_authentic(header, datagram);
    fmt::print("a forged datagram: {:.1f} µs ({} believed)\n", 1e6 * (cpu_seconds() - began) / kRounds,
               believed);
}

int measure_all(std::chrono::seconds time) {
    fmt::print("{}\n\n| | flows a second | of a core to tell | of a core to take |\n|---|---|---|---|\n",
               describe_machine());
    for (uint64_t rate : {0, 10'000, 100'000, 200'000}) measure_rate(rate, time);
    measure_flood(1'000'000);
    measure_forged();
    return 0;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] {
        CLI::App app("What it costs to share flows");
        int seconds = 10;
        app.add_option("--seconds", seconds, "How long each rate is kept")->capture_default_str();
        CLI11_PARSE(app, argc, argv);
        return weir::bench::measure_all(std::chrono::seconds(seconds));
    });
}
