// `weir trace` held against where packets really go: frames of random flows are sent, and every backend's
// cable is tapped.
#include <gmock/gmock.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>
#include <set>
#include <span>

#include "lab/tcp.h"
#include "net/packet.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

/// Sends and receives whole frames on a host's `eth0`.
class Tap {
  public:
    explicit Tap(lab::Host& host) : mac_(host.mac("eth0")) {
        host.run([&] {
            const int every = htons(ETH_P_ALL);
            socket_ = UniqueFd(lab::check(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, every),
                                          "no packet socket"));
            sockaddr_ll where{};
            where.sll_family = AF_PACKET;
            where.sll_protocol = static_cast<uint16_t>(every);
            where.sll_ifindex = static_cast<int>(host.index("eth0"));
            lab::check(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&where), sizeof where),
                       "cannot bind");
        });
        const int room = 8 << 20;
        lab::check(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room), "no room");
    }

    const net::Mac& mac() const { return mac_; }
    void send(std::span<const uint8_t> frame) {
        lab::check(::send(socket_.get(), frame.data(), frame.size(), 0), "cannot send a frame");
    }
    /// The next frame to this host, as far as it is TCP or UDP; nothing when there is none. What the switch
    /// floods to everybody is left out.
    std::optional<std::pair<net::Endpoint, uint8_t>> next() {
        uint8_t buffer[2048];
        for (ssize_t size = 0; (size = ::recv(socket_.get(), buffer, sizeof buffer, 0)) >= 0;) {
            const auto frame = net::parse_frame({buffer, static_cast<size_t>(size)});
            if (frame && frame->destination_mac == mac_ && frame->source_mac != mac_)
                return std::pair(frame->source, frame->protocol);
        }
        return std::nullopt;
    }

  private:
    net::Mac mac_;
    UniqueFd socket_;
};

struct Flow {
    net::Endpoint source;
    uint8_t protocol = net::kTcp;

    auto operator<=>(const Flow&) const = default;
};

struct Traced {
    std::string backend;
    std::string reason;
};

class Trace : public SiteTest, public testing::WithParamInterface<const char*> {
  protected:
    static constexpr size_t kFlows = 1000;
    static constexpr size_t kBatch = 50;  // under way at a time, so that no queue of the lab overflows

    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::DsrOptions{.lab = "trace"});
        site_->start(yaml(", 10.1.10.12"));
        client_.emplace(site_->client());
        for (size_t i = 0; i < 3; ++i) taps_.emplace_back(site_->dsr().backend(i));
    }
    /// With the third backend as given.
    static Yaml yaml(const std::string& third) {
        Yaml yaml;
        yaml.ports = "80/tcp, 80/udp";
        yaml.check = "{http: {path: /alive}, port: 80, interval: 1s, timeout: 1s}";
        yaml.backends = "10.1.10.10, 10.1.10.11" + third;
        // Flows of one SYN are asked about a thousand calls later.
        yaml.settings = "flows: {timeouts: {handshake: 10m}}\n";
        return yaml;
    }
    bool v4() const { return vip_.address.is_v4(); }

    std::vector<Flow> random_flows(unsigned seed) const;
    Traced trace(const Flow& flow);
    std::map<Flow, Traced> trace(const std::vector<Flow>& flows);
    void send(const Flow& flow, uint8_t tcp_flags);
    std::map<Flow, std::string> observe(const std::vector<Flow>& flows, uint8_t tcp_flags);

    const net::Endpoint vip_ = lab::endpoint(GetParam());
    std::optional<Site> site_;
    std::optional<Tap> client_;
    std::deque<Tap> taps_;
};

/// From addresses that nobody has a route to: no answer comes back and disturbs the picture.
std::vector<Flow> Trace::random_flows(unsigned seed) const {
    std::mt19937 random(seed);
    std::set<Flow> flows;
    while (flows.size() < kFlows) {
        const auto low = [&](unsigned limit) { return random() % limit; };
        const std::string address =
            v4() ? fmt::format("172.{}.{}.{}", 16 + low(16), low(256), 1 + low(254))
                 : fmt::format("2001:db8:{:x}::{:x}", 0x1000 + low(0xe000), 1 + low(0xffff));
        const net::Port port(static_cast<uint16_t>(1024 + low(64000)));
        flows.insert({{lab::must(net::Ip::parse(address)), port}, low(2) ? net::kTcp : net::kUdp});
    }
    return {flows.begin(), flows.end()};
}

Traced Trace::trace(const Flow& flow) {
    const boost::json::value answer =
        site_->get(fmt::format("/api/v1/trace?src={}&vip={}&protocol={}", flow.source.text(), vip_.text(),
                               flow.protocol == net::kTcp ? "tcp" : "udp"));
    const auto text = [&](const char* name) {
        const boost::json::value& value = answer.at(name);
        return value.is_string() ? std::string(value.as_string()) : "none";
    };
    return {text("backend"), text("reason")};
}

std::map<Flow, Traced> Trace::trace(const std::vector<Flow>& flows) {
    std::map<Flow, Traced> traced;
    for (const Flow& flow : flows) traced[flow] = trace(flow);
    return traced;
}

void Trace::send(const Flow& flow, uint8_t tcp_flags) {
    net::PacketSpec packet;
    packet.source_mac = client_->mac();
    packet.destination_mac = site_->balancer().mac("eth0");
    packet.source = flow.source;
    packet.destination = vip_;
    packet.protocol = flow.protocol;
    packet.tcp_flags = tcp_flags;
    client_->send(net::build_frame(packet));
}

