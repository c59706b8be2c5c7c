#include "lab/decap.h"

#include <ifaddrs.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "lab/bpf/decap_abi.h"
#include "lab/bpf_map.h"

// The skeleton names the above.
#include "decap.skel.h"

namespace weir::lab {
namespace {

// Behind a VLAN's end on the same interface (lab/vlan.h), before weir's own filters.
constexpr TcPlace kPlace{BPF_TC_INGRESS, 2};

using Interfaces = std::unique_ptr<ifaddrs, FreedBy<freeifaddrs>>;

decap_address to_row(const net::Ip& ip) {
    decap_address row{};
    std::ranges::copy(ip.bytes(), reinterpret_cast<uint8_t*>(row.word));
    return row;
}

net::Ip to_ip(const decap_address& row, bool v6) {
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), row.word, bytes.size());
    return v6 ? net::Ip::v6(bytes) : net::Ip::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
}

Outer to_outer(const decap_outer& row) {
    Outer outer{.source = to_ip(row.source, row.v6),
                .destination = to_ip(row.destination, row.v6),
                .source_port = row.source_port,
                .gre_key = {},
                .flow_label = row.flow_label,
                .tos = row.tos,
                .ttl = row.ttl,
                .size = row.size};
    if (row.has_gre_key) outer.gre_key = row.gre_key;
    return outer;
}

}  // namespace

Decap::Decap(Host& host, const std::string& ifname, const DecapOptions& options) : bpf_(decap_bpf::open()) {
    if (!bpf_) give_up("cannot open the decapsulator: {}", std::strerror(errno));
    bpf_->rodata->fou_port = options.fou_port.value();
    bpf_->rodata->gue_port = options.gue_port.value();
    errno = -decap_bpf::load(bpf_.get());
    check(errno ? -1 : 0, "cannot load the decapsulator");
    learn_addresses(host);
    learn_vips(options);
    filter_.emplace(host, ifname, kPlace, bpf_program__fd(bpf_->progs.decap));
}

Decap::~Decap() = default;

void Decap::Destroy::operator()(decap_bpf* bpf) const {
    decap_bpf::destroy(bpf);
}

void Decap::learn_addresses(Host& host) {
    ifaddrs* all = nullptr;
    check(host.run([&] { return getifaddrs(&all); }), "{}: cannot list addresses", host.name());
    Interfaces interfaces(all);
    for (; all; all = all->ifa_next) {
        if (!all->ifa_addr) continue;
        const int family = all->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        sockaddr_storage storage{};
        std::memcpy(&storage, all->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        put(bpf_->maps.own_addresses, to_row(must(net::from_socket_address(storage)).address), uint8_t{1});
    }
}

void Decap::learn_vips(const DecapOptions& options) {
    for (const auto& [dscp, addresses] : options.dscp)
        for (const net::Ip& vip : addresses)
            put(bpf_->maps.vips, decap_code_point{.dscp = dscp, .v6 = !vip.is_v4()}, to_row(vip));
}

DecapCounts Decap::counts() const {
    const auto read = [&](int what) { return std::atomic_ref(bpf_->bss->counts[what]).load(); };
    return {.ipip = read(DECAP_IPIP),
            .gre = read(DECAP_GRE),
            .fou = read(DECAP_FOU),
            .gue = read(DECAP_GUE),
            .dscp = read(DECAP_DSCP),
            .plain_udp = read(DECAP_PLAIN_UDP),
            .bad_checksum = read(DECAP_BAD_CHECKSUM),
            .malformed = read(DECAP_MALFORMED),
            .refused = read(DECAP_REFUSED)};
}

std::vector<Outer> Decap::last() const {
    const uint32_t end = std::atomic_ref(bpf_->bss->noted).load();
    std::vector<Outer> last;
    for (uint32_t i = end - std::min<uint32_t>(end, DECAP_LAST); i != end; ++i)
        last.push_back(to_outer(bpf_->bss->last[i % DECAP_LAST]));
    return last;
}

size_t Decap::sources() const {
    std::set<std::pair<net::Ip, uint16_t>> sources;
    for (const Outer& outer : last()) sources.emplace(outer.source, outer.source_port);
    return sources.size();
}

}  // namespace weir::lab
