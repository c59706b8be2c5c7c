// What the lab promises: hosts that reach each other, and nothing left behind. Needs root.
#include "lab/lab.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "lab/bpffs.h"
#include "lab/process.h"
#include "lab/tcp.h"
#include "lab/temp_dir.h"
#include "lab/wait.h"

namespace weir::lab {
namespace {

class LabTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const std::string why = why_no_lab(); !why.empty()) GTEST_SKIP() << why;
    }
};

bool exists(const Host& host) {
    return std::filesystem::exists("/run/netns/" + host.netns_name());
}

bool reaches(Host& from, Host& to, const std::string& address) {
    UniqueFd listener = listen_tcp(to, endpoint(address));
    return connect_tcp(from, endpoint(address)).has_value();
}

TEST_F(LabTest, ConnectedHostsReachEachOtherByIpv4AndIpv6AtOnce) {
    Lab lab("test");
    Host& left = lab.host("left");
    Host& right = lab.host("right");
    lab.connect(left, "eth0", right, "eth0");
    left.add_address("eth0", "10.0.0.1/24");
    right.add_address("eth0", "10.0.0.2/24");
    left.add_address("eth0", "2001:db8::1/64");
    right.add_address("eth0", "2001:db8::2/64");
    EXPECT_TRUE(reaches(left, right, "10.0.0.2:80"));
    EXPECT_TRUE(reaches(left, right, "[2001:db8::2]:80"));
    EXPECT_TRUE(reaches(right, right, "[::1]:80"));
    EXPECT_FALSE(connect_tcp(left, endpoint("10.0.0.2:81"))) << "nobody listens there";
}

TEST_F(LabTest, ASwitchJoinsItsHostsAndRoutesLeadBeyond) {
    Lab lab("test");
    std::vector<Host*> hosts = {&lab.host("a"), &lab.host("b"), &lab.host("c")};
    lab.lan("lan", hosts, "eth0");
    for (size_t i = 0; i < hosts.size(); ++i)
        hosts[i]->add_address("eth0", fmt::format("10.0.0.{}/24", i + 1));
    EXPECT_TRUE(reaches(*hosts[0], *hosts[2], "10.0.0.3:80"));
    hosts[2]->add_address("lo", "192.168.101.1/32");
    EXPECT_FALSE(connect_tcp(*hosts[0], endpoint("192.168.101.1:80")));
    hosts[0]->add_route("default", "10.0.0.3");
    EXPECT_TRUE(reaches(*hosts[0], *hosts[2], "192.168.101.1:80"));
    hosts[2]->remove_address("lo", "192.168.101.1/32");
    EXPECT_FALSE(connect_tcp(*hosts[0], endpoint("192.168.101.1:80"), 100ms));
}

/// Two LANs with a router between them: left 10.0.1.2 - router - right 10.0.2.2.
struct TwoLans {
    Lab lab{"test"};
    Host& left = lab.host("left");
    Host& router = lab.host("router");
    Host& right = lab.host("right");

    TwoLans() {
        lab.lan("left-switch", {&left, &router}, "left");
        lab.lan("right-switch", {&right, &router}, "right");
        router.forward_packets();
        place(left, "left", "1");
        place(right, "right", "2");
    }

    void place(Host& host, const std::string& ifname, const std::string& lan) {
        router.add_address(ifname, fmt::format("10.0.{}.1/24", lan));
        router.add_address(ifname, fmt::format("2001:db8:{}::1/64", lan));
        host.add_address(ifname, fmt::format("10.0.{}.2/24", lan));
        host.add_address(ifname, fmt::format("2001:db8:{}::2/64", lan));
        host.add_route("default", fmt::format("10.0.{}.1", lan));
        host.add_route("default", fmt::format("2001:db8:{}::1", lan));
    }
};

TEST_F(LabTest, ARouterJoinsTwoLans) {
    TwoLans lans;
    EXPECT_TRUE(reaches(lans.left, lans.right, "10.0.2.2:80"));
    EXPECT_TRUE(reaches(lans.right, lans.left, "[2001:db8:1::2]:80"));
    lans.router.sysctl("net.ipv4.ip_forward", "0");
    EXPECT_FALSE(connect_tcp(lans.left, endpoint("10.0.2.2:80"), 100ms));
}

