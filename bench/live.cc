// Packets per second of live frames over a veth pair: the kernel's test run sends them from one namespace,
// the program under test in the other returns them, and a sink counts them; all on one CPU, so the time of a
// packet is the sum of the three. The floor, a program that swaps the MACs, goes the same way in the same
// rounds.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <tuple>

#include <CLI/CLI.hpp>

#include "bench/balancer.h"
#include "bench/measure.h"
#include "bench/subject.h"
#include "lab/bpf_map.h"
#include "lab/failure.h"
#include "lab/lab.h"
#include "lab/rtnl.h"
#include "lab/wait.h"
#include "repeat.skel.h"
#include "veth.skel.h"

namespace weir::bench {
namespace {

using namespace std::chrono_literals;

struct Options {
    int rounds = 11;
    int packets = 1'000'000;
    int cpu = 1;
};

template <class Skeleton>
using Loaded = std::unique_ptr<Skeleton, lab::FreedBy<Skeleton::destroy>>;

template <class Skeleton>
Loaded<Skeleton> load() {
    Loaded<Skeleton> object(Skeleton::open_and_load());
    if (!object) lab::give_up("cannot load a BPF program: {}", std::strerror(errno));
    return object;
}

/// The two ends of the cable.
class Cable {
  public:
    Cable() {
        for (auto* host : {&sender_, &subject_})
            for (const char* scope : {"all", "default"})
                host->sysctl(fmt::format("net.ipv6.conf.{}.disable_ipv6", scope), "1");
        lab_.connect(sender_, "wire", subject_, "wire");
        sink_ = lab::attach_xdp(sender_, "wire", bpf_program__fd(object_->progs.sink));
    }

    void put(int program) {
        link_ = {};
        link_ = lab::attach_xdp(subject_, "wire", program);
    }

    /// Packets per second that came back changed; those that did not are added to `lost`.
    double run(bench_traffic traffic, int packets, uint64_t& lost) {
        auto& shared = *object_->bss;
        shared.traffic = traffic;
        if (shared.progress.random == 0) shared.progress.random = 0x9e3779b9;
        shared.progress.next = 0;
        uint64_t returned = shared.returned, changed = shared.changed;
        double start = wall_seconds();
        send(packets);
        double seconds = wall_seconds() - start;
        std::ignore =  // what has not come by then is lost
            lab::wait_until([&] { return shared.returned - returned >= static_cast<uint64_t>(packets); },
                            100ms);
        changed = shared.changed - changed;
        lost += static_cast<uint64_t>(packets) - changed;
        return static_cast<double>(changed) / seconds;
    }

  private:
    void send(int packets) {
        std::array<uint8_t, BENCH_LENGTH> frame{};
        xdp_md context{};
        context.data_end = frame.size();
        context.ingress_ifindex = sender_.index("wire");
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = frame.size(),
                    .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = packets,
                    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
        lab::check(sender_.run([&] {
            return bpf_prog_test_run_opts(bpf_program__fd(object_->progs.send), &options);
        }),
                   "cannot send live frames");
    }

    lab::Lab lab_{"bench"};
    lab::Host& sender_ = lab_.host("sender");
    lab::Host& subject_ = lab_.host("balancer");
    Loaded<veth_bpf> object_ = load<veth_bpf>();
    UniqueFd sink_, link_;
};

struct Row {
    std::string name;
    int program;
    bench_traffic traffic;
    std::vector<double> rates{}, ratios{};
    uint64_t lost = 0;
};

std::vector<Row> make_rows(int floor, int program) {
    std::vector<Row> rows;
    for (auto family : {net::Family::v4, net::Family::v6})
        for (uint32_t flows : {1U, 10'000U, 1U << 20}) {
            auto traffic = make_traffic({}, {.family = family}, BENCH_AT_RANDOM, flows);
            auto version = family == net::Family::v4 ? "v4" : "v6";
            rows.push_back({fmt::format("tcp-{} | {} | floor", version, flows), floor, traffic});
            rows.push_back({fmt::format("tcp-{} | {} | weir", version, flows), program, traffic});
        }
    return rows;
}

/// Each floor stands before the row that is held against it.
void measure(Cable& cable, std::vector<Row>& rows, const Options& options) {
    Alone alone(options.cpu);
    for (int round = 0; round < options.rounds; round++) {
        double floor = 0;
        for (size_t i = 0; i < rows.size(); i++) {
            lab::throw_if_interrupted();
            auto& row = rows[i];
            cable.put(row.program);
            uint64_t ignored = 0;
            cable.run(row.traffic, options.packets / 10, ignored);
            double rate = cable.run(row.traffic, options.packets, row.lost);
            if (i % 2 == 0) floor = rate;
            row.rates.push_back(rate);
            row.ratios.push_back(rate / floor);
        }
    }
}

void run(const Options& options) {
    fmt::print("### Live frames over veth, one CPU, {}\n\n", describe_machine());
    // A table a family, each made for a million flows; and every flow twice, which makes it established.
    auto floor = load<repeat_bpf>();
    Balancer v4({}), v6({});
    auto floor_program = bpf_program__fd(floor->progs.swap_macs);
    auto rows = make_rows(floor_program, v4.program());
    for (auto& row : rows)
        if (row.traffic.layout == BENCH_V6 && row.program != floor_program) row.program = v6.program();
    for (const auto& row : rows) {
        if (row.program == floor_program) continue;
        auto traffic = row.traffic;
        traffic.order = BENCH_IN_TURN;
        Subject(row.program, 0).run(traffic, static_cast<int>(2 * traffic.flows));
    }
    lab::SignalTrap trap;  // so that the namespaces are removed
    Cable cable;
    measure(cable, rows, options);
    fmt::print("{} rounds of {} packets\n\n", options.rounds, options.packets);
    fmt::print(
        "| packets | flows | program | Mpps, median | 10 to 90 % | × floor | lost or unchanged |\n"
        "|---|---|---|---|---|---|---|\n");
    for (const auto& row : rows)
        fmt::print("| {} | {:.2f} | {:.2f} to {:.2f} | {:.2f} | {} |\n", row.name,
                   quantile(row.rates, .5) / 1e6, quantile(row.rates, .1) / 1e6,
                   quantile(row.rates, .9) / 1e6, quantile(row.ratios, .5), row.lost);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] {
        weir::bench::Options options;
        CLI::App app("Packets per second of weir's datapath, by live frames over veth");
        app.add_option("--rounds", options.rounds)->capture_default_str();
        app.add_option("--packets", options.packets, "of a row in a round")->capture_default_str();
        app.add_option("--cpu", options.cpu)->capture_default_str();
        CLI11_PARSE(app, argc, argv);
        weir::bench::run(options);
        return 0;
    });
}
