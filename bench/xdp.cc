// Nanoseconds per packet of the datapath by test runs, against a floor that swaps the MACs. Every round runs
// all rows, so what disturbs the machine disturbs all of them; ratios are taken within a round.
// doc/performance.md.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "bench/balancer.h"
#include "bench/measure.h"
#include "bench/subject.h"
#include "lab/failure.h"

namespace weir::bench {
namespace {

constexpr uint32_t kFew = 10'000, kMany = 1 << 20;

struct Options {
    int rounds = 15;
    int repeat = 300'000;
    int cpu = 1;
    std::string only;
    std::string forward = "dsr";
    std::vector<std::string> peers;
    std::string vip;
    bool hold = false;
};

struct Row {
    std::string name, subject;
    Subject* runs = nullptr;
    Balancer* balancer = nullptr;  // of weir's own rows
    bench_traffic traffic{};
    std::optional<bench_traffic> opener{};  // what must have gone the other way before
    uint32_t verdict = XDP_TX;
    std::vector<double> nanoseconds{}, ratios{}, above{};
    uint64_t packets = 0, new_flows = 0, bad = 0;
};

/// A kind of packets with its name in the kernel's bench_xdp_lb.
struct Kind {
    std::string name;
    Shape shape;
};

std::vector<Kind> kinds() {
    std::vector<Kind> all;
    for (auto family : {net::Family::v4, net::Family::v6})
        for (auto protocol : {net::kTcp, net::kUdp})
            all.push_back({fmt::format("{}-{}", protocol == net::kTcp ? "tcp" : "udp",
                                       family == net::Family::v4 ? "v4" : "v6"),
                           {.family = family, .protocol = protocol}});
    return all;
}

const std::map<std::string, model::ForwardKind> kForwards = {
    {"dsr", model::ForwardKind::dsr}, {"ipip", model::ForwardKind::ipip}, {"gre", model::ForwardKind::gre},
    {"fou", model::ForwardKind::fou}, {"gue", model::ForwardKind::gue},   {"dscp", model::ForwardKind::dscp},
    {"nat", model::ForwardKind::nat}};

/// To backends of the VIP's family, as a service of one family has them.
Way way_of(const std::string& forward, net::Family family) {
    return {.forward = {.kind = kForwards.at(forward), .dscp = 10}, .backends = family};
}

class Table {
  public:
    Table(const Options& options, const Vips& vips)
        : options_(options), vips_(vips), floor_(Subject::floor()) {
        add_kinds([&](const Way& way) { return take_own(way); });
        if (options.forward == "dsr") add_methods();
        for (const auto& peer : options.peers) {
            auto first = peer.find(':'), last = peer.rfind(':');
            if (first == std::string::npos) lab::give_up("--peer {}: NAME:PROGRAM[:GROWTH]", peer);
            bool grows = last != first;
            auto reference = peer.substr(first + 1, grows ? last - first - 1 : std::string::npos);
            peers_.push_back(find_program(reference));
            subjects_.emplace_back(peers_.back().get(), grows ? std::stoi(peer.substr(last + 1)) : 0);
            Row row{.subject = peer.substr(0, first), .runs = &subjects_.back()};
            add_kinds([&](const Way&) { return row; });
        }
    }

    void run() {
        for (auto& row : rows_) warm(row);
        Alone alone(options_.cpu);
        for (int round = 0; round < options_.rounds; round++) {
            double floor =
                floor_.run(make_traffic(vips_, {}, BENCH_AT_RANDOM, 1), options_.repeat).nanoseconds;
            floors_.push_back(floor);
            for (auto& row : rows_) measure(row, floor);
        }
    }

    void print() const {
        fmt::print("{} rounds of {} packets; floor {:.1f} ns (10 to 90 %: {:.1f} to {:.1f})\n\n",
                   options_.rounds, options_.repeat, quantile(floors_, .5), quantile(floors_, .1),
                   quantile(floors_, .9));
        fmt::print(
            "| scenario | flows | program | ns, median | 10 to 90 % | × floor | ns above it | new flows | "
            "bad |\n"
            "|---|---|---|---|---|---|---|---|---|\n");
        for (const auto& row : rows_)
            fmt::print("| {} | {} | {} | {:.0f} | {:.0f} to {:.0f} | {:.2f} | {:.0f} | {} | {} |\n", row.name,
                       row.traffic.order == BENCH_NEVER_AGAIN ? "new" : fmt::to_string(row.traffic.flows),
                       row.subject, quantile(row.nanoseconds, .5), quantile(row.nanoseconds, .1),
                       quantile(row.nanoseconds, .9), quantile(row.ratios, .5), quantile(row.above, .5),
                       row.balancer ? fmt::format("{:.3f} %", 100.0 * static_cast<double>(row.new_flows) /
                                                                  static_cast<double>(row.packets))
                                    : "",
                       row.bad);
    }