/// The MTU of the path behind a connected UDP socket, after datagrams of 1400 bytes were tried.
int path_mtu(Host& from, const std::string& to) {
    const net::Endpoint peer = endpoint(to);
    const net::SocketAddress address = net::to_socket_address(peer);
    const bool v4 = peer.address.is_v4();
    const UniqueFd socket = from.run([&] {
        return UniqueFd(check(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), "no UDP"));
    });
    check(::connect(socket.get(), address.get(), address.size), "cannot connect to {}", to);
    int mtu = 0;
    const auto lowered = [&] {
        const std::string datagram(1400, 'x');
        (void)::send(socket.get(), datagram.data(), datagram.size(), 0);
        socklen_t size = sizeof mtu;
        check(::getsockopt(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &size),
              "no MTU");
        return mtu < 1500;
    };
    (void)wait_until(lowered, 3s);
    return mtu;
}

TEST_F(LabTest, ARoutersSmallMtuIsFoundOutByTheSender) {
    TwoLans lans;
    EXPECT_EQ(lans.router.mtu("right"), 1500u);
    lans.router.set_mtu("right", 1300);
    EXPECT_EQ(lans.router.mtu("right"), 1300u);
    EXPECT_EQ(path_mtu(lans.left, "10.0.2.2:9"), 1300);
    EXPECT_EQ(path_mtu(lans.left, "[2001:db8:2::2]:9"), 1300);
}

TEST_F(LabTest, MacsAreReadableAndCanBeSet) {
    Lab lab("test");
    Host& first = lab.host("a");
    Host& second = lab.host("b");
    lab.connect(first, "eth0", second, "eth0");
    EXPECT_EQ(first.mac("eth0").text(), "02:00:00:00:01:01");
    EXPECT_EQ(second.mac("eth0").text(), "02:00:00:00:02:01");
    const net::Mac other = must(net::Mac::parse("02:00:00:00:00:77"));
    first.set_mac("eth0", other);
    EXPECT_EQ(first.mac("eth0"), other);
}

TEST_F(LabTest, RunGoesInAndComesBackAlsoWhenItThrows) {
    Lab lab("test");
    Host& host = lab.host("a");
    const auto where = [] { return std::filesystem::read_symlink("/proc/thread-self/ns/net").string(); };
    const std::string outside = where();
    const std::string inside = host.run(where);
    EXPECT_NE(inside, outside);
    EXPECT_EQ(where(), outside);
    EXPECT_THROW(host.run([] { throw Failure("inside"); }), Failure);
    EXPECT_EQ(where(), outside);
}

