// Every forwarding method with real clients, servers and routers: requests, a long download, an upload, UDP,
// over IPv4 and IPv6, with backends on the balancer's LAN and behind a router. doc/backends.md.
#include <gmock/gmock.h>

#include <atomic>
#include <deque>
#include <ostream>
#include <random>
#include <set>
#include <thread>

#include "lab/failure.h"
#include "lab/frames.h"
#include "lab/load.h"
#include "lab/routed.h"
#include "lab/tcp.h"
#include "net/packet.h"
#include "tests/e2e/site.h"
#include "tests/e2e/udp.h"

namespace weir::e2e {
namespace {

constexpr const char* kNear4 = "10.1.10.10, 10.1.10.11";
constexpr const char* kNear6 = R"("2001:db8:10::10", "2001:db8:10::11")";
constexpr const char* kAll4 = "10.1.10.10, 10.1.10.11, 10.1.20.10";
constexpr const char* kAll6 = R"("2001:db8:10::10", "2001:db8:10::11", "2001:db8:20::10")";
constexpr const char* kVips[] = {"192.168.101.1", "[2001:db8:101::1]"};

struct Method {
    const char* name;
    const char* forward;
    const char* backends4;  // of the IPv4 VIP's service
    const char* backends6;
    bool nat = false;
    const char* mode = "native";
    bool whole_checksums = true;  // else local sockets leave them to the hardware
    unsigned megabytes = 1024;    // of a download

    /// For a method that goes most of the way of another.
    Method with_short_download() const {
        Method method = *this;
        method.megabytes = 64;
        return method;
    }
};
void PrintTo(const Method& method, std::ostream* out) {
    *out << method.name;
}

size_t count_of(const std::string& backends) {
    return static_cast<size_t>(std::ranges::count(backends, ',')) + 1;
}

/// Client, routers, balancer and backends with nginx and a UDP server; the daemon runs from the start.
class RoutedSite {
  public:
    RoutedSite(const Method& method, lab::RoutedOptions options = {})
        : method_(method), routed_(with(method, options)) {
        if (!method.nat)
            routed_.decapsulate(
                {.dscp = {{10, {*net::Ip::parse("192.168.101.1"), *net::Ip::parse("2001:db8:101::1")}}}});
        for (size_t i = 0; i < routed_.size(); ++i) {
            const auto name = routed_.backend(i).name();
            servers_.emplace_back(routed_.backend(i), name,
                                  lab::NginxOptions{.big_megabytes = method.megabytes,
                                                    .more = "location = /upload { client_max_body_size 0; "
                                                            "client_body_buffer_size 64k; return 200; }"});
            const std::string own4 = routed_.address4(i), own6 = fmt::format("[{}]", routed_.address6(i));
            for (const auto& address : {method.nat ? own4 : kVips[0], method.nat ? own6 : kVips[1]})
                echoes_.emplace_back(routed_.backend(i), lab::endpoint(fmt::format("{}:5353", address)),
                                     name);
        }
        daemon_.emplace(routed_.balancer(), WEIR_BINARY, yaml());
    }

    lab::Routed& net() { return routed_; }
    lab::Host& client() { return routed_.client(); }
    lab::Daemon& daemon() { return *daemon_; }
    std::vector<std::string> names(const std::string& backends) {
        std::vector<std::string> names;
        for (size_t i = 0; i < count_of(backends); ++i) names.push_back(routed_.backend(i).name());
        return names;
    }

    /// Waits until requests to a VIP are answered by every one of its backends.
    testing::AssertionResult serves(const std::string& vip, const std::string& backends) {
        Answers answers;
        auto right = [&] {
            answers.clear();
            for (const auto& answer : lab::burst(client(), lab::endpoint(vip + ":80"), 40, 8, 2s))
                ++answers[answer.text];
            return static_cast<bool>(answered_by(answers, names(backends)));
        };
        if (lab::wait_until(right, kSoon)) return testing::AssertionSuccess();
        return answered_by(answers, names(backends)) << "\n" << daemon_->log() << "\n" << status_text();
    }