  private:
    /// A row's subject, once one of its rows is wanted.
    class Lazy {
      public:
        Lazy(const std::function<Row(const Way&)>& take, const Way& way) : take_(take), way_(way) {}
        const Row& get() { return row_ ? *row_ : row_.emplace(take_(way_)); }

      private:
        const std::function<Row(const Way&)>& take_;
        Way way_;
        std::optional<Row> row_;
    };

    Row take_own(const Way& way) {
        balancers_.emplace_back(vips_, std::vector{way});
        subjects_.emplace_back(balancers_.back().program(), growth(way));
        return {.subject = "weir", .runs = &subjects_.back(), .balancer = &balancers_.back()};
    }

    /// Known flows have a table of their own, kind by kind, and so have those that are new.
    void add_kinds(const std::function<Row(const Way&)>& take) {
        for (const auto& kind : kinds()) {
            Lazy known(take, way_of(options_.forward, kind.shape.family));
            for (uint32_t flows : {1U, kFew, kMany})
                add(known, kind.name + "-lru-hit", kind.shape, BENCH_AT_RANDOM, flows);
        }
        for (auto [name, shape] : kinds()) {
            Lazy fresh(take, way_of(options_.forward, shape.family));
            add(fresh, name + "-lru-miss", shape, BENCH_NEVER_AGAIN, 0);
            shape.tcp_flags = net::kTcpSyn;
            if (shape.protocol == net::kTcp) add(fresh, name + "-syn", shape, BENCH_NEVER_AGAIN, 0);
        }
        Way quic = way_of(options_.forward, net::Family::v4);
        quic.quic = true;
        Lazy named(take, quic), told(take, way_of(options_.forward, net::Family::v4));
        for (uint32_t flows : {1U, kFew}) {
            add(named, "quic-v4-short", {.protocol = net::kUdp, .content = Content::quic}, BENCH_AT_RANDOM,
                flows);
            add(told, "icmp-v4-too-big", {.protocol = net::kUdp, .content = Content::too_big},
                BENCH_AT_RANDOM, flows);
        }
        Lazy any(take, way_of(options_.forward, net::Family::v4));
        add(any, "icmp-v4-echo", {.content = Content::echo}, BENCH_AT_RANDOM, 1);
        add(any, "pass-v4-no-vip", {.to_vip = false}, BENCH_AT_RANDOM, 1, XDP_PASS);
        add(any, "drop-v4-no-service", {.to_known_port = false}, BENCH_AT_RANDOM, 1, XDP_DROP);
    }

    /// TCP by the other forwarding methods.
    void add_methods() {
        const std::function<Row(const Way&)> take = [&](const Way& way) { return take_own(way); };
        for (std::string forward : {"ipip", "gre", "fou", "gue"})
            for (auto inner : {net::Family::v4, net::Family::v6})
                for (auto outer : {net::Family::v4, net::Family::v6}) {
                    Lazy known(take, way_of(forward, outer)), fresh(take, way_of(forward, outer));
                    auto name = fmt::format("{}-v{}-in-v{}", forward, inner == net::Family::v4 ? 4 : 6,
                                            outer == net::Family::v4 ? 4 : 6);
                    for (uint32_t flows : {1U, kFew, kMany})
                        if (flows < kMany || forward == "ipip")
                            add(known, name + "-lru-hit", {.family = inner}, BENCH_AT_RANDOM, flows);
                    if (forward == "ipip")
                        add(fresh, name + "-lru-miss", {.family = inner}, BENCH_NEVER_AGAIN, 0);
                }
        Lazy dscp(take, way_of("dscp", net::Family::v4)), vlan(take, {.tagged = true});
        Way one = way_of("nat", net::Family::v4);
        one.count = 1;  // so that one address answers all flows
        Lazy nat(take, one);
        for (uint32_t flows : {1U, kFew}) {
            add(dscp, "dscp-v4-lru-hit", {}, BENCH_AT_RANDOM, flows);
            add(nat, "nat-v4-there-lru-hit", {}, BENCH_AT_RANDOM, flows);
            add(nat, "nat-v4-back-lru-hit", {.answer = true}, BENCH_AT_RANDOM, flows);
            add(vlan, "vlan-v4-lru-hit", {.tagged = true}, BENCH_AT_RANDOM, flows);
        }
    }

