// The kernel's own VLAN and tunnel devices as a backend would have them, fed with packets made by hand. They
// confirm what the lab's stand-ins (lab/decap.h, lab/vlan.h) take for right. Runs in tests/vm's guest only:
// the machines that build weir have no such devices.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>

#include "lab/decap.h"
#include "lab/envelope.h"
#include "lab/frames.h"
#include "lab/ip_batch.h"
#include "lab/lab.h"
#include "lab/tcp.h"
#include "lab/vlan.h"
#include "lab/wait.h"
#include "net/packet.h"

namespace weir::vm {
namespace {

using lab::Wrapping;

/// A sender and a backend with the VIPs on one cable; what devices the backend has is the test's.
class DevicesTest : public testing::Test {
  protected:
    void SetUp() override {
        lab_.connect(sender(), "eth0", backend(), "eth0");
        sender().add_address("eth0", "10.1.10.100/24");
        backend().add_address("eth0", "10.1.10.10/24");
        backend().add_address("eth0", "2001:db8:10::10/64");
        backend().add_address("lo", "192.168.101.1/32");
        backend().add_address("lo", "2001:db8:101::1/128");
    }

    lab::Host& sender() { return lab_.host("sender"); }
    lab::Host& backend() { return lab_.host("backend"); }

    net::PacketSpec datagram(const std::string& from, const std::string& to) {
        return {.source_mac = sender().mac("eth0"),
                .destination_mac = backend().mac("eth0"),
                .source = lab::endpoint(from),
                .destination = lab::endpoint(to),
                .protocol = net::kUdp,
                .payload = 100};
    }
    net::PacketSpec to_vip(bool v4) {
        return v4 ? datagram("10.9.0.7:7777", "192.168.101.1:53")
                  : datagram("[2001:db8:9::7]:7777", "[2001:db8:101::1]:53");
    }
    lab::FrameSocket frames() { return lab::FrameSocket(sender(), "eth0"); }