    /// Packets that the balancer sent to backends so far.
    uint64_t forwarded() {
        uint64_t packets = 0;
        const auto rows = lab::must(daemon_->get("/api/v1/backends"));
        for (const auto& row : rows.as_array()) packets += row.at("packets_total").to_number<uint64_t>();
        return packets;
    }
    std::string status_text() {
        return lab::run(routed_.balancer(), {WEIR_BINARY, "--socket", daemon_->socket(), "status"}).out;
    }

    lab::Finished curl(std::vector<std::string> words) {
        words.insert(words.begin(), {"curl", "-sS", "--noproxy", "*", "-m", "90", "-o", "/dev/null", "-w",
                                     "%{http_code} %{size_download} %{size_upload}"});
        return lab::run(client(), std::move(words), 120s);
    }

  private:
    static lab::RoutedOptions with(const Method& method, lab::RoutedOptions options) {
        options.lab = "forward";
        options.nat = method.nat;
        options.native = std::string(method.mode) == "native";
        options.whole_checksums = options.native && method.whole_checksums;
        return options;
    }
    std::string yaml() const {
        auto service = [&](const char* name, const char* vip) {
            return fmt::format(
                "  {0}: {{vip: \"{1}\", ports: [80/tcp, 5353/udp], pool: {0}, forward: {2}}}\n", name, vip,
                method_.forward);
        };
        return fmt::format(
            "interfaces: [{{name: eth0, mode: {}}}]\n"
            "pools: {{v4: {{static: [{}]}}, v6: {{static: [{}]}}}}\n"
            "services:\n{}{}",
            method_.mode, method_.backends4, method_.backends6, service("v4", "192.168.101.1"),
            service("v6", "2001:db8:101::1"));
    }