TEST_F(LabTest, NamesGoWithTheLab) {
    std::string path;
    {
        Lab lab("test");
        path = "/run/netns/" + lab.host("a").netns_name();
        EXPECT_TRUE(exists(lab.host("a")));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(LabTest, WhatAKilledOwnerLeftIsClearedByTheNextLab) {
    Lab own("test");
    Host& host = own.host("a");
    Process owner(host, [] {
        Lab lab("killed");
        lab.host("left-behind");
        ::kill(::getpid(), SIGKILL);
        return 0;
    });
    ASSERT_EQ(owner.wait(10s), 128 + SIGKILL);
    const std::string left = fmt::format("/run/netns/weir.killed.{}.left-behind", owner.pid());
    ASSERT_TRUE(std::filesystem::exists(left));
    Lab next("next");
    EXPECT_FALSE(std::filesystem::exists(left));
    EXPECT_TRUE(exists(host)) << "the owner of this one lives";
}

/// The one number that a process printed, once it has.
pid_t printed_pid(const Process& process) {
    if (!wait_until([&] { return process.out().ends_with('\n'); }, 5s)) return -1;
    return std::stoi(process.out());
}

TEST_F(LabTest, AProcessDiesWithItsKilledOwner) {
    Lab lab("test");
    Host& host = lab.host("a");
    Process owner(host, [&host] {
        Process child(host, {"sleep", "60"});
        const std::string line = std::to_string(child.pid()) + "\n";
        if (::write(1, line.data(), line.size()) < 0) return 1;
        return child.wait(60s).value_or(1);
    });
    const pid_t child = printed_pid(owner);
    ASSERT_GT(child, 0) << owner.err();
    ASSERT_EQ(::kill(child, 0), 0);
    owner.kill(SIGKILL);
    ASSERT_EQ(owner.wait(5s), 128 + SIGKILL);
    EXPECT_TRUE(wait_until(
        [&] {
            const std::string stat = read_file(fmt::format("/proc/{}/stat", child));
            return stat.empty() || stat.find(") Z ") != std::string::npos;  // gone, or not yet reaped by init
        },
        5s));
}

TEST_F(LabTest, ProcessesGiveTheirStatusAndOutput) {
    Lab lab("test");
    Host& host = lab.host("a");
    const Finished finished =
        run(host, {"sh", "-c", "echo $WORD; echo bad >&2; exit 3"}, 10s, {.environment = {"WORD=good"}});
    EXPECT_EQ(finished.status, 3);
    EXPECT_EQ(finished.out, "good\n");
    EXPECT_EQ(finished.err, "bad\n");
    EXPECT_THROW(run(host, {"sleep", "60"}, 50ms), Failure);
    EXPECT_THROW(run(host, {"/no/such/program"}), Failure);
}

TEST_F(LabTest, AProcessIsKilledWhenItIgnoresSigterm) {
    Lab lab("test");
    pid_t pid = 0;
    {
        Process stubborn(lab.host("a"), {"sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.1; done"});
        pid = printed_pid(stubborn);
    }
    ASSERT_GT(pid, 0);
    EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(LabTest, ListeningSocketsAreHandedOverAsSystemdDoes) {
    Lab lab("test");
    Host& host = lab.host("a");
    UniqueFd listener = listen_tcp(host, endpoint("127.0.0.1:8080"));
    const Finished finished =
        run(host, {"sh", "-c", "echo $LISTEN_FDS; [ $LISTEN_PID = $$ ]; echo $?; readlink /proc/self/fd/3"},
            10s, {.listen_fds = {listener.get()}});
    EXPECT_TRUE(finished.out.starts_with("1\n0\nsocket:")) << finished.out;
}

TEST_F(LabTest, AConnectionEndsWithItsOwnerWhateverHasBeenStartedMeanwhile) {
    Lab lab("test");
    int ends[2];
    check(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "no pair of sockets");  // they pass on to programs
    UniqueFd owned(ends[0]), other(ends[1]);
    Process meanwhile(lab.host("a"), {"sleep", "60"});
    owned.reset();
    char byte;
    EXPECT_EQ(::recv(other.get(), &byte, 1, MSG_DONTWAIT), 0) << std::strerror(errno);
}

TEST_F(LabTest, ASignalUnwindsTheOwner) {
    Lab lab("test");
    Process owner(lab.host("a"), [] {
        SignalTrap trap;
        try {
            Lab inner("unwound");
            inner.host("a");
            if (::write(1, "ready\n", 6) < 0) return 1;
            return wait_until([] { return false; }, 60s) ? 2 : 3;
        } catch (const Interrupted& stop) {
            return stop.signal == SIGTERM ? 42 : 4;
        }
    });
    ASSERT_TRUE(wait_until([&] { return owner.out() == "ready\n"; }, 5s)) << owner.err();
    owner.kill(SIGTERM);
    EXPECT_EQ(owner.wait(5s), 42);
    EXPECT_FALSE(std::filesystem::exists(fmt::format("/run/netns/weir.unwound.{}.a", owner.pid())));
}

TEST_F(LabTest, APrivateBpffsIsSeenByOtherProcesses) {
    Lab lab("test");
    PrivateBpffs bpffs;
    ASSERT_TRUE(std::filesystem::create_directory(bpffs.path() + "/weir"));
    EXPECT_EQ(run(lab.host("a"), {"stat", "-f", "-c", "%T", bpffs.path()}).out, "bpf_fs\n");
    EXPECT_EQ(run(lab.host("a"), {"ls", "-d", bpffs.path() + "/weir"}).status, 0);
}

}  // namespace
}  // namespace weir::lab
