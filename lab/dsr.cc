#include "lab/dsr.h"

namespace weir::lab {

Dsr::Dsr(const DsrOptions& options) : options_(options), lab_(options.lab) {
    std::vector<Host*> everybody = {&client(), &balancer()};
    for (unsigned i = 0; i < options_.backends; ++i) {
        backends_.push_back(&lab_.host(fmt::format("backend-{}", i + 1)));
        everybody.push_back(backends_.back());
    }
    lab_.lan("switch", everybody, kInterface, {.xdp_pass = options_.native});

    add_addresses(client(), "1");
    add_addresses(balancer(), "100");
    if (options_.native) client().offload_checksums(kInterface, false);
    client().add_route("192.168.101.0/24", kBalancer4);
    if (options_.ipv6) client().add_route("2001:db8:101::/64", kBalancer6);
    for (size_t i = 0; i < backends_.size(); ++i) {
        // IPv6 needs no such setting: a host answers for the addresses of the asked interface only.
        backend(i).sysctl("net.ipv4.conf.all.arp_ignore", "1");
        backend(i).sysctl("net.ipv4.conf.all.arp_announce", "2");
        add_addresses(backend(i), std::to_string(10 + i));
        with_vip(i, true);
    }
}

void Dsr::add_addresses(Host& host, const std::string& number) {
    host.add_address(kInterface, "10.1.10." + number + "/24");
    if (options_.ipv6) host.add_address(kInterface, "2001:db8:10::" + number + "/64");
}

std::string Dsr::address4(size_t i) {
    return fmt::format("10.1.10.{}", 10 + i);
}
std::string Dsr::address6(size_t i) {
    return fmt::format("2001:db8:10::{}", 10 + i);
}

void Dsr::with_vip(size_t i, bool present) {
    const auto change = present ? &Host::add_address : &Host::remove_address;
    (backend(i).*change)("lo", std::string(kVip4) + "/32");
    if (options_.ipv6) (backend(i).*change)("lo", std::string(kVip6) + "/128");
}

void Dsr::cable(size_t i, bool plugged) {
    lab_.host("switch").set_up(backend(i).name(), plugged);
}

}  // namespace weir::lab
