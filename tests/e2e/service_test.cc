// The main job: clients of a VIP are spread over the backends, in both families and modes, TCP and UDP.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <cmath>
#include <sstream>

#include "lab/tcp.h"
#include "tests/e2e/site.h"
#include "tests/e2e/udp.h"

namespace weir::e2e {
namespace {

using testing::HasSubstr;

struct Way {
    const char* name;
    const char* vip;  // as in a URL
    const char* backends;
    const char* mode;
};
void PrintTo(const Way& way, std::ostream* out) {
    *out << way.name;
}

constexpr const char* kV4 = "192.168.101.1";
constexpr const char* kV6 = "[2001:db8:101::1]";
constexpr const char* kBackends4 = "10.1.10.10, 10.1.10.11, 10.1.10.12";
constexpr const char* kBackends6 = R"("2001:db8:10::10", "2001:db8:10::11", "2001:db8:10::12")";

class Service : public SiteTest, public testing::WithParamInterface<Way> {};

/// Requests for `/` in an access log; the checks ask for another path.
size_t requests_in(const std::string& log) {
    std::istringstream lines(log);
    size_t count = 0;
    for (std::string line; std::getline(lines, line);)
        count += line.find("\"GET / HTTP") != std::string::npos;
    return count;
}

TEST_P(Service, IsSpreadOverItsBackendsWithoutAFailedRequest) {
    Site site({.lab = "service", .native = std::string(GetParam().mode) == "native"});
    site.start({.mode = GetParam().mode, .backends = GetParam().backends});
    const boost::json::value status = site.get("/api/v1/status");
    EXPECT_EQ(status.at("interfaces").at(0).at("mode").as_string(), GetParam().mode);

    const std::string url = fmt::format("http://{}/", GetParam().vip);
    const lab::Finished curl = lab::run(site.client(), {"curl", "-sS", "--noproxy", "*", url});
    EXPECT_EQ(curl.status, 0) << curl.err;
    EXPECT_THAT(curl.out, testing::StartsWith("backend-"));

    const lab::Finished ab = lab::run(site.client(), {"ab", "-q", "-n", "2000", "-c", "20", url}, 60s);
    ASSERT_EQ(ab.status, 0) << ab.err << site.daemon().log();
    EXPECT_THAT(ab.out, testing::ContainsRegex("Complete requests: +2000\n"));
    EXPECT_THAT(ab.out, testing::ContainsRegex("Failed requests: +0\n"));
    EXPECT_THAT(ab.out, testing::Not(HasSubstr("Non-2xx"))) << ab.out;

    // Each new flow is a toss with three sides: six standard deviations around a third are as good as
    // certain.
    constexpr double kFlows = 2001;
    const double deviation = std::sqrt(kFlows * (1.0 / 3) * (2.0 / 3));
    size_t all = 0;
    for (size_t i = 0; i < 3; ++i) {
        const size_t served = requests_in(site.server(i).access_log());
        EXPECT_NEAR(static_cast<double>(served), kFlows / 3, 6 * deviation) << "backend-" << i + 1;
        all += served;
    }
    EXPECT_EQ(all, 2001u);
}

INSTANTIATE_TEST_SUITE_P(Ways, Service,
                         testing::Values(Way{"v4Native", kV4, kBackends4, "native"},
                                         Way{"v4Generic", kV4, kBackends4, "generic"},
                                         Way{"v6Native", kV6, kBackends6, "native"},
                                         Way{"v6Generic", kV6, kBackends6, "generic"},
                                         Way{"v6VipOnV4Backends", kV6, kBackends4, "native"},
                                         Way{"v6VipOnV4BackendsGeneric", kV6, kBackends4, "generic"},
                                         Way{"v4VipOnV6BackendsGeneric", kV4, kBackends6, "generic"}),
                         [](const auto& row) { return std::string(row.param.name); });

/// Flows by state, as /api/v1/flows names them.
using States = std::map<std::string, uint64_t>;

class Traffic : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::DsrOptions{.lab = "service"});
        for (size_t i = 0; i < 3; ++i)
            echoes_.emplace_back(site_->dsr().backend(i), lab::endpoint(kUdp), lab::Dsr::address4(i));
        site_->start({.vips = kV4,
                      .ports = "80/tcp, 5353/udp",
                      .check = "{http: {path: /alive}, port: 80, interval: 1s, timeout: 1s}",
                      .settings = "flows: {timeouts: {handshake: 10m, closing: 10m}}\n"});
    }
    /// The backend that a connection's packets go to.
    std::string backend_of(const UniqueFd& connection) {
        sockaddr_storage local{};
        socklen_t size = sizeof local;
        lab::check(::getsockname(connection.get(), reinterpret_cast<sockaddr*>(&local), &size), "no name");
        const auto source = lab::must(net::from_socket_address(local)).text();
        const auto traced = site_->get(fmt::format("/api/v1/trace?src={}&vip={}", source, kTcp));
        return std::string(traced.at("backend").as_string());
    }
    /// Of each backend, without those that have none.
    std::map<std::string, States> flows() {
        std::map<std::string, States> flows;
        const auto census = site_->get("/api/v1/flows?service=web");
        for (const auto& row : census.at("backends").as_array())
            for (const char* state : {"new", "established", "closing", "datagram"})
                if (const auto count = row.at(state).to_number<uint64_t>(); count > 0)
                    flows[std::string(row.at("address").as_string())][state] = count;
        return flows;
    }

    static constexpr const char* kTcp = "192.168.101.1:80";
    static constexpr const char* kUdp = "192.168.101.1:5353";
    std::optional<Site> site_;
    std::deque<UdpEcho> echoes_;
};

