// weir as a proxy beside HAProxy and nginx, in one run: each measure in turn for each of them, round by
// round. A proxy has CPU 0, the client and the backend have CPU 1; all are in network namespaces. Prints the
// tables of doc/performance.md.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <optional>
#include <set>

#include "bench/daemon.h"
#include "bench/datagram_load.h"
#include "bench/measure.h"
#include "bench/proxy_backend.h"
#include "bench/proxy_report.h"
#include "bench/stream_load.h"
#include "lab/failure.h"

namespace weir::bench {
namespace {

struct Options {
    std::string binary = beside_itself("../weir");
    int rounds = 7;
    int milliseconds = 500;
    size_t idle = 5000;
    bool json = false;
};

constexpr int kProxyCpu = 0, kOtherCpu = 1;
constexpr int kFailures = 2;   // of one measure: it is not tried again, as each may take seconds
constexpr size_t kFirst = 64;  // idle connections that find what a process takes for the first ones
constexpr size_t kAtOnce = 64, kSessions = 64;

class Comparison {
  public:
    Comparison(const Options& options, lab::Lab& lab)
        : options_(options),
          client_(lab.host("client")),
          span_{.counted = Milliseconds(options.milliseconds)} {
        for (const auto kind : kKinds)
            subjects_.push_back(std::make_unique<Subject>(kind, lab, options.binary));
        backend_.emplace(lab.host("backend"), kOtherCpu);
    }

    const Report& report() const { return report_; }

    void run() {
        OnCpu here(kOtherCpu);
        for (auto& subject : subjects_) begin(*subject);
        for (int round = 0; round < options_.rounds; ++round) {
            round_ = round;
            measure("bulk", [this](auto& subject) { bulk(subject); });
            measure("connections", [this](auto& subject) { connections(subject); });
            measure("exchanges", [this](auto& subject) { exchanges(subject); });
            measure("UDP", [this](auto& subject) { datagrams(subject); });
        }
    }

  private:
    using Milliseconds = std::chrono::milliseconds;

    /// One after another, each round another first.
    template <class Work>
    void measure(const char* what, Work work) {
        for (size_t i = 0; i < subjects_.size(); ++i) {
            auto& subject = *subjects_[(i + static_cast<size_t>(round_)) % subjects_.size()];
            if (absent_.contains(subject.kind()) || failures_[{subject.kind(), what}] == kFailures) continue;
            attempt(subject, what, [&] { work(subject); });
        }
    }

    /// In the client's namespace. Who fails has no number then, and the run goes on.
    template <class Work>
    void attempt(Subject& subject, const char* what, Work work) {
        try {
            client_.run(work);
        } catch (const lab::Failure& failure) {
            ++failures_[{subject.kind(), what}];
            report_.note(fmt::format("{}, {}: {}", name_of(subject.kind()), what, failure.what()));
            if (const auto words = subject.last_words(); !words.empty()) {
                report_.note(words);
                absent_.insert(subject.kind());
            }
        }
    }

    void add(const Subject& subject, Column column, double value) {
        report_.add(subject.kind(), column, round_, value);
    }

    /// The memory of idle connections is that of a process which has had no others; it ends then.
    void begin(Subject& subject) {
        const auto start = [&] {
            absent_.insert(subject.kind());
            subject.start(kProxyCpu);
            absent_.erase(subject.kind());
        };
        attempt(subject, "start", start);
        if (absent_.contains(subject.kind()) || subject.pid() == 0 || options_.idle == 0) return;
        attempt(subject, "idle connections", [&] { idle_memory(subject); });
        attempt(subject, "start", start);
    }

    void idle_memory(Subject& subject) {
        const auto resident = [&] { return static_cast<double>(process_resident(subject.pid())); };
        const auto front = subject.front(kEchoPort);
        const auto some = connect_idle(front, kFirst);
        const auto before = resident();
        const auto many = connect_idle(front, options_.idle);
        add(subject, Column::idle_memory, (resident() - before) / static_cast<double>(options_.idle));
    }

    void bulk(Subject& subject) {
        const auto pid = subject.pid();
        const auto take = [&](size_t streams, Column speed, Column cost) {
            const auto taken = pull(subject.front(kBulkPort), streams, span_,
                                    [pid] { return pid ? process_seconds(pid) : 0.0; });
            add(subject, speed, taken.gbits);
            if (pid) add(subject, cost, taken.cost);
        };
        take(1, Column::bulk_1, Column::bulk_1_cost);
        take(16, Column::bulk_16, Column::bulk_16_cost);
    }

    void connections(Subject& subject) {
        add(subject, Column::connections, connect_again(subject.front(kEchoPort), kAtOnce, span_));
    }

    void exchanges(Subject& subject) {
        const auto front = subject.front(kEchoPort);
        const auto alone = exchange(front, 1, span_);
        add(subject, Column::p50, alone.p50);
        add(subject, Column::p99, alone.p99);
        add(subject, Column::exchanges, exchange(front, 100, span_).per_second);
    }

    void datagrams(Subject& subject) {
        if (!subject.carries_udp()) return;
        add(subject, Column::datagrams,
            flood(subject.front(kCountPort), kSessions, span_, [this] { return backend_->counted(); }));
        const auto answered = exchange_datagrams(subject.front(kAnswerPort), kSessions, span_);
        add(subject, Column::datagram_exchanges, answered.per_second);
        add(subject, Column::datagram_loss, answered.lost);
    }

    Options options_;
    lab::Host& client_;
    Span span_;
    std::vector<std::unique_ptr<Subject>> subjects_;
    std::optional<ProxyBackend> backend_;
    std::set<Kind> absent_;
    std::map<std::pair<Kind, std::string>, int> failures_;
    Report report_;
    int round_ = 0;
};

/// Each idle connection has two sockets in a proxy.
void raise_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_max = std::max<rlim_t>(limit.rlim_max, 1 << 16);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void run(const Options& options) {
    raise_descriptors();
    lab::SignalTrap trap;  // so that the namespaces are removed
    lab::Lab lab("proxy-bench");
    Comparison comparison(options, lab);
    const auto began = wall_seconds();
    comparison.run();
    if (options.json) {
        fmt::print("{}\n", boost::json::serialize(comparison.report().json()));
        return;
    }
    fmt::print("### Proxies on one core; {}\n\n{}\n{} rounds of {} ms a measure, {:.0f} s\n",
               describe_machine(), comparison.report().tables(), options.rounds, options.milliseconds,
               wall_seconds() - began);
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
    return weir::bench::status_of([&] {
        weir::bench::Options options;
        CLI::App app("weir as a proxy beside HAProxy and nginx");
        app.add_option("--binary", options.binary, "of the daemon")->capture_default_str();
        app.add_option("--rounds", options.rounds)->capture_default_str()->check(CLI::PositiveNumber);
        app.add_option("--milliseconds", options.milliseconds, "that a measure counts for")
            ->capture_default_str()
            ->check(CLI::Range(50, 60000));
        app.add_option("--idle", options.idle, "connections whose memory is measured; 0: none")
            ->capture_default_str();
        app.add_flag("--json", options.json, "print JSON");
        CLI11_PARSE(app, argc, argv);
        weir::bench::run(options);
        return 0;
    });
}
