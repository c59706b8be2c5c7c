// Nothing that the operator does breaks a connection or loses the first packet of one: 200 long downloads and
// 100 new connections a second run through fifty reloads, a crash with a restart, a takeover, a drain, and an
// upgrade to a build with other programs and other tables, with the way back.
#include <gmock/gmock.h>

#include <sstream>

#include "lab/failure.h"
#include "lab/load.h"
#include "lab/tcp.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

constexpr const char* kVip = "192.168.101.1:80";
constexpr const char* kVip6 = "[2001:db8:101::1]:80";
constexpr size_t kBytes = 480 << 10;
const std::vector<std::string> kAll = {"backend-1", "backend-2", "backend-3"};

/// Many downloads at a time, slow ones, each over a connection of its own.
class Downloads {
  public:
    /// `path`: what lasts a minute (`/slow`) or 10 s (`/brisk`). `from`: the VIP, as in a URL.
    Downloads(Site& site, size_t count, const std::string& path, const std::string& from = "192.168.101.1")
        : count_(count),
          curl_(site.client(),
                {"curl", "-sS", "-Z", "--parallel-immediate", "--parallel-max", std::to_string(count),
                 "--noproxy", "*", "-o", "/dev/null", "-w", "%header{x-backend} %{size_download}\n",
                 fmt::format("http://{}{}?[1-{}]", from, path, count)}) {}

    /// How many ended whole, by backend. The others are under "broken", but for those from `dead`.
    std::map<std::string, size_t> ended(const std::string& dead = "") {
        if (!curl_.wait(180s)) return {{"stalled", count_}};
        std::map<std::string, size_t> ended;
        std::istringstream lines(curl_.out());
        size_t bytes = 0;
        for (std::string backend; lines >> backend >> bytes;) {
            if (bytes == kBytes)
                ++ended[backend];
            else if (backend != dead)
                ++ended["broken"];
        }
        return ended;
    }
    bool run() { return curl_.alive(); }
    std::string err() { return curl_.err(); }

  private:
    size_t count_;
    lab::Process curl_;
};

class Hitless : public SiteTest {
  protected:
    void stand_up() {
        dir_.write("film", std::string(kBytes, '.'));
        site_.emplace(lab::DsrOptions{.lab = "hitless"}, [&](const std::string& backend) {
            lab::NginxOptions options;
            options.listen.emplace_back("0.0.0.0:8080");
            for (const auto& [path, rate] : {std::pair("/slow", 8 << 10), std::pair("/brisk", 48 << 10)})
                options.more +=
                    fmt::format("location = {} {{ alias {}; limit_rate {}; add_header X-Backend {}; }}", path,
                                std::string(dir_ / "film"), rate, backend);
            return options;
        });
        site_->start({});
    }

    /// Adds, changes and removes services beside the one that is used, and other things.
    static Yaml changed(int round) {
        Yaml other;
        if (round % 3 != 0)
            other.services = fmt::format("  other: {{vip: 192.168.101.1, ports: [{}/tcp], pool: web}}\n",
                                         8080 + round % 3);
        if (round % 4 == 1) other.settings = "flows: {timeouts: {closing: 20s}}\n";
        return other;
    }
    /// `weir drain --wait`, under way.
    std::unique_ptr<lab::Process> drain(const std::string& backend) {
        auto drain = std::make_unique<lab::Process>(
            site_->balancer(), std::vector<std::string>{WEIR_BINARY, "--socket", site_->daemon().socket(),
                                                        "drain", backend, "--wait"});
        EXPECT_TRUE(lab::wait_until([&] { return !drain->out().empty(); }, kSoon)) << drain->err();
        return drain;
    }
    /// How often the daemon's log has it.
    size_t said(std::string_view line) {
        const std::string log = site_->daemon().log();
        size_t count = 0;
        for (size_t at = 0; (at = log.find(line, at)) != std::string::npos; at += line.size()) ++count;
        return count;
    }
    /// SYNs that the client had to send again.
    uint64_t syns_sent_again() {
        const lab::Finished read = lab::run(site_->client(), {"cat", "/proc/net/netstat"});
        std::istringstream lines(read.out);
        std::string names, values;
        while (std::getline(lines, names) && std::getline(lines, values)) {
            std::istringstream name(names), value(values);
            std::string n, v;
            while (name >> n && value >> v)
                if (n == "TCPSynRetrans") return std::stoull(v);
        }
        lab::give_up("no TCPSynRetrans in {}", read.out);
    }