  private:
    lab::Lab lab_{"devices"};
};

struct Device {
    const char* name;
    Wrapping wrapping;
    bool outer_v4;
    bool inner_v4;
    const char* commands;
    std::optional<uint32_t> gre_key = {};
};

const Device kDevices[] = {
    {"ipip", Wrapping::ipip, true, true, "link add name tunnel type ipip local 10.1.10.10 remote any"},
    {"sit", Wrapping::ipip, true, false, "link add name tunnel type sit local 10.1.10.10 remote any"},
    {"ip6tnl, IPv4 inside", Wrapping::ipip, false, true,
     "link add name tunnel type ip6tnl mode ipip6 local 2001:db8:10::10 remote any"},
    {"ip6tnl, IPv6 inside", Wrapping::ipip, false, false,
     "link add name tunnel type ip6tnl mode ip6ip6 local 2001:db8:10::10 remote any"},
    {"gre", Wrapping::gre, true, true, "link add name tunnel type gre local 10.1.10.10 remote any"},
    {"gre, IPv6 inside", Wrapping::gre, true, false,
     "link add name tunnel type gre local 10.1.10.10 remote any"},
    {"gre with a key", Wrapping::gre, true, true,
     "link add name tunnel type gre local 10.1.10.10 remote any key 7", 7},
    {"ip6gre", Wrapping::gre, false, true,
     "link add name tunnel type ip6gre local 2001:db8:10::10 remote any"},
    {"ip6gre, IPv6 inside", Wrapping::gre, false, false,
     "link add name tunnel type ip6gre local 2001:db8:10::10 remote any"},
    {"fou", Wrapping::fou, true, true,
     "fou add port 5555 ipproto 4\nlink add name tunnel type ipip local 10.1.10.10 remote any"},
    {"fou, IPv6 inside", Wrapping::fou, true, false,
     "fou add port 5555 ipproto 41\nlink add name tunnel type sit local 10.1.10.10 remote any"},
    {"fou over IPv6", Wrapping::fou, false, true,
     "fou add port 5555 ipproto 4 -6\nlink add name tunnel type ip6tnl mode ipip6 local 2001:db8:10::10 "
     "remote any"},
    {"gue", Wrapping::gue, true, true,
     "fou add port 5555 gue\nlink add name tunnel type ipip local 10.1.10.10 remote any"},
    {"gue, variant 1", Wrapping::gue_direct, true, true,
     "fou add port 5555 gue\nlink add name tunnel type ipip local 10.1.10.10 remote any"},
    {"gue, IPv6 inside", Wrapping::gue, true, false,
     "fou add port 5555 gue\nlink add name tunnel type sit local 10.1.10.10 remote any"},
    {"gue over IPv6", Wrapping::gue, false, false,
     "fou add port 5555 gue -6\nlink add name tunnel type ip6tnl mode ip6ip6 local 2001:db8:10::10 remote "
     "any"},
};

class TunnelTest : public DevicesTest, public testing::WithParamInterface<Device> {};

TEST_P(TunnelTest, TakesAPacketMadeByHand) {
    const Device& device = GetParam();
    lab::ip_batch(backend(), fmt::format("{}\nlink set tunnel up\n", device.commands));
    lab::DatagramSocket server(backend(),
                               lab::endpoint(device.inner_v4 ? "192.168.101.1:53" : "[2001:db8:101::1]:53"));
    const auto address = [&](const char* v4, const char* v6) {
        return *net::Ip::parse(device.outer_v4 ? v4 : v6);
    };
    frames().send(lab::wrap({.wrapping = device.wrapping,
                             .source = address("10.1.10.100", "2001:db8:10::100"),
                             .destination = address("10.1.10.10", "2001:db8:10::10"),
                             .gre_key = device.gre_key},
                            net::build_frame(to_vip(device.inner_v4))));
    const std::optional<lab::Datagram> got = server.receive();
    ASSERT_TRUE(got) << "nothing came out of the tunnel";
    EXPECT_EQ(got->source, to_vip(device.inner_v4).source);
    EXPECT_EQ(got->payload.size(), 100u);
}

std::string letters_of(const testing::TestParamInfo<Device>& device) {
    std::string name = device.param.name;
    std::erase_if(name, [](char letter) { return !std::isalnum(static_cast<unsigned char>(letter)); });
    return name;
}
INSTANTIATE_TEST_SUITE_P(Devices, TunnelTest, testing::ValuesIn(kDevices), letters_of);

/// Sends and receives as much as `size` over the connection at once; how much came.
size_t pass_on(const UniqueFd& from, const UniqueFd& to, size_t size) {
    const std::vector<char> piece(65536, 'x');
    std::vector<char> got(piece.size());
    size_t sent = 0;
    size_t received = 0;
    const auto all = [&] {
        for (ssize_t now = 1; now > 0 && sent < size; sent += static_cast<size_t>(std::max<ssize_t>(now, 0)))
            now = ::send(from.get(), piece.data(), std::min(piece.size(), size - sent), MSG_NOSIGNAL);
        for (ssize_t now = 1; now > 0; received += static_cast<size_t>(std::max<ssize_t>(now, 0)))
            now = ::recv(to.get(), got.data(), got.size(), 0);
        return received >= size;
    };
    (void)lab::wait_until(all, std::chrono::seconds(10));
    return received;
}

TEST_F(DevicesTest, TheLabsDecapsulatorTakesAStreamFromTheKernelsTunnel) {
    constexpr size_t kSize = 4 << 20;
    lab::ip_batch(sender(),
                  "link add name tunnel type ipip local 10.1.10.100 remote 10.1.10.10\n"
                  "link set tunnel up\n"
                  "route add 192.168.101.1 dev tunnel\n");
    const lab::Decap decap(backend(), "eth0");
    const UniqueFd listener = lab::listen_tcp(backend(), lab::endpoint("192.168.101.1:80"));
    const auto client =
        lab::connect_tcp(sender(), lab::endpoint("192.168.101.1:80"), std::chrono::seconds(5));
    ASSERT_TRUE(client) << client.error().message;
    const UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    ASSERT_TRUE(server);
    EXPECT_EQ(pass_on(*client, server, kSize), kSize);
    EXPECT_EQ(decap.counts().bad(), 0u);
    EXPECT_LT(decap.counts().ipip, kSize / 1480) << "veth passes them on merged";
}

class VlanDeviceTest : public DevicesTest {
  protected:
    void SetUp() override {
        DevicesTest::SetUp();
        lab::ip_batch(backend(),
                      "link add link eth0 name eth0.10 type vlan id 10\n"
                      "link set eth0.10 up\n"
                      "address add 10.2.10.10/24 dev eth0.10\n");
    }
};

TEST_F(VlanDeviceTest, TakesAFrameTaggedByHand) {
    lab::DatagramSocket server(backend(), lab::endpoint("10.2.10.10:53"));
    net::PacketSpec packet = datagram("10.2.10.100:7777", "10.2.10.10:53");
    packet.vlan = 10;
    frames().send(net::build_frame(packet));
    EXPECT_TRUE(server.receive());
}

TEST_F(VlanDeviceTest, TalksWithTheLabsStandIn) {
    const lab::Vlan trunk(sender(), "eth0", {.vlans = {{10, {*net::Prefix::parse("10.2.10.0/24")}}}});
    sender().add_address("eth0", "10.2.10.100/24");
    const UniqueFd listener = lab::listen_tcp(backend(), lab::endpoint("10.2.10.10:80"));
    EXPECT_TRUE(lab::connect_tcp(sender(), lab::endpoint("10.2.10.10:80"), std::chrono::seconds(5)));
}

}  // namespace
}  // namespace weir::vm
