// The probes' way between real hosts.
#include <gmock/gmock.h>
#include <ifaddrs.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "health/probe.h"
#include "lab/tcp.h"
#include "lab/vlan.h"
#include "tests/e2e/detour_fixture.h"
#include "tests/e2e/udp.h"

namespace weir::e2e {
namespace {

/// What the server says first: which address it was asked at, and by whom.
std::string greeting(const UniqueFd& socket) {
    std::string line;
    char byte = 0;
    while (!line.ends_with('\n') && ready(socket, POLLIN, kLong) && recv(socket.get(), &byte, 1, 0) == 1)
        line += byte;
    return line;
}

/// Sends `size` bytes as fast as the socket takes them, and says whether the same came back.
bool echoes(const UniqueFd& socket, size_t size) {
    std::string out(size, 0);
    for (size_t i = 0; i < size; i++) out[i] = static_cast<char>(i * 2654435761u >> 13);
    std::string in;
    size_t sent = 0;
    char piece[64 * 1024];
    while (in.size() < size) {
        short events = sent < size ? POLLIN | POLLOUT : POLLIN;
        if (!ready(socket, events, kLong)) return false;
        ssize_t put = send(socket.get(), out.data() + sent, size - sent, MSG_NOSIGNAL);
        if (put > 0) sent += static_cast<size_t>(put);
        ssize_t got = recv(socket.get(), piece, sizeof piece, 0);
        if (got > 0) in.append(piece, static_cast<size_t>(got));
        if (got == 0) return false;
    }
    return in == out;
}

/// Leads every probe by what `open` gives for its carrier.
struct OneWay : health::Path {
    using Open = std::function<Result<net::Passage>(net::Carrier)>;
    explicit OneWay(Open how) : open_by(std::move(how)) {}
    net::Opened open(const model::TargetKey&, net::Carrier carrier, net::Port) override {
        auto opened = open_by(carrier);
        if (!opened) return std::unexpected(net::NoPassage(opened.error(), true));
        return std::move(*opened);
    }
    Open open_by;
};

std::string outcome(model::Check check, std::chrono::milliseconds timeout, health::Path& path) {
    check.timeout = timeout;
    const model::TargetKey target{{ip(kVip4), kPort, model::Protocol::udp}, ip(kBackend4)};
    boost::asio::io_context context;
    std::string message = "the probe did not end";
    SystemClock clock(context.get_executor());
    boost::asio::co_spawn(context, health::probe(check, target, path, clock),
                          [&](const std::exception_ptr&, const Result<health::Outcome>& done) {
                              message = done ? done->message : done.error().message;
                          });
    context.run_for(2 * kLong);
    return message;
}

struct Families {
    const char* name;
    const char* backend;
    const char* vip;
    const char* source;
};
void PrintTo(const Families& families, std::ostream* out) {
    *out << families.name;
}

class DetourFamilies : public DetourTest, public testing::WithParamInterface<Families> {
  protected:
    Way the_way() const { return way(GetParam().backend, GetParam().vip, ip(GetParam().source)); }
    std::string vip_and_source() const { return fmt::format("{} {}\n", GetParam().vip, GetParam().source); }
};

TEST_P(DetourFamilies, ReachesTheVipOnTheBackend) {
    {
        auto passage = open(the_way());
        ASSERT_TRUE(passage) << passage.error().message;
        EXPECT_EQ(passage->connect_to, (net::Endpoint{ip(GetParam().backend), kPort}));
        EXPECT_EQ(state().rows, 1u);
        ASSERT_EQ(connect(*passage, kLong), Status{});
        EXPECT_EQ(greeting(passage->socket), vip_and_source());
        EXPECT_TRUE(echoes(passage->socket, 300'000));
    }
    EXPECT_EQ(state().rows, 0u);
    EXPECT_TRUE(lab::wait_until([&] { return servers_[0]->resets() == 1; }, kLong))
        << "the backend was not told of the end";
}

TEST_P(DetourFamilies, ReachesTheVipThoughTheBalancerHasItToo) {
    balancer_->add_address("lo", fmt::format("{}/32", kVip4));
    balancer_->add_address("lo", fmt::format("{}/128", kVip6));
    auto passage = open(the_way());
    ASSERT_TRUE(passage) << passage.error().message;
    ASSERT_EQ(connect(*passage, kLong), Status{});
    EXPECT_EQ(greeting(passage->socket), vip_and_source());
}

TEST_P(DetourFamilies, DoesNotReachABackendWithoutTheVip) {
    backends_[0]->remove_address("lo", fmt::format("{}/32", kVip4));
    backends_[0]->remove_address("lo", fmt::format("{}/128", kVip6));
    ASSERT_TRUE(lab::connect_tcp(*balancer_, {ip(GetParam().backend), kPort}, kLong))
        << "its own address answers";
    auto passage = open(the_way());
    ASSERT_TRUE(passage) << passage.error().message;
    EXPECT_EQ(connect(*passage, kShort), Status(fail("no answer")));
}

TEST_P(DetourFamilies, SaysThatNobodyListensThere) {
    servers_[0].reset();
    auto passage = open(the_way());
    ASSERT_TRUE(passage) << passage.error().message;
    EXPECT_EQ(connect(*passage, kLong), Status(fail_with(ECONNREFUSED, "cannot connect")));
}

class DetourKinds : public DetourFamilies {
  protected:
    void SetUp() override {
        DetourFamilies::SetUp();
        if (IsSkipped()) return;
        echo_.emplace(*backends_[0], net::Endpoint{ip(GetParam().vip), kPort}, "backend-1");
    }
    std::vector<std::string> outcomes(std::chrono::milliseconds timeout) {
        OneWay path{[this](net::Carrier carrier) {
            auto there = the_way();
            there.carrier = carrier;
            return open(there);
        }};
        std::vector<std::string> messages;
        for (const model::Check& check :
             {model::Check{.kind = model::UdpCheck{"who?", "end-1"}},
              model::Check{.kind = model::IcmpCheck{}}, model::Check{.kind = model::SynCheck{}}})
            messages.push_back(outcome(check, timeout, path));
        return messages;
    }

    std::optional<UdpEcho> echo_;
};

TEST_P(DetourKinds, TravelByTheirCarriers) {
    EXPECT_THAT(outcomes(kLong), testing::ElementsAre("L7OK", "L4OK", "L4OK"));
    EXPECT_EQ(state().rows, 0u);
    backends_[0]->sysctl("net.ipv4.icmp_echo_ignore_all", "1");
    backends_[0]->sysctl("net.ipv6.icmp.echo_ignore_all", "1");
    EXPECT_EQ(outcomes(kShort)[1], "L4TOUT");
}

TEST_P(DetourKinds, MissTheVip) {
    backends_[0]->remove_address("lo", fmt::format("{}/32", kVip4));
    backends_[0]->remove_address("lo", fmt::format("{}/128", kVip6));
    EXPECT_THAT(outcomes(kShort), testing::ElementsAre("L7TOUT", "L4TOUT", "L4TOUT"));
}

TEST_P(DetourKinds, SayThatNobodyListens) {
    echo_.reset();
    servers_[0].reset();
    EXPECT_THAT(outcomes(kLong),
                testing::ElementsAre("L4CON: connection refused", "L4OK", "L4CON: connection refused"));
}

const Families kFamilies[] = {{"v4VipOnV4Backend", kBackend4, kVip4, kBalancer4},
                              {"v6VipOnV6Backend", kBackend6, kVip6, kBalancer6},
                              {"v6VipOnV4Backend", kBackend4, kVip6, kBalancer6},
                              {"v4VipOnV6Backend", kBackend6, kVip4, kBalancer4}};
const auto kName = [](const auto& row) { return std::string(row.param.name); };
INSTANTIATE_TEST_SUITE_P(Families, DetourKinds, testing::ValuesIn(kFamilies), kName);
INSTANTIATE_TEST_SUITE_P(Families, DetourFamilies, testing::ValuesIn(kFamilies), kName);

TEST_F(DetourTest, LetsTheRouteChooseTheSource) {
    auto passage = open(way(kBackend4, kVip4));
    ASSERT_TRUE(passage) << passage.error().message;
    ASSERT_EQ(connect(*passage, kLong), Status{});
    EXPECT_EQ(greeting(passage->socket), fmt::format("{} {}\n", kVip4, kBalancer4));
}

TEST_F(DetourTest, ProbesFromALinkLocalAddressToABackendThatHasNoOther) {
    backends_[0]->remove_address("eth0", "2001:db8:1::10/64");
    auto source = balancer_->run([] { return e2e::link_local("eth0"); });
    ASSERT_TRUE(source);
    auto passage = open(way(kBackend4, kVip6, source));
    ASSERT_TRUE(passage) << passage.error().message;
    ASSERT_EQ(connect(*passage, kLong), Status{});
    EXPECT_EQ(greeting(passage->socket), fmt::format("{} {}\n", kVip6, source->text()));
    EXPECT_TRUE(echoes(passage->socket, 100'000));
}

TEST_F(DetourTest, KeepsConcurrentProbesApart) {
    auto first = open(way("10.1.10.10", kVip4));
    auto second = open(way("10.1.10.11", kVip4));
    ASSERT_TRUE(first && second);
    ASSERT_EQ(connect(*first, kLong), Status{});
    ASSERT_EQ(connect(*second, kLong), Status{});
    EXPECT_EQ(state().rows, 2u);
    for (auto* passage : {&*first, &*second}) {
        EXPECT_EQ(greeting(passage->socket), fmt::format("{} {}\n", kVip4, kBalancer4));
        EXPECT_TRUE(echoes(passage->socket, 10'000));
    }
    first = fail("over");
    EXPECT_TRUE(lab::wait_until([&] { return servers_[0]->resets() == 1; }, kLong));
    EXPECT_TRUE(echoes(second->socket, 10'000));
    EXPECT_EQ(servers_[1]->resets(), 0u);
}

TEST_F(DetourTest, LeavesOtherConnectionsAlone) {
    balancer_->add_address("eth0", "10.1.10.101/24");
    auto passage = open(way(kBackend4, kVip4, ip(kBalancer4)));
    ASSERT_TRUE(passage) << passage.error().message;
    ASSERT_EQ(connect(*passage, kLong), Status{});

    // The probe's own port, from another address of the balancer's.
    net::Passage twin;
    twin.connect_to = passage->connect_to;
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    getsockname(passage->socket.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    auto from = net::to_socket_address({ip("10.1.10.101"), net::from_socket_address(bound)->port});
    balancer_->run([&] { twin.socket = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)); });
    ASSERT_EQ(bind(twin.socket.get(), from.get(), from.size), 0);
    ASSERT_EQ(connect(twin, kLong), Status{});
    EXPECT_EQ(greeting(twin.socket), "10.1.10.10 10.1.10.101\n");
    EXPECT_TRUE(echoes(twin.socket, 100'000));

    auto plain = lab::connect_tcp(*balancer_, passage->connect_to, kLong);
    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_EQ(greeting(*plain), "10.1.10.10 10.1.10.100\n");
    EXPECT_EQ(greeting(passage->socket), fmt::format("{} {}\n", kVip4, kBalancer4));
}

TEST_F(DetourTest, TakesAnAnswerThatComesByAnotherInterface) {
    lab_->connect(*balancer_, "eth1", *backends_[0], "eth1");
    balancer_->add_address("eth1", "10.1.20.100/24");
    backends_[0]->add_address("eth1", "10.1.20.10/24");
    for (const char* scope : {"all", "eth0"})
        backends_[0]->sysctl(fmt::format("net.ipv4.conf.{}.rp_filter", scope), "0");
    auto other = static_cast<int>(balancer_->index("eth1"));
    EXPECT_EQ(balancer_->run([&] { return detour_->attach(other, "eth1"); }), Status{});
    auto there = way(kBackend4, kVip4, ip("10.1.20.100"));
    std::ranges::copy(balancer_->mac("eth0").bytes, there.target.source_mac);
    auto passage = open(there);
    ASSERT_TRUE(passage) << passage.error().message;
    ASSERT_EQ(connect(*passage, kLong), Status{});
    EXPECT_EQ(greeting(passage->socket), fmt::format("{} 10.1.20.100\n", kVip4));
    EXPECT_TRUE(echoes(passage->socket, 100'000));
}

TEST_F(DetourTest, TagsWhatGoesToAVlanOfWhichTheKernelKnowsNothing) {
    ASSERT_TRUE(lab::connect_tcp(*balancer_, {ip(kBackend4), kPort}, kLong)) << "so the MACs are known";
    const lab::Vlan vlan(*backends_[0], "eth0", lab::VlanOptions::access(10));
    auto tagged = way(kBackend4, kVip4);
    tagged.target.vlan = htons(10);
    auto passage = open(tagged);
    ASSERT_TRUE(passage) << passage.error().message;
    ASSERT_EQ(connect(*passage, kLong), Status{});
    EXPECT_EQ(greeting(passage->socket), fmt::format("{} {}\n", kVip4, kBalancer4));
    EXPECT_TRUE(echoes(passage->socket, 100'000));
    EXPECT_GT(vlan.received(10), 0u);
    EXPECT_GT(vlan.sent(10), 0u);
}

TEST_F(DetourTest, LeavesRoomForWhatComesInFront) {
    auto segment_size = [&](const char* backend, const char* vip, const char* source, uint16_t room) {
        auto narrow = way(backend, vip, ip(source));
        narrow.target.room = room;
        auto passage = open(narrow).value();
        int size = 0;
        socklen_t length = sizeof size;
        getsockopt(passage.socket.get(), IPPROTO_TCP, TCP_MAXSEG, &size, &length);
        return size;
    };
    EXPECT_EQ(segment_size(kBackend4, kVip4, kBalancer4, 1400), 1360);
    EXPECT_EQ(segment_size(kBackend4, kVip6, kBalancer6, 1400), 1340);
    EXPECT_EQ(segment_size(kBackend4, kVip4, kBalancer4, 0xffff), 32767) << "the most that Linux takes";
}

TEST_F(DetourTest, FailsWhereTheInterfaceHasNoAddressOfTheVipsFamily) {
    EXPECT_EQ(open(way(kBackend4, kVip6)).error().message,
              "the interface eth0 has no IPv6 address to check [2001:db8::1] from");
    EXPECT_EQ(open(way(kBackend6, kVip4)).error().message,
              "the interface eth0 has no IPv4 address to check 192.168.101.1 from");
}

}  // namespace
}  // namespace weir::e2e