    lab::TempDir dir_;
    std::optional<Site> site_;
};

TEST_F(Hitless, AreReloadsARestartATakeoverADrainAndAnUpgrade) {
    stand_up();
    Downloads of4(*site_, 100, "/slow"), of6(*site_, 100, "/slow", "[2001:db8:101::1]");
    lab::SteadyLoad load4(site_->client(), lab::endpoint(kVip), 100, 10s);
    lab::SteadyLoad load6(site_->client(), lab::endpoint(kVip6), 50, 10s);
    const uint64_t syns = syns_sent_again();
    for (int round = 0; round < 50; ++round) ASSERT_TRUE(site_->reload(changed(round))) << round;
    site_->daemon().kill();
    site_->daemon().start();
    EXPECT_EQ(site_->daemon().replace(), 0) << site_->daemon().log();
    Yaml brief;
    brief.settings = "flows: {timeouts: {closing: 1s}}\n";
    ASSERT_TRUE(site_->reload(brief));
    const auto drained = drain("10.1.10.10");
    // The drained backend keeps its downloads only if its flows go from tables to tables: for others nothing
    // leads to it.
    for (const char* binary : {WEIR_OTHER_BINARY, WEIR_BINARY}) {
        EXPECT_EQ(site_->daemon().replace(binary), 0) << site_->daemon().log();
        EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-2", "backend-3"}));
        EXPECT_TRUE(answered_by(site_->ask(kVip6), {"backend-2", "backend-3"}));
    }
    EXPECT_EQ(said("took over the tables of another version"), 2u) << site_->daemon().log();
    EXPECT_TRUE(of4.run() && of6.run()) << "too late to prove anything";
    for (Downloads* downloads : {&of4, &of6}) {
        const auto ended = downloads->ended();
        EXPECT_EQ(ended.size(), 3u) << testing::PrintToString(ended) << downloads->err();
        for (const auto& name : kAll) EXPECT_GT(ended.contains(name) ? ended.at(name) : 0, 10u) << name;
    }
    EXPECT_EQ(drained->wait(60s), 0) << drained->out() << drained->err();
    EXPECT_THAT(drained->out(), testing::EndsWith("10.1.10.10: drained\n"));
    for (lab::SteadyLoad* load : {&load4, &load6}) {
        Answers counts;
        for (const lab::Answer& answer : load->stop()) ++counts[answer.text];
        EXPECT_TRUE(answered_by(counts, kAll));
    }
    EXPECT_EQ(syns_sent_again(), syns);
}

TEST_F(Hitless, IsADeathForAllBackendsButTheDeadOne) {
    stand_up();
    // A SYN of a port used before finds the last connection's end in TIME_WAIT; where nobody listens any more
    // it gets an ACK instead of a RST, and is sent again. The dead one's host keeps none.
    site_->dsr().backend(2).sysctl("net.ipv4.tcp_max_tw_buckets", "0");
    constexpr size_t kDownloads = 60;
    Downloads downloads(*site_, kDownloads, "/brisk");
    const auto all_flow = [&] {
        uint64_t flows = 0;
        for (const char* backend : {"10.1.10.10", "10.1.10.11", "10.1.10.12"})
            flows += site_->row(backend).at("flows_active").to_number<uint64_t>();
        return flows >= kDownloads;
    };
    ASSERT_TRUE(lab::wait_until(all_flow, kSoon));
    lab::SteadyLoad load(site_->client(), lab::endpoint(kVip), 100, 10s);
    const uint64_t syns = syns_sent_again();
    const auto died = std::chrono::steady_clock::now();
    site_->server(2).kill();
    ASSERT_TRUE(site_->await("10.1.10.12", "down"));
    EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-1", "backend-2"}));
    const auto gone = std::chrono::steady_clock::now();
    const auto ended = downloads.ended("backend-3");
    EXPECT_FALSE(ended.contains("broken") || ended.contains("stalled")) << testing::PrintToString(ended);
    EXPECT_GT(ended.at("backend-1") + ended.at("backend-2"), 10u);
    // What failed was the dead one's: its host refused it until the checks had found out.
    for (const lab::Answer& answer : load.stop())
        EXPECT_TRUE(answer.ok || (answer.ended >= died && answer.started <= gone)) << answer.text;
    EXPECT_EQ(syns_sent_again(), syns);
}

}  // namespace
}  // namespace weir::e2e