/// Sends one packet of each flow; the addresses of the backends that got them, by flow.
std::map<Flow, std::string> Trace::observe(const std::vector<Flow>& flows, uint8_t tcp_flags) {
    std::map<Flow, std::string> seen;
    const std::set<Flow> ours(flows.begin(), flows.end());
    const auto collect = [&] {
        for (size_t i = 0; i < taps_.size(); ++i)
            while (auto got = taps_[i].next())
                if (const Flow flow{got->first, got->second}; ours.contains(flow)) {
                    std::string& where = seen[flow];
                    where += (where.empty() ? "" : " and ") + lab::Dsr::address4(i);
                }
    };
    for (size_t sent = 0; sent < flows.size();) {
        for (const size_t end = std::min(sent + kBatch, flows.size()); sent < end; ++sent)
            send(flows[sent], tcp_flags);
        const bool all = lab::wait_until([&] { return collect(), seen.size() == sent; }, kSoon);
        EXPECT_TRUE(all) << sent - seen.size() << " packets went nowhere";
    }
    return seen;
}

/// How many of the flows were explained by each reason, after every one of them has been held against
/// reality.
std::map<std::string, size_t> agree(const std::map<Flow, Traced>& traced,
                                    const std::map<Flow, std::string>& seen) {
    std::map<std::string, size_t> reasons;
    for (const auto& [flow, answer] : traced) {
        ++reasons[answer.reason];
        const auto found = seen.find(flow);
        EXPECT_EQ(found == seen.end() ? "nowhere" : found->second, answer.backend) << flow.source.text();
    }
    return reasons;
}

TEST_P(Trace, SaysWhereThePacketsOfAThousandFlowsGo) {
    using Reasons = std::map<std::string, size_t>;
    const std::vector<Flow> flows = random_flows(1);
    const auto fresh = trace(flows);
    const auto first = observe(flows, net::kTcpSyn);
    EXPECT_EQ(agree(fresh, first), (Reasons{{"scheduler", kFlows}}));
    const auto known = trace(flows);
    EXPECT_EQ(agree(known, observe(flows, net::kTcpAck)), (Reasons{{"flow table", kFlows}}));
    for (const auto& [flow, answer] : known) EXPECT_EQ(answer.backend, fresh.at(flow).backend);

    // 10.1.10.12 leaves: its flows get another backend, the others stay; new ones never see it.
    ASSERT_TRUE(site_->reload(yaml("")));
    const auto at_the_leaver = static_cast<size_t>(
        std::ranges::count_if(first, [](const auto& entry) { return entry.second == "10.1.10.12"; }));
    ASSERT_GT(at_the_leaver, kFlows / 5);
    const auto moved = trace(flows);
    EXPECT_EQ(agree(moved, observe(flows, net::kTcpAck)),
              (Reasons{{"scheduler", at_the_leaver}, {"flow table", kFlows - at_the_leaver}}));
    for (const auto& [flow, answer] : moved) {
        const std::string& before = first.at(flow);
        EXPECT_TRUE(before == "10.1.10.12" || before == answer.backend)
            << flow.source.text() << " moved for nothing";
    }

    const std::vector<Flow> others = random_flows(2);
    const auto anew = trace(others);
    EXPECT_EQ(agree(anew, observe(others, net::kTcpSyn)), (Reasons{{"scheduler", kFlows}}));
    for (const auto& [flow, answer] : anew) EXPECT_NE(answer.backend, "10.1.10.12");
}

TEST_P(Trace, SaysWhenAFlowStaysBecauseItsBackendDrains) {
    const std::vector<Flow> flows = random_flows(3);
    const auto first = observe(flows, net::kTcpSyn);
    ASSERT_TRUE(site_->reload(yaml(", {address: 10.1.10.12, state: draining}")));
    const auto later = trace(flows);
    EXPECT_EQ(agree(later, observe(flows, net::kTcpAck)),
              (std::map<std::string, size_t>{{"flow table", kFlows}}));
    for (const auto& [flow, answer] : later) EXPECT_EQ(answer.backend, first.at(flow));
}

INSTANTIATE_TEST_SUITE_P(Families, Trace, testing::Values("192.168.101.1:80", "[2001:db8:101::1]:80"),
                         [](const auto& row) { return row.param[0] == '[' ? "v6" : "v4"; });

class Question : public SiteTest {};

TEST_F(Question, MayBeAboutPrefixesRangesAndAnyProtocol) {
    Site site({.lab = "trace"});
    site.start({.vips = "192.168.101.0/28",
                .ports = "8000-8099/tcp, any/sctp, any/gre",
                .check = "{http: {path: /alive}, port: 80, interval: 1s, timeout: 1s}"});
    const auto answer = [&](const char* source, const char* vip) {
        const lab::Finished trace = site.weir({"trace", source, vip});
        return trace.out + trace.err;
    };
    const auto forwarded = testing::MatchesRegex("forward to 10\\.1\\.10\\.1[012] \\(scheduler\\)\n");
    EXPECT_THAT(answer("10.1.10.1:40000", "192.168.101.15:8042"), forwarded);
    EXPECT_THAT(answer("10.1.10.1:40000", "192.168.101.0:8099/tcp"), forwarded);
    EXPECT_THAT(answer("10.1.10.1:40000", "192.168.101.7:36412/sctp"), forwarded);
    EXPECT_THAT(answer("10.1.10.1", "192.168.101.7/gre"), forwarded);
    EXPECT_EQ(answer("10.1.10.1:40000", "192.168.101.15:8100"), "drop (unmatched)\n");
    EXPECT_EQ(answer("10.1.10.1:40000", "192.168.101.16:8042"), "pass (not_vip)\n");
    EXPECT_EQ(answer("10.1.10.1", "192.168.101.7/icmp"), "reply (echo)\n");
}

}  // namespace
}  // namespace weir::e2e