    Method method_;
    lab::Routed routed_;
    std::deque<lab::Nginx> servers_;
    std::deque<UdpEcho> echoes_;
    std::optional<lab::Daemon> daemon_;
};

class Forwarding : public SiteTest, public testing::WithParamInterface<Method> {};

TEST_P(Forwarding, CarriesRequestsDownloadsUploadsAndDatagrams) {
    RoutedSite site(GetParam());
    for (const char* vip : kVips) {
        const char* backends = vip == kVips[0] ? GetParam().backends4 : GetParam().backends6;
        ASSERT_TRUE(site.serves(vip, backends)) << vip;

        const auto url = fmt::format("http://{}", vip);
        const auto download = site.curl({url + "/big"});
        EXPECT_EQ(download.out, fmt::format("200 {} 0", size_t{GetParam().megabytes} << 20))
            << vip << download.err;
        const auto upload = site.curl({"-T", WEIR_BINARY, url + "/upload"});
        EXPECT_THAT(upload.out, testing::StartsWith("200 ")) << vip << upload.err << site.status_text();

        std::map<std::string, int> who;
        for (int i = 0; i < 60; ++i) {
            UdpFlow flow(site.client(), lab::endpoint(fmt::format("{}:5353", vip)));
            const auto first = flow.ask();
            ++who[first.value_or("nobody")];
            EXPECT_EQ(flow.ask(), first);
        }
        EXPECT_EQ(who.size(), count_of(backends)) << vip;
        EXPECT_FALSE(who.contains("nobody")) << site.status_text();
    }
    if (GetParam().nat) return;
    for (size_t i = 0; i < site.net().size(); ++i)
        EXPECT_EQ(site.net().decap(i).counts().bad(), 0u) << "outer headers of backend " << i;
}

INSTANTIATE_TEST_SUITE_P(
    Methods, Forwarding,
    testing::Values(Method{"dsr", "dsr", kNear4, kNear6}, Method{"ipip", "ipip", kAll4, kAll6},
                    Method{"ipipOverTheOtherFamily", "ipip", kAll6, kAll4}.with_short_download(),
                    Method{"gre", "gre", kAll4, kAll6}, Method{"fou", "fou", kAll4, kAll6},
                    Method{"gue", "gue", kAll4, kAll6},
                    Method{"gueOverTheOtherFamily", "gue", kAll6, kAll4}.with_short_download(),
                    Method{"gueSpread", R"({gue: {source: [10.1.10.100, "2001:db8:10::100"]}})", kAll4, kAll6}
                        .with_short_download(),
                    Method{"dscp", "{dscp: {value: 10}}", kAll4, kAll6},
                    Method{"nat", "nat", kNear4, kNear6, true},
                    Method{"natWithChecksumsLeftToTheHardware", "nat", kNear4, kNear6, true, "native", false}
                        .with_short_download(),
                    Method{"fullNat", R"({nat: {source: [10.1.10.100, "2001:db8:10::100"]}})", kAll4, kAll6,
                           true},
                    Method{"natGeneric", "nat", kNear4, kNear6, true, "generic"}.with_short_download(),
                    Method{"proxy", "proxy", kAll4, kAll6, true},
                    Method{"proxyToTheOtherFamily", "proxy", kAll6, kAll4, true}.with_short_download(),
                    Method{"proxyAsTheClient", "proxy, proxy: {transparent: true}", kAll4, kAll6, true}),
    [](const auto& row) { return std::string(row.param.name); });

class PathMtu : public SiteTest, public testing::WithParamInterface<Method> {};

/// The router's way to the client takes 1400 bytes; it says so to the VIP, which is where the packets come
/// from, and it is for weir to bring the message to the flow's backend.
TEST_P(PathMtu, OfAClientReachesTheBackendThatSendsToIt) {
    RoutedSite site(GetParam());
    for (const char* vip : kVips)
        ASSERT_TRUE(site.serves(vip, vip == kVips[0] ? GetParam().backends4 : GetParam().backends6));
    site.net().router().set_mtu(lab::Routed::kToClient, 1400);
    for (const char* vip : kVips)
        for (int i = 0; i < 6; ++i) {
            const auto download = site.curl({"-r", "0-9999999", fmt::format("http://{}/big", vip)});
            EXPECT_EQ(download.out, "206 10000000 0") << vip << download.err << site.status_text();
        }
}

INSTANTIATE_TEST_SUITE_P(
    Methods, PathMtu,
    testing::Values(Method{"dsr", "dsr", kNear4, kNear6}, Method{"ipip", "ipip", kAll4, kAll6},
                    Method{"gre", "gre", kAll4, kAll6}, Method{"fou", "fou", kAll4, kAll6},
                    Method{"gue", "gue", kAll4, kAll6}, Method{"dscp", "{dscp: {value: 10}}", kAll4, kAll6},
                    Method{"nat", "nat", kNear4, kNear6, true}),
    [](const auto& row) { return std::string(row.param.name); });

using Fragments = Forwarding;

/// Asks with a datagram that takes three fragments; who answers, or nothing. The first one may be lost: full
/// fragments do not fit into a tunnel, which is when the client learns the size that does.
std::optional<std::string> ask_in_fragments(lab::Host& host, const net::Endpoint& to) {
    lab::DatagramSocket socket(host,
                               {net::Ip::parse(to.address.is_v4() ? "0.0.0.0" : "::").value(), net::Port(0)});
    for (int attempt = 0; attempt < 3; ++attempt) {
        socket.send(to, std::vector<uint8_t>(4000, 'x'));
        if (const auto answer = socket.receive(2s))
            return std::string(answer->payload.begin(), answer->payload.end());
    }
    return std::nullopt;
}

TEST_P(Fragments, OfADatagramAllReachTheSameBackend) {
    RoutedSite site(GetParam());
    for (const char* vip : kVips) {
        ASSERT_TRUE(site.serves(vip, vip == kVips[0] ? GetParam().backends4 : GetParam().backends6));
        std::set<std::string> who;
        for (int i = 0; i < 20; ++i) {
            const auto answer = ask_in_fragments(site.client(), lab::endpoint(fmt::format("{}:5353", vip)));
            ASSERT_TRUE(answer) << vip << " datagram " << i << "\n" << site.status_text();
            who.insert(*answer);
        }
        EXPECT_GT(who.size(), 1u);
    }
}

// DSCP is not here: the lab's stand-in for such a backend reads no IPv6 fragments. tests/packet has it.
INSTANTIATE_TEST_SUITE_P(Methods, Fragments,
                         testing::Values(Method{"dsr", "dsr", kNear4, kNear6},
                                         Method{"ipip", "ipip", kAll4, kAll6},
                                         Method{"gueOverTheOtherFamily", "gue", kAll6, kAll4},
                                         Method{"nat", "nat", kNear4, kNear6, true}),
                         [](const auto& row) { return std::string(row.param.name); });

class Flood : public SiteTest {};

/// SYNs from random sources, as fast as one thread can, for as long as this lives.
class SynFlood {
  public:
    SynFlood(lab::Host& from, const std::string& ifname, net::Mac next_hop)
        : socket_(from, ifname), thread_([this, own = from.mac(ifname), next_hop](std::stop_token stop) {
              std::mt19937 random(1);
              net::PacketSpec spec{.source_mac = own,
                                   .destination_mac = next_hop,
                                   .source = lab::endpoint("203.0.113.1:1"),
                                   .destination = lab::endpoint("192.168.101.1:80"),
                                   .protocol = net::kTcp,
                                   .tcp_flags = net::kTcpSyn};
              while (!stop.stop_requested()) {
                  const uint32_t draw = random();
                  spec.source = {
                      net::Ip::v4({203, static_cast<uint8_t>(draw), static_cast<uint8_t>(draw >> 8),
                                   static_cast<uint8_t>(draw >> 16)}),
                      net::Port(static_cast<uint16_t>(1024 + random() % 60000))};
                  try {
                      socket_.send(net::build_frame(spec));
                      ++sent_;
                  } catch (const lab::Failure&) {  // the queue is full: it is a flood
                  }
              }
          }) {}
    uint64_t sent() const { return sent_; }

