#include "lab/routed.h"

namespace weir::lab {
namespace {

constexpr unsigned kClientLan = 1;
constexpr unsigned kNearLan = 10;
constexpr unsigned kFarLan = 20;
constexpr unsigned kRouter = 1;  // in each LAN, the number of what leads on
constexpr unsigned kGateway = 2;
constexpr unsigned kFirstBackend = 10;
constexpr unsigned kBalancer = 100;

constexpr const char* kNearSwitch = "near-switch";

std::string ipv4(unsigned lan, unsigned number) {
    return fmt::format("10.1.{}.{}", lan, number);
}
std::string ipv6(unsigned lan, unsigned number) {
    return fmt::format("2001:db8:{}::{}", lan, number);
}

}  // namespace

Routed::Routed(const RoutedOptions& options) : options_(options), lab_(options.lab) {
    for (unsigned i = 0; i < options_.near + options_.far; ++i)
        backends_.push_back(&lab_.host(fmt::format("backend-{}", i + 1)));
    join_lans();
    add_routers();
    add_address(client(), kInterface, kClientLan, 2);
    set_default_route(client(), kClientLan, kRouter);
    for (unsigned i = 0; i < options_.balancers; ++i) add_balancer(i);
    for (size_t i = 0; i < size(); ++i) add_backend(i);
}

void Routed::join_lans() {
    const LanOptions wire{.xdp_pass = options_.native, .whole_checksums = options_.whole_checksums};
    const auto first_far = backends_.begin() + options_.near;
    std::vector<Host*> near = {&router(), &gateway()};
    for (unsigned i = 0; i < options_.balancers; ++i) near.push_back(&balancer(i));
    near.insert(near.end(), backends_.begin(), first_far);
    lab_.lan(kNearSwitch, near, kInterface, wire);
    Host& far = lab_.lan("far-switch", {first_far, backends_.end()}, kInterface, wire);
    lab_.plug(far, gateway(), kToFar, wire);
    lab_.connect(router(), kToClient, client(), kInterface);
}

void Routed::add_routers() {
    router().forward_packets();
    add_address(router(), kToClient, kClientLan, kRouter);
    add_address(router(), kInterface, kNearLan, kRouter);
    router().add_route(ipv4(kFarLan, 0) + "/24", ipv4(kNearLan, kGateway));
    if (options_.ipv6) router().add_route(ipv6(kFarLan, 0) + "/64", ipv6(kNearLan, kGateway));
    if (options_.static_vips) {
        router().add_route("192.168.101.0/24", kBalancer4);
        if (options_.ipv6) router().add_route("2001:db8:101::/64", kBalancer6);
    }
    gateway().forward_packets();
    add_address(gateway(), kInterface, kNearLan, kGateway);
    add_address(gateway(), kToFar, kFarLan, kRouter);
    set_default_route(gateway(), kNearLan, options_.nat ? kBalancer : kRouter);
}

Host& Routed::balancer(unsigned i) {
    return lab_.host(i == 0 ? "balancer" : fmt::format("balancer-{}", i + 1));
}

void Routed::cable(unsigned i, bool plugged) {
    lab_.host(kNearSwitch).set_up(balancer(i).name(), plugged);
}

std::string Routed::balancer4(unsigned i) {
    return ipv4(kNearLan, kBalancer + i);
}
std::string Routed::balancer6(unsigned i) {
    return ipv6(kNearLan, kBalancer + i);
}

void Routed::add_balancer(unsigned i) {
    Host& host = balancer(i);
    add_address(host, kInterface, kNearLan, kBalancer + i);
    set_default_route(host, kNearLan, kRouter);
    host.add_route(ipv4(kFarLan, 0) + "/24", ipv4(kNearLan, kGateway));
    if (options_.ipv6) host.add_route(ipv6(kFarLan, 0) + "/64", ipv6(kNearLan, kGateway));
}

void Routed::add_backend(size_t i) {
    Host& host = backend(i);
    const unsigned lan = is_far(i) ? kFarLan : kNearLan;
    // For the VIPs on `lo`. IPv6 needs no such setting: a host answers for the addresses of the asked
    // interface only.
    host.sysctl("net.ipv4.conf.all.arp_ignore", "1");
    host.sysctl("net.ipv4.conf.all.arp_announce", "2");
    add_address(host, kInterface, lan, number(i));
    set_default_route(host, lan, options_.nat && !is_far(i) ? kBalancer : kRouter);
    if (options_.nat) return;
    host.add_address("lo", std::string(kVip4) + "/32");
    if (options_.ipv6) host.add_address("lo", std::string(kVip6) + "/128");
}

void Routed::add_address(Host& host, const std::string& ifname, unsigned lan, unsigned number) {
    host.add_address(ifname, ipv4(lan, number) + "/24");
    if (options_.ipv6) host.add_address(ifname, ipv6(lan, number) + "/64");
}

void Routed::set_default_route(Host& host, unsigned lan, unsigned number) {
    host.add_route("default", ipv4(lan, number));
    if (options_.ipv6) host.add_route("default", ipv6(lan, number));
}

unsigned Routed::number(size_t i) const {
    return kFirstBackend + static_cast<unsigned>(is_far(i) ? i - options_.near : i);
}

std::string Routed::address4(size_t i) const {
    return ipv4(is_far(i) ? kFarLan : kNearLan, number(i));
}
std::string Routed::address6(size_t i) const {
    return ipv6(is_far(i) ? kFarLan : kNearLan, number(i));
}

void Routed::decapsulate(const DecapOptions& options) {
    for (Host* host : backends_) decaps_.emplace_back(*host, kInterface, options);
}

}  // namespace weir::lab
