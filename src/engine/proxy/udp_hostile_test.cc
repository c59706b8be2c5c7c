// What a UDP frontend must bear: floods from forged addresses, no descriptors, a path that is narrower than
// the client's.
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstdlib>
#include <fstream>

#include "engine/proxy/udp_fixture.h"

namespace weir::engine::proxy {
namespace {

size_t resident_kilobytes() {
    std::ifstream statm("/proc/self/statm");
    size_t all = 0, resident = 0;
    statm >> all >> resident;
    return resident * 4;
}

/// A datagram each from so many clients, each of which is seen for the first time.
void flood(const UdpProxy& proxy, size_t clients) {
    for (size_t i = 0; i < clients;) {
        // A port of its own for each, of one address until they are used up.
        const auto from = fmt::format("127.1.{}.{}:1", i / 1000 / 250, i / 1000 % 250 + 1);
        std::vector<UdpPeer> peers;
        for (size_t each = 0; each < 500; ++each, ++i) {
            peers.emplace_back(endpoint(from));
            peers.back().send_to("x", proxy.address());
        }
    }
}

TEST(UdpHostile, FloodOfForgedClientsIsBounded) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.settings.udp_sessions = 300;
    proxy.start();
    const auto client = proxy.client();
    for (int i = 0; i < 2; ++i) {
        client.send("x");
        ASSERT_EQ(client.receive(), "ax");
    }
    flood(proxy, 2000);
    const auto descriptors = open_descriptors();
    const auto memory = resident_kilobytes();
    flood(proxy, 98000);
    EXPECT_LE(proxy.sessions(), 300u);
    EXPECT_LE(open_descriptors(), descriptors + 1);  // the socket that tells clients of errors
    EXPECT_LT(resident_kilobytes(), memory + 40000);
    EXPECT_GT(proxy.refused(Reason::service_full), 0u);
    EXPECT_TRUE(eventually([&] {  // one that talks never gave way
        client.send("y");
        return client.receive(50ms) == "ay";
    }));
    proxy.stop();
    EXPECT_EQ(proxy.route.budget->connections, 0u);
    EXPECT_EQ(proxy.of(0).active, 0u);
}

class DescriptorLimit {
  public:
    explicit DescriptorLimit(rlim_t most) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit now{.rlim_cur = most, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &now);
    }
    ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

TEST(UdpHostile, WithoutDescriptorsItCountsAndGoesOn) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.start();
    const auto client = proxy.client();
    client.send("x");
    ASSERT_EQ(client.receive(), "ax");
    const auto late = proxy.client();
    {
        const DescriptorLimit none(3);
        late.send("x");
        ASSERT_TRUE(eventually([&] { return proxy.refused(Reason::no_descriptors) == 1; }));
        const auto used = [] {
            timespec time{};
            ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
            return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
        };
        const auto before = used();
        std::this_thread::sleep_for(200ms);
        EXPECT_LT(used() - before, 100ms);  // it sleeps
        client.send("y");
        EXPECT_EQ(client.receive(), "ay");
        EXPECT_EQ(proxy.of(0).failed, 0u);  // that was not the backend's fault
    }
    late.send("x");
    EXPECT_EQ(late.receive(), "ax");
}

TEST(UdpHostile, DoesNotAnswerItself) {
    EchoBackend backend("a");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.start();
    UdpPeer forger(proxy.address(), true);  // of the same address and port
    forger.connect(proxy.address());
    for (int i = 0; i < 3; ++i) forger.send("x");
    forger.fd.reset();
    const auto client = proxy.client();
    client.send("y");
    EXPECT_EQ(client.receive(), "ay");
    EXPECT_EQ(proxy.sessions(), 1u);
    EXPECT_EQ(backend.received, 1u);
}

