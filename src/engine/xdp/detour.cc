#include "engine/xdp/detour.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>

#include "detour.skel.h"
#include "engine/probe_socket.h"
#include "engine/xdp/detour_abi.h"
#include "engine/xdp/target_row.h"
#include "engine/xdp/tc.h"

namespace weir::engine::xdp {
namespace {

// Two passages have the same port only under two addresses of the balancer's, or by chance the same
// identifier of their echoes: rare, so a few draws are plenty.
constexpr int kDraws = 8;

// What the kernel takes for TCP_MAXSEG.
constexpr int kLeastSegment = 88, kMostSegment = 32767;

TcPrograms programs(const detour_bpf& bpf) {
    return {.out = bpf_program__fd(bpf.progs.detour_out), .in = bpf_program__fd(bpf.progs.detour_in)};
}

uint8_t to_row(net::Family family) {
    return family == net::Family::v4 ? WEIR_V4 : WEIR_V6;
}

bool crosses_families(const Way& way) {
    return way.backend.family() != way.vip.family();
}

template <class Value>
int set(const UniqueFd& socket, int level, int option, const Value& value) {
    return setsockopt(socket.get(), level, option, &value, sizeof value);
}

/// Of the packets on the wire, which may have grown on their way there.
int segment_size(const Way& way) {
    int headers = (way.vip.is_v4() ? 20 : 40) + 20;
    return std::clamp(way.target.room - headers, kLeastSegment, kMostSegment);
}

/// A socket of the backend's family that sends by the way's device only.
Result<UniqueFd> make_socket(const Way& way, net::Carrier carrier) {
    auto socket = make_probe_socket(carrier, way.backend.family());
    if (!socket) return socket;
    if (set(*socket, SOL_SOCKET, SO_BINDTOIFINDEX, way.device))
        return fail_with(errno, "cannot bind a socket to the interface of {}", way.backend.text());
    return socket;
}

/// The address that the kernel sends from towards the backend. Connecting a datagram socket sends nothing.
Result<net::Ip> routed_source(const Way& way) {
    auto socket = make_socket(way, net::Carrier::udp);
    if (!socket) return propagate(socket);
    auto to = net::to_socket_address({way.backend, way.port});
    if (connect(socket->get(), to.get(), to.size))
        return fail_with(errno, "no route to {}", way.backend.text());
    auto local = local_endpoint(*socket);
    if (!local) return propagate(local);
    return local->address;
}

/// Bound without SO_REUSEADDR to a port that is free: so it is this probe's alone, at this address.
Result<UniqueFd> bound_socket(const Way& way, const net::Ip& own) {
    auto socket = make_socket(way, way.carrier);
    if (!socket) return socket;
    if (way.carrier == net::Carrier::tcp && set(*socket, IPPROTO_TCP, TCP_MAXSEG, segment_size(way)))
        return fail_with(errno, "cannot set TCP_MAXSEG");
    auto from = net::to_socket_address({own, net::Port(0)});
    if (bind(socket->get(), from.get(), from.size))
        return fail_with(errno, "cannot send from {}", own.text());
    return socket;
}

weir_detour_key make_key(net::Carrier carrier, net::Port own) {
    constexpr uint8_t kProtocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};  // in the order of Carrier
    return {.port = htons(own.value()), .protocol = kProtocols[static_cast<size_t>(carrier)], .pad = 0};
}

weir_detour make_row(const Way& way, const net::Ip& own) {
    weir_detour row{
        .stack = {.balancer = to_abi(own), .peer = to_abi(way.backend)},
        .wire = {.balancer = to_abi(crosses_families(way) ? *way.source : own), .peer = to_abi(way.vip)},
        .stack_family = to_row(way.backend.family()),
        .wire_family = to_row(way.vip.family()),
        .port = way.carrier == net::Carrier::icmp ? uint16_t{0} : htons(way.port.value()),
        .device = static_cast<uint32_t>(way.device),
        .target = way.target};
    row.target.interface = static_cast<uint32_t>(way.ifindex);
    return row;
}

std::string interface_name(int ifindex) {
    char name[IF_NAMESIZE];
    if (if_indextoname(static_cast<unsigned>(ifindex), name)) return name;
    return fmt::format("number {}", ifindex);
}

std::unexpected<Error> no_source(const Way& way) {
    auto name = interface_name(way.ifindex);
    if (way.vip.is_v4())
        return fail("the interface {} has no IPv4 address to check {} from", name, way.vip.text());
    return fail("the interface {} has no IPv6 address to check [{}] from", name, way.vip.text());
}

}  // namespace

Result<std::unique_ptr<Detour>> Detour::load() {
    std::shared_ptr<detour_bpf> bpf(detour_bpf__open_and_load(), detour_bpf__destroy);
    if (!bpf)
        return fail_with(
            errno,
            "cannot load the probes' tc programs, which take a kernel with CONFIG_BPF_SYSCALL and "
            "CONFIG_NET_CLS_ACT; `weir doctor` says what this one lacks");
    return std::unique_ptr<Detour>(new Detour(std::move(bpf)));
}

Detour::~Detour() {
    while (!attached_.empty()) detach(attached_.begin()->first);
}

Status Detour::attach(int ifindex, const std::string& name) {
    if (is_open_on(ifindex)) return {};
    auto own_qdisc = attach_tc(ifindex, programs(*bpf_));
    if (!own_qdisc) return propagate(own_qdisc, fmt::format("interface {}, way of the probes", name));
    attached_.insert_or_assign(ifindex, *own_qdisc);
    return {};
}

bool Detour::is_open_on(int ifindex) const {
    return attached_.contains(ifindex) && is_attached_tc(ifindex, programs(*bpf_));
}

void Detour::detach(int ifindex) {
    auto found = attached_.find(ifindex);
    if (found == attached_.end()) return;
    detach_tc(ifindex, programs(*bpf_), found->second);
    attached_.erase(found);
}

Status Detour::remove(int ifindex, const std::string& name) {
    // Attaching replaces them, and finds out whose the qdisc is; what is then ours can go.
    auto ours = attach(ifindex, name);
    detach(ifindex);
    return ours;
}

Result<net::Passage> Detour::open(const Way& way) {
    if (!is_open_on(way.ifindex))
        return fail("weir's tc filters are not on the interface {}", interface_name(way.ifindex));
    if (crosses_families(way) && !way.source) return no_source(way);
    assert(!way.source || way.source->family() == way.vip.family());
    auto own = way.source && !crosses_families(way) ? *way.source : routed_source(way);
    if (!own) return propagate(own);

    int map = bpf_map__fd(bpf_->maps.detours);
    auto row = make_row(way, *own);
    for (int draw = 0; draw < kDraws; draw++) {
        auto socket = bound_socket(way, *own);
        if (!socket) return propagate(socket);
        auto port = own_port(way.carrier, *socket);
        if (!port) return propagate(port);
        auto key = make_key(way.carrier, *port);
        int error = bpf_map_update_elem(map, &key, &row, BPF_NOEXIST);
        if (error == -EEXIST) continue;
        if (error) return fail_with(error, "cannot note the way to {}", way.backend.text());
        return net::Passage(std::move(*socket), goal(way.carrier, {way.backend, way.port}, *port),
                            [bpf = bpf_, map, key] { bpf_map_delete_elem(map, &key); });
    }
    return fail("found no free port for a probe of {}", way.backend.text());
}

}  // namespace weir::engine::xdp
