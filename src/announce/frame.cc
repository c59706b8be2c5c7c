#include "announce/frame.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <array>

#include "net/checksum.h"
#include "net/writer.h"

namespace weir::announce {
namespace {

constexpr net::Mac kEverybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
constexpr net::Mac kAllNodesMac{{0x33, 0x33, 0, 0, 0, 1}};
constexpr std::array<uint8_t, 16> kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr uint8_t kAdvertisement = 136;
constexpr uint8_t kOverride = 0x20;
constexpr uint8_t kTargetLinkAddress = 2;
constexpr uint8_t kHopLimit = 255;  // any other would have crossed a router

net::Writer begin(const net::Mac& to, const net::Mac& from, std::optional<uint16_t> vlan, uint16_t type) {
    net::Writer frame;
    frame.bytes(to.bytes).bytes(from.bytes);
    if (vlan) frame.u16(ETH_P_8021Q).u16(*vlan);
    frame.u16(type);
    return frame;
}

std::vector<uint8_t> arp(const net::Ip& vip, const net::Mac& mac, std::optional<uint16_t> vlan) {
    auto frame = begin(kEverybody, mac, vlan, ETH_P_ARP);
    frame.u16(ARPHRD_ETHER).u16(ETH_P_IP).u8(6).u8(4).u16(ARPOP_REQUEST);
    frame.bytes(mac.bytes).bytes(vip.bytes()).zeros(6).bytes(vip.bytes());
    return frame.take();
}

std::vector<uint8_t> advertisement(const net::Ip& vip, const net::Mac& mac, uint16_t checksum) {
    net::Writer message;
    message.u8(kAdvertisement).u8(0).u16(checksum);
    message.u8(kOverride).zeros(3).bytes(vip.bytes());
    message.u8(kTargetLinkAddress).u8(1).bytes(mac.bytes);
    return message.take();
}

std::vector<uint8_t> advertisement(const net::Ip& vip, const net::Mac& mac, std::optional<uint16_t> vlan) {
    const auto blank = advertisement(vip, mac, uint16_t{0});
    const auto length = static_cast<uint16_t>(blank.size());
    net::Writer pseudo;  // the pseudo header of RFC 8200
    pseudo.bytes(vip.bytes()).bytes(kAllNodes).u16(0).u16(length).zeros(3).u8(IPPROTO_ICMPV6);
    const auto checksum = net::Checksum().add(pseudo.take()).add(blank).value();

    auto frame = begin(kAllNodesMac, mac, vlan, ETH_P_IPV6);
    frame.u8(0x60).zeros(3).u16(length).u8(IPPROTO_ICMPV6).u8(kHopLimit).bytes(vip.bytes()).bytes(kAllNodes);
    frame.bytes(advertisement(vip, mac, checksum));
    return frame.take();
}

}  // namespace

std::vector<uint8_t> announcement(const net::Ip& vip, const net::Mac& mac, std::optional<uint16_t> vlan) {
    return vip.is_v4() ? arp(vip, mac, vlan) : advertisement(vip, mac, vlan);
}

}  // namespace weir::announce