/// This thread, and those it starts, have a network of their own until the end.
class OwnNetwork {
  public:
    OwnNetwork() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
        made_ = ::unshare(CLONE_NEWNET) == 0;
    }
    ~OwnNetwork() {
        if (made_ && ::setns(before_.get(), CLONE_NEWNET) != 0) ADD_FAILURE() << std::strerror(errno);
    }
    bool is_made() const { return made_; }

  private:
    UniqueFd before_;
    bool made_ = false;
};

struct Narrow {
    const char* name;
    const char* client;
    const char* backend;
    bool answers;  // else the packets go to a device that drops them
    const char* route;
    int level, option, discover, mtu_option;
};
void PrintTo(const Narrow& row, std::ostream* out) {
    *out << row.name;
}

class UdpNarrowPath : public testing::TestWithParam<Narrow> {};
INSTANTIATE_TEST_SUITE_P(
    Families, UdpNarrowPath,
    testing::Values(Narrow{"v4", "127.0.0.1:1", "127.0.0.9:4000", true,
                           "ip route replace local 127.0.0.9 dev lo table local mtu 1300", IPPROTO_IP,
                           IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU},
                    Narrow{"v6", "[::1]:1", "[fd00::9]:4000", false,
                           "ip link add narrow type veth peer name other && ip link set other up && "
                           "ip link set narrow mtu 1300 up && ip addr add fd00::1/64 dev narrow nodad && "
                           "ip neigh add fd00::9 lladdr 02:00:00:00:00:09 dev narrow",
                           IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, IPV6_MTU}),
    [](const auto& row) { return row.param.name; });

TEST_P(UdpNarrowPath, CarriesInFragmentsAndTellsTheClient) {
    const auto& row = GetParam();
    const OwnNetwork network;
    if (!network.is_made() || std::system("ip link set lo up") != 0) GTEST_SKIP() << "needs CAP_NET_ADMIN";
    ASSERT_EQ(std::system(row.route), 0);
    std::optional<EchoBackend> backend;
    if (row.answers) backend.emplace("", row.backend);
    UdpProxy proxy(row.client);
    proxy.add(endpoint(row.backend));
    proxy.start();
    const auto client = proxy.client(row.client);
    ASSERT_EQ(::setsockopt(client.fd.get(), row.level, row.option, &row.discover, sizeof(int)), 0);
    const std::string large(2000, 'x');
    ASSERT_TRUE(client.send(large));
    EXPECT_TRUE(eventually([&] { return proxy.of(0).in_packets == 1; }));  // sent all the same
    if (row.answers) {
        EXPECT_TRUE(eventually([&] { return client.receive(10ms) == large; }));
    }
    EXPECT_TRUE(eventually([&] {
        int mtu = 0;
        socklen_t size = sizeof mtu;
        ::getsockopt(client.fd.get(), row.level, row.mtu_option, &mtu, &size);
        return mtu == 1300;
    }));
    client.receive(0ms);  // the error, if it has not been told
    EXPECT_FALSE(client.send(large));
    EXPECT_EQ(errno, EMSGSIZE);
    ASSERT_TRUE(client.send(std::string(1300 - 48, 'y')));
    EXPECT_TRUE(eventually([&] { return proxy.of(0).in_packets == 2; }));
}

TEST(UdpTransparent, BackendSeesTheClient) {
    EchoBackend backend("a", "127.0.0.9:1");
    UdpProxy proxy;
    proxy.add(backend.address);
    proxy.route.settings.transparent = true;
    proxy.start();
    const auto client = proxy.client();
    client.send("x");
    if (!eventually([&] { return backend.received == 1 || proxy.refused(Reason::connect_failed) == 1; }) ||
        proxy.refused(Reason::connect_failed) == 1)
        GTEST_SKIP() << "needs CAP_NET_ADMIN";
    EXPECT_EQ(client.receive(), "ax");
    EXPECT_EQ(backend.last_port, client.address.port.value());
}

}  // namespace
}  // namespace weir::engine::proxy
