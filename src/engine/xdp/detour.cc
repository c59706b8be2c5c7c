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
#include "engine/xdp/detour_abi.h"
#include "engine/xdp/tc.h"

namespace weir::engine::xdp {
namespace {

// Two passages have the same port only under two addresses of the balancer's: rare, so a few draws are
// plenty.
constexpr int kDraws = 8;

// What the kernel takes for TCP_MAXSEG.
constexpr int kLeastSegment = 88, kMostSegment = 32767;

TcPrograms programs(const detour_bpf& bpf) {
    return {.out = bpf_program__fd(bpf.progs.detour_out), .in = bpf_program__fd(bpf.progs.detour_in)};
}

weir_address to_row(const net::Ip& ip) {
    weir_address row{};
    std::ranges::copy(ip.bytes(), reinterpret_cast<uint8_t*>(row.word));
    return row;
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

Result<UniqueFd> make_socket(net::Family family, int type) {
    int domain = family == net::Family::v4 ? AF_INET : AF_INET6;
    UniqueFd socket(::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return fail_with(errno, "cannot open a socket");
    // A reset ends a probe's connection at once, and on both sides: an orderly end would outlast the probe
    // and its row, and leave a port here in TIME_WAIT for each of them.
    if (set(socket, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0}))
        return fail_with(errno, "cannot set SO_LINGER");
    return socket;
}

/// A socket of the backend's family that sends by the way's device only.
Result<UniqueFd> make_socket(const Way& way, int type) {
    auto socket = make_socket(way.backend.family(), type);
    if (!socket) return socket;
    if (set(*socket, SOL_SOCKET, SO_BINDTOIFINDEX, way.device))
        return fail_with(errno, "cannot bind a socket to the interface of {}", way.backend.text());
    return socket;
}

Result<net::Endpoint> local_endpoint(const UniqueFd& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size))
        return fail_with(errno, "cannot read a socket's address");
    return net::from_socket_address(storage);
}

/// The address that the kernel sends from towards the backend. Connecting a datagram socket sends nothing.
Result<net::Ip> routed_source(const Way& way) {
    auto socket = make_socket(way, SOCK_DGRAM);
    if (!socket) return propagate(socket);
    auto to = net::to_socket_address({way.backend, way.port});
    if (connect(socket->get(), to.get(), to.size))
        return fail_with(errno, "no route to {}", way.backend.text());
    auto local = local_endpoint(*socket);
    if (!local) return propagate(local);
    return local->address;
}

/// Bound without SO_REUSEADDR to a port that is free: so it is this connection's alone, at this address.
Result<UniqueFd> bound_socket(const Way& way, const net::Ip& own) {
    auto socket = make_socket(way, SOCK_STREAM);
    if (!socket) return socket;
    if (set(*socket, IPPROTO_TCP, TCP_MAXSEG, segment_size(way)))
        return fail_with(errno, "cannot set TCP_MAXSEG");
    auto from = net::to_socket_address({own, net::Port(0)});
    if (bind(socket->get(), from.get(), from.size))
        return fail_with(errno, "cannot send from {}", own.text());
    return socket;
}

weir_detour make_row(const Way& way, const net::Ip& own) {
    weir_detour row{
        .stack = {.balancer = to_row(own), .peer = to_row(way.backend)},
        .wire = {.balancer = to_row(crosses_families(way) ? *way.source : own), .peer = to_row(way.vip)},
        .stack_family = to_row(way.backend.family()),
        .wire_family = to_row(way.vip.family()),
        .port = htons(way.port.value()),
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

Result<net::Passage> open_directly(net::Carrier carrier, const net::Endpoint& backend) {
    if (carrier != net::Carrier::tcp) return fail("only TCP probes have a way");
    auto socket = make_socket(backend.address.family(), SOCK_STREAM);
    if (!socket) return propagate(socket);
    return net::Passage(std::move(*socket), backend, {});
}

Result<std::unique_ptr<Detour>> Detour::load() {
    std::shared_ptr<detour_bpf> bpf(detour_bpf__open_and_load(), detour_bpf__destroy);
    if (!bpf) return fail_with(errno, "cannot load the probes' tc programs");
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

Result<net::Passage> Detour::open(const Way& way) {
    if (!is_open_on(way.ifindex))
        return fail("weir's tc filters are not on the interface {}", interface_name(way.ifindex));
    if (way.carrier != net::Carrier::tcp) return fail("only TCP probes have a way");
    if (crosses_families(way) && !way.source) return no_source(way);
    assert(!way.source || way.source->family() == way.vip.family());
    auto own = way.source && !crosses_families(way) ? *way.source : routed_source(way);
    if (!own) return propagate(own);

    int map = bpf_map__fd(bpf_->maps.detours);
    auto row = make_row(way, *own);
    for (int draw = 0; draw < kDraws; draw++) {
        auto socket = bound_socket(way, *own);
        if (!socket) return propagate(socket);
        auto local = local_endpoint(*socket);
        if (!local) return propagate(local);
        uint16_t key = htons(local->port.value());
        int error = bpf_map_update_elem(map, &key, &row, BPF_NOEXIST);
        if (error == -EEXIST) continue;
        if (error) return fail_with(error, "cannot note the way to {}", way.backend.text());
        return net::Passage(std::move(*socket), {way.backend, way.port},
                            [bpf = bpf_, map, key] { bpf_map_delete_elem(map, &key); });
    }
    return fail("found no free port for a probe of {}", way.backend.text());
}

}  // namespace weir::engine::xdp