  private:
    lab::FrameSocket socket_;
    std::atomic<uint64_t> sent_ = 0;
    std::jthread thread_;  // last: it ends before what it uses
};

TEST_F(Flood, OfSynsBreaksNoConnectionAndLetsNewOnesIn) {
    for (const Method& method :
         {Method{"ipip", "ipip", kAll4, kAll6}, Method{"nat", "nat", kNear4, kNear6, true}}) {
        RoutedSite site(method, {.ipv6 = true});
        ASSERT_TRUE(site.serves(kVips[0], method.backends4));
        // The flood is the balancer's to stand, not the backends': it comes straight to the balancer's port
        // of the switch, and ends where the balancer's answers enter that, plain or within IPv4.
        lab::Host& around = site.net().lab().host("near-switch");
        const auto sink = lab::run(around, {"nft", R"(table netdev flood { chain sink {
            type filter hook ingress device "balancer" priority 0;
            ip saddr 203.0.0.0/8 drop; ip protocol 4 @nh,256,8 203 drop; }; })"});
        ASSERT_EQ(sink.status, 0) << sink.err;
        const std::vector<std::string> slow = {"curl",
                                               "-sS",
                                               "--noproxy",
                                               "*",
                                               "--limit-rate",
                                               "4M",
                                               "-r",
                                               "0-15999999",
                                               "-o",
                                               "/dev/null",
                                               "-w",
                                               "%{size_download}",
                                               "http://192.168.101.1/big"};
        lab::Process download(site.client(), slow);
        SynFlood flood(around, "balancer", site.net().balancer().mac(lab::Routed::kInterface));
        ASSERT_TRUE(lab::wait_until([&] { return site.forwarded() > 100'000; }, 30s)) << flood.sent();
        // Where the machine cannot carry the flood, packets are lost on the wire, and clients ask again.
        const auto answers = lab::burst(site.client(), lab::endpoint("192.168.101.1:80"), 100, 25, 40s);
        const auto failed = std::ranges::count_if(answers, [](const auto& each) { return !each.ok; });
        EXPECT_EQ(failed, 0) << method.name << ": of 100 new connections, after " << flood.sent() << " SYNs\n"
                             << site.status_text();
        EXPECT_EQ(download.wait(60s), 0) << method.name << download.err();
    }
}

}  // namespace
}  // namespace weir::e2e
