#include "announce/neighbour.h"

#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "announce/frame.h"
#include "base/log.h"
#include "net/rtnetlink.h"

namespace weir::announce {
namespace {

/// Where frames of an interface go out, if its link is up.
std::optional<Place> place_of(int socket, const std::string& name) {
    ifreq request{};
    if (name.size() >= sizeof request.ifr_name) return std::nullopt;
    std::ranges::copy(name, request.ifr_name);
    constexpr short kUp = IFF_UP | IFF_RUNNING;
    if (ioctl(socket, SIOCGIFFLAGS, &request) < 0 || (request.ifr_flags & kUp) != kUp) return std::nullopt;
    Place place;
    if (ioctl(socket, SIOCGIFHWADDR, &request) < 0 || request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return std::nullopt;
    std::memcpy(place.mac.bytes.data(), request.ifr_hwaddr.sa_data, place.mac.bytes.size());
    if (ioctl(socket, SIOCGIFINDEX, &request) < 0) return std::nullopt;
    place.interface = request.ifr_ifindex;
    return place;
}

std::string name_of(int interface) {
    char name[IF_NAMESIZE];
    if (if_indextoname(static_cast<unsigned>(interface), name)) return name;
    return fmt::format("interface {}, which has gone", interface);
}

/// As the kernel has them now.
Result<std::map<int, Networks>> networks_of_interfaces() {
    auto netlink = net::Netlink::open();
    if (!netlink) return propagate(netlink);
    net::Links links;
    std::map<int, Networks> networks;
    auto asked = net::dump(*netlink, RTM_GETLINK, [&](const nlmsghdr& message) {
        if (auto link = net::decode_link(message)) links[link->index] = *link;
    });
    if (asked)
        asked = net::dump(*netlink, RTM_GETADDR, [&](const nlmsghdr& message) {
            auto found = net::decode_address(message);
            auto link = found ? links.find(found->interface) : links.end();
            if (link == links.end()) return;
            const auto& [index, device] = *link;
            networks[device.vlan ? device.parent : index].insert_or_assign(
                net::Prefix{found->address, found->length}, device.vlan);
        });
    if (!asked) return fail("cannot read the interfaces: {}", asked.error().message);
    return networks;
}

}  // namespace

void NeighbourAnnouncer::announce(const model::Plan& plan, const std::vector<std::string>& attached) {
    bool any = std::ranges::any_of(plan.frontends, &model::Frontend::announce_arp);
    if (any && !socket_) {
        socket_ = UniqueFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket_) spdlog::error("cannot announce VIPs: no packet socket: {}", std::strerror(errno));
    }
    if (!any || !socket_) return schedule_.set({}, {});
    auto networks = networks_of_interfaces();
    if (!networks) spdlog::warn("VIPs are announced by `vlans:` alone: {}", networks.error().message);
    schedule_.set(announcements_of(plan, places(attached), networks.value_or(std::map<int, Networks>{})),
                  Schedule::Time::clock::now());
    arm();
}

std::vector<Place> NeighbourAnnouncer::places(const std::vector<std::string>& attached) const {
    std::vector<Place> places;
    for (const auto& name : attached)
        if (auto place = place_of(socket_.get(), name)) places.push_back(*place);
    return places;
}

void NeighbourAnnouncer::arm() {
    auto next = schedule_.next();
    if (!next) return;
    timer_.expires_at(*next);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;  // armed anew, or gone
        send(schedule_.take(Schedule::Time::clock::now()));
        arm();
    });
}

void NeighbourAnnouncer::send(const std::vector<Announcement>& announcements) const {
    bool said = false;  // a thousand a second fail while an interface is down
    for (const auto& [place, vip, vlan] : announcements) {
        auto frame = announcement(vip, place.mac, vlan);
        sockaddr_ll to{};
        to.sll_family = AF_PACKET;
        to.sll_ifindex = place.interface;
        if (::sendto(socket_.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                     sizeof to) >= 0)
            spdlog::debug("announced {} at {}", vip.text(), place.mac.text());
        else if (!std::exchange(said, true))
            spdlog::warn("cannot announce {} on {}: {}", vip.text(), name_of(place.interface),
                         std::strerror(errno));
    }
}

}  // namespace weir::announce