    void add(Lazy& subject, const std::string& name, const Shape& shape, bench_order order, uint32_t flows,
             uint32_t verdict = XDP_TX) {
        if (!name.contains(options_.only)) return;
        Row row = subject.get();
        row.name = name;
        row.verdict = verdict;
        auto traffic_of = [&](const Shape& what, bench_order in, uint32_t of) {
            auto traffic = make_traffic(vips_, what, in, of);
            if (verdict == XDP_TX && what.content != Content::echo) traffic.growth = row.runs->growth();
            return traffic;
        };
        row.traffic = traffic_of(shape, order, flows);
        if (shape.answer || shape.content == Content::too_big)
            row.opener = traffic_of({.protocol = shape.protocol}, BENCH_IN_TURN, flows);
        if (row.opener) row.runs->run(*row.opener, static_cast<int>(2 * flows));
        // What a peer is not made for, or not configured for, is no row.
        auto answered = row.runs->run(traffic_of(shape, BENCH_AT_RANDOM, 1), 1).verdict;
        if (answered == row.verdict)
            rows_.push_back(row);
        else if (row.balancer)
            lab::give_up("{}: verdict {}", name, answered);
    }

    /// Every flow twice: a second packet is what makes it established.
    static void warm(Row& row) {
        if (row.traffic.order != BENCH_AT_RANDOM || row.verdict != XDP_TX) return;
        auto traffic = row.traffic;
        traffic.order = BENCH_IN_TURN;
        row.runs->run(traffic, static_cast<int>(2 * traffic.flows));
    }

    void measure(Row& row, double floor) {
        // The caches are now the former row's; the first packets bring back this one's.
        if (row.traffic.order == BENCH_AT_RANDOM) row.runs->run(row.traffic, options_.repeat / 4);
        uint64_t before = row.balancer ? row.balancer->new_flows() : 0;
        auto sample = row.runs->run(row.traffic, options_.repeat);
        if (row.balancer) row.new_flows += row.balancer->new_flows() - before;
        row.packets += sample.runs;
        bool forwards = row.verdict == XDP_TX;
        row.bad += (sample.verdict != row.verdict) + sample.wrong_length +
                   (forwards ? sample.unchanged : sample.runs - 1 - sample.unchanged);
        row.nanoseconds.push_back(sample.nanoseconds);
        row.ratios.push_back(sample.nanoseconds / floor);
        row.above.push_back(sample.nanoseconds - floor);
    }

    Options options_;
    Vips vips_;
    Subject floor_;
    std::vector<double> floors_;
    std::deque<Balancer> balancers_;
    std::deque<UniqueFd> peers_;
    std::deque<Subject> subjects_;
    std::vector<Row> rows_;
};

/// Keeps the program loaded for another tool that measures it by its id.
void hold(const Vips& vips, const std::string& forward) {
    sigset_t signals;
    sigemptyset(&signals);
    for (int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    Balancer balancer(vips, {way_of(forward, net::Family::v4)});
    bpf_prog_info info{};
    uint32_t length = sizeof info;
    lab::check(bpf_obj_get_info_by_fd(balancer.program(), &info, &length), "cannot ask for the program's id");
    fmt::print("{}\n", info.id);
    std::fflush(stdout);
    int signal = 0;
    sigwait(&signals, &signal);
}

int main_of(int argc, char** argv, Options options) {
    CLI::App app("Nanoseconds per packet of weir's datapath, by test runs");
    app.add_option("--rounds", options.rounds)->capture_default_str();
    app.add_option("--repeat", options.repeat, "packets of a row in a round")->capture_default_str();
    app.add_option("--cpu", options.cpu)->capture_default_str();
    app.add_option("--only", options.only, "rows whose name contains this");
    app.add_option(
        "--peer", options.peers,
        "NAME:PROGRAM[:GROWTH]: a program that is loaded and configured for the same VIP, by its id or "
        "pin; GROWTH bytes are what it adds to a frame");
    app.add_option("--forward", options.forward, "by which method weir forwards")
        ->check(CLI::IsMember(kForwards))
        ->capture_default_str();
    app.add_option("--vip", options.vip, "the IPv4 VIP, with TCP and UDP port 80");
    app.add_flag("--hold", options.hold, "load weir's program, print its id, and wait to be ended");
    CLI11_PARSE(app, argc, argv);
    Vips vips;
    if (!options.vip.empty()) vips.v4 = lab::must(net::Ip::parse(options.vip));
    if (options.hold) {
        hold(vips, options.forward);
        return 0;
    }
    fmt::print("### Test runs, {}\n\n", describe_machine());
    Table table(options, vips);
    table.run();
    table.print();
    return 0;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] { return weir::bench::main_of(argc, argv, {}); });
}