TEST_F(Traffic, IsCountedForTheBackendThatGotItAndByTheStateOfItsFlows) {
    const Answers answers = site_->ask(kTcp, 60);
    EXPECT_TRUE(answered_by(answers, {"backend-1", "backend-2", "backend-3"}));
    std::map<std::string, States> expected;
    for (size_t i = 0; i < 3; ++i) {
        const boost::json::object row = site_->row(lab::Dsr::address4(i));
        const auto number = [&](const char* name) { return row.at(name).to_number<uint64_t>(); };
        const size_t requests = answers.at(site_->dsr().backend(i).name());
        EXPECT_EQ(number("flows_total"), requests);
        EXPECT_GE(number("packets_total"), 4 * requests) << "SYN, ACK, the request, FIN";
        EXPECT_GE(number("bytes_total"), 54 * number("packets_total")) << "Ethernet, IPv4 and TCP headers";
        expected[lab::Dsr::address4(i)]["closing"] = requests;
    }

    std::vector<UniqueFd> held;
    for (int i = 0; i < 12; ++i) {
        held.push_back(lab::must(lab::connect_tcp(site_->client(), lab::endpoint(kTcp), 5s)));
        ++expected[backend_of(held.back())]["established"];
    }
    std::deque<UdpFlow> asking;  // all at once, so that no port comes twice
    for (int i = 0; i < 12; ++i) {
        UdpFlow& flow = asking.emplace_back(site_->client(), lab::endpoint(kUdp));
        const std::string backend = flow.ask().value_or("nobody");
        const bool asks_twice = i < 8;
        if (asks_twice) EXPECT_EQ(flow.ask(), backend);
        ++expected[backend][asks_twice ? "datagram" : "new"];
    }
    EXPECT_TRUE(lab::wait_until([&] { return flows() == expected; }, 30s));
    EXPECT_EQ(flows(), expected);

    const auto table = site_->get("/api/v1/flows").at("flow_table");
    EXPECT_EQ(table.at("established"), 12);
    EXPECT_EQ(table.at("used"), 60 + 12 + 12);
    EXPECT_EQ(table.at("left_behind"), 0);
    const lab::Finished shown = site_->weir({"flows", "--backend", "10.1.10.11"});
    EXPECT_EQ(shown.status, 0) << shown.err;
    EXPECT_THAT(shown.out, HasSubstr("flows          4 new, 12 established, 60 closing, 8 datagram\n"));
    EXPECT_THAT(shown.out, testing::ContainsRegex("\nweb +10\\.1\\.10\\.11 "));
    EXPECT_THAT(shown.out, testing::Not(HasSubstr("10.1.10.12")));
}

class UdpService : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::DsrOptions{.lab = "udp"});
        for (size_t i = 0; i < 3; ++i) echoes_.emplace_back(site_->dsr().backend(i), kVip, std::to_string(i));
        site_->start(setup(kBackends4));
        for (int i = 0; i < 40; ++i) flows_.emplace_back(site_->client(), kVip);
    }
    static Yaml setup(std::string backends) {
        return {.vips = kV4,
                .backends = std::move(backends),
                .ports = "5353/udp",
                .check = "{http: {path: /alive}, port: 80, interval: 1s, timeout: 1s}"};
    }

    /// Who answers each flow: the digit of a backend, or a space where nobody does.
    std::string round() {
        std::string who;
        for (UdpFlow& flow : flows_) who += flow.ask().value_or(" ");
        return who;
    }

    const net::Endpoint kVip = lab::endpoint("192.168.101.1:5353");
    std::optional<Site> site_;
    std::deque<UdpEcho> echoes_;
    std::deque<UdpFlow> flows_;
};

TEST_F(UdpService, KeepsAFlowOnItsBackend) {
    const std::string first = round();
    EXPECT_THAT(first, testing::AllOf(HasSubstr("0"), HasSubstr("1"), HasSubstr("2"))) << "spread";
    for (int i = 0; i < 5; ++i) EXPECT_EQ(round(), first);
}

TEST_F(UdpService, KeepsAFlowOnItsBackendAlsoWhileThatDrains) {
    const std::string first = round();
    ASSERT_THAT(first, testing::Not(HasSubstr(" ")));
    ASSERT_TRUE(site_->reload(setup("10.1.10.10, {address: 10.1.10.11, state: draining}, 10.1.10.12")));
    EXPECT_EQ(round(), first);
    flows_.clear();
    for (int i = 0; i < 40; ++i) flows_.emplace_back(site_->client(), kVip);
    const std::string fresh = round();
    EXPECT_THAT(fresh, testing::Not(testing::ContainsRegex("[1 ]")))
        << "new flows went to the draining backend";
}

}  // namespace
}  // namespace weir::e2e
