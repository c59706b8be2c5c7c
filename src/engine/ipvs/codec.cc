#include "engine/ipvs/codec.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>

#include <bit>
#include <cstring>

#include "net/attributes.h"

namespace weir::engine::ipvs {
namespace {

using net::Message;
using Address = std::array<uint8_t, 16>;  // IPv4: the first four

constexpr std::string_view kName = IPVS_GENL_NAME;

template <class Number>
void put(Message& message, int attribute, Number number) {
    message.put(attribute,
                std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(&number), sizeof number));
}

/// With the zero at its end.
void put_text(Message& message, int attribute, std::string_view text) {
    std::vector<uint8_t> bytes(text.begin(), text.end());
    bytes.push_back(0);
    message.put(attribute, bytes);
}

void put_address(Message& message, int attribute, const net::Ip& ip) {
    Address bytes{};
    std::ranges::copy(ip.bytes(), bytes.begin());
    message.put(attribute, bytes);
}

uint16_t address_family(net::Family family) {
    return family == net::Family::v4 ? AF_INET : AF_INET6;
}

/// Of IPv4 a mask in network order, of IPv6 a number of bits.
uint32_t encode_netmask(net::Family family, uint8_t bits) {
    if (family == net::Family::v6) return bits;
    return bits == 0 ? 0 : htonl(~uint32_t{0} << (32 - bits));
}
uint8_t decode_netmask(net::Family family, uint32_t value) {
    return static_cast<uint8_t>(family == net::Family::v6 ? value
                                                          : static_cast<uint32_t>(std::popcount(value)));
}

void put_key(Message& message, const ServiceKey& key) {
    put(message, IPVS_SVC_ATTR_AF, address_family(key.family()));
    if (key.mark != 0) {
        put(message, IPVS_SVC_ATTR_FWMARK, key.mark);
        return;
    }
    put(message, IPVS_SVC_ATTR_PROTOCOL, uint16_t{key.protocol});
    put_address(message, IPVS_SVC_ATTR_ADDR, key.address);
    put(message, IPVS_SVC_ATTR_PORT, htons(key.port.value()));
}

void put_service(Message& message, const ServiceKey& key, const Service& service) {
    put_key(message, key);
    put_text(message, IPVS_SVC_ATTR_SCHED_NAME, service.scheduler);
    put(message, IPVS_SVC_ATTR_FLAGS, ip_vs_flags{service.flags, ~uint32_t{0}});
    put(message, IPVS_SVC_ATTR_TIMEOUT, service.persistence);
    put(message, IPVS_SVC_ATTR_NETMASK, encode_netmask(key.family(), service.netmask));
}

void put_place(Message& message, const net::Endpoint& at) {
    put_address(message, IPVS_DEST_ATTR_ADDR, at.address);
    put(message, IPVS_DEST_ATTR_PORT, htons(at.port.value()));
    put(message, IPVS_DEST_ATTR_ADDR_FAMILY, address_family(at.address.family()));
}

void put_settings(Message& message, const Destination& destination) {
    put(message, IPVS_DEST_ATTR_FWD_METHOD, static_cast<uint32_t>(destination.method));
    put(message, IPVS_DEST_ATTR_WEIGHT, destination.weight);
    put(message, IPVS_DEST_ATTR_U_THRESH, destination.upper);
    put(message, IPVS_DEST_ATTR_L_THRESH, destination.lower);
    put(message, IPVS_DEST_ATTR_TUN_TYPE, static_cast<uint8_t>(destination.tunnel.kind));
    put(message, IPVS_DEST_ATTR_TUN_PORT, htons(destination.tunnel.port));
    put(message, IPVS_DEST_ATTR_TUN_FLAGS, destination.tunnel.flags);
}

void put_daemon(Message& message, Role role, const SyncDaemon& daemon) {
    put(message, IPVS_DAEMON_ATTR_STATE, static_cast<uint32_t>(role));
    put_text(message, IPVS_DAEMON_ATTR_MCAST_IFN, daemon.interface);
    put(message, IPVS_DAEMON_ATTR_SYNC_ID, daemon.id);
    if (daemon.group)
        message.put(daemon.group->is_v4() ? IPVS_DAEMON_ATTR_MCAST_GROUP : IPVS_DAEMON_ATTR_MCAST_GROUP6,
                    daemon.group->bytes());
    if (daemon.port) put(message, IPVS_DAEMON_ATTR_MCAST_PORT, *daemon.port);
    if (daemon.ttl) put(message, IPVS_DAEMON_ATTR_MCAST_TTL, *daemon.ttl);
}

void put_timeouts(Message& message, const Timeouts& timeouts) {
    if (timeouts.tcp) put(message, IPVS_CMD_ATTR_TIMEOUT_TCP, *timeouts.tcp);
    if (timeouts.tcp_fin) put(message, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, *timeouts.tcp_fin);
    if (timeouts.udp) put(message, IPVS_CMD_ATTR_TIMEOUT_UDP, *timeouts.udp);
}

/// One command to IPVS, its attributes by and by.
struct Command {
    Message message;

    Command(uint16_t family, uint8_t command, uint16_t flags = 0)
        : message(family, flags, genlmsghdr{command, IPVS_GENL_VERSION, 0}) {}

    Command&& service(const ServiceKey& key) && {
        message.nest(IPVS_CMD_ATTR_SERVICE, [&](Message& inner) { put_key(inner, key); });
        return std::move(*this);
    }
    Command&& service(const ServiceKey& key, const Service& settings) && {
        message.nest(IPVS_CMD_ATTR_SERVICE, [&](Message& inner) { put_service(inner, key, settings); });
        return std::move(*this);
    }
    Command&& destination(const net::Endpoint& at) && {
        message.nest(IPVS_CMD_ATTR_DEST, [&](Message& inner) { put_place(inner, at); });
        return std::move(*this);
    }
    Command&& destination(const net::Endpoint& at, const Destination& settings) && {
        message.nest(IPVS_CMD_ATTR_DEST, [&](Message& inner) {
            put_place(inner, at);
            put_settings(inner, settings);
        });
        return std::move(*this);
    }
};

struct Encoder {
    uint16_t family;
    using Encoded = std::optional<Message>;

    Encoded operator()(const AddService& change) const {
        return Command(family, IPVS_CMD_NEW_SERVICE).service(change.key, change.settings).message;
    }
    Encoded operator()(const EditService& change) const {
        return Command(family, IPVS_CMD_SET_SERVICE).service(change.key, change.settings).message;
    }
    Encoded operator()(const RemoveService& change) const {
        return Command(family, IPVS_CMD_DEL_SERVICE).service(change.key).message;
    }
    Encoded operator()(const AddDestination& change) const {
        return Command(family, IPVS_CMD_NEW_DEST)
            .service(change.key)
            .destination(change.at, change.settings)
            .message;
    }
    Encoded operator()(const EditDestination& change) const {
        return Command(family, IPVS_CMD_SET_DEST)
            .service(change.key)
            .destination(change.at, change.settings)
            .message;
    }
    Encoded operator()(const RemoveDestination& change) const {
        return Command(family, IPVS_CMD_DEL_DEST).service(change.key).destination(change.at).message;
    }
    Encoded operator()(const StartDaemon& change) const {
        Command command(family, IPVS_CMD_NEW_DAEMON);
        command.message.nest(IPVS_CMD_ATTR_DAEMON,
                             [&](Message& inner) { put_daemon(inner, change.role, change.settings); });
        return std::move(command.message);
    }
    Encoded operator()(const StopDaemon& change) const {
        Command command(family, IPVS_CMD_DEL_DAEMON);
        command.message.nest(IPVS_CMD_ATTR_DAEMON, [&](Message& inner) {
            put(inner, IPVS_DAEMON_ATTR_STATE, static_cast<uint32_t>(change.role));
        });
        return std::move(command.message);
    }
    Encoded operator()(const SetTimeouts& change) const {
        Command command(family, IPVS_CMD_SET_CONFIG);
        put_timeouts(command.message, change.settings);
        return std::move(command.message);
    }
    Encoded operator()(const AddAddress&) const { return std::nullopt; }
    Encoded operator()(const RemoveAddress&) const { return std::nullopt; }
};

// ---- reading

/// The attributes of a message of IPVS's, if it is this answer.
template <int Max>
std::optional<std::array<nlattr*, Max + 1>> attributes(const nlmsghdr& message, uint8_t command) {
    net::Parts<genlmsghdr, Max> parts;
    if (!parts.parse(message) || parts.header->cmd != command) return std::nullopt;
    return parts.attribute;
}

std::optional<net::Ip> read_address(uint16_t family, const nlattr* attribute) {
    if (!attribute) return std::nullopt;
    auto bytes = net::payload(attribute);
    const size_t size = family == AF_INET ? 4 : 16;
    if (bytes.size() < size) return std::nullopt;
    return net::to_ip(family, bytes.first(size));
}

std::optional<ServiceKey> read_key(const nlattr* const* attribute) {
    auto family = net::to_number<uint16_t>(attribute[IPVS_SVC_ATTR_AF]);
    if (!family || (*family != AF_INET && *family != AF_INET6)) return std::nullopt;
    if (auto mark = net::to_number(attribute[IPVS_SVC_ATTR_FWMARK]); mark && *mark != 0)
        return ServiceKey{*family == AF_INET ? net::Ip() : net::Ip::v6({}), net::Port(0), 0, *mark};
    auto address = read_address(*family, attribute[IPVS_SVC_ATTR_ADDR]);
    auto port = net::to_number<uint16_t>(attribute[IPVS_SVC_ATTR_PORT]);
    auto protocol = net::to_number<uint16_t>(attribute[IPVS_SVC_ATTR_PROTOCOL]);
    if (!address || !port || !protocol) return std::nullopt;
    return ServiceKey{*address, net::Port(ntohs(*port)), static_cast<uint8_t>(*protocol)};
}

/// In 64 bits, or as older kernels count.
void read_statistics(Use& use, nlattr* wide, nlattr* narrow) {
    auto statistics = net::inside<IPVS_STATS_ATTR_MAX>(wide ? wide : narrow);
    auto number = [&](int attribute) -> uint64_t {
        if (auto all = net::to_number<uint64_t>(statistics[static_cast<size_t>(attribute)])) return *all;
        return net::to_number<uint32_t>(statistics[static_cast<size_t>(attribute)]).value_or(0);
    };
    use.connections_total = number(IPVS_STATS_ATTR_CONNS);
    use.packets_total = number(IPVS_STATS_ATTR_INPKTS);
    use.bytes_total = number(IPVS_STATS_ATTR_INBYTES);
}

Destination read_settings(const nlattr* const* attribute) {
    Destination out;
    out.method = static_cast<Method>(net::to_number(attribute[IPVS_DEST_ATTR_FWD_METHOD]).value_or(0) &
                                     IP_VS_CONN_F_FWD_MASK);
    out.weight = net::to_number(attribute[IPVS_DEST_ATTR_WEIGHT]).value_or(0);
    out.upper = net::to_number(attribute[IPVS_DEST_ATTR_U_THRESH]).value_or(0);
    out.lower = net::to_number(attribute[IPVS_DEST_ATTR_L_THRESH]).value_or(0);
    out.tunnel = {
        static_cast<TunnelKind>(net::to_number<uint8_t>(attribute[IPVS_DEST_ATTR_TUN_TYPE]).value_or(0)),
        ntohs(net::to_number<uint16_t>(attribute[IPVS_DEST_ATTR_TUN_PORT]).value_or(0)),
        net::to_number<uint16_t>(attribute[IPVS_DEST_ATTR_TUN_FLAGS]).value_or(0)};
    return out;
}

}  // namespace

Message family_question() {
    Message message(GENL_ID_CTRL, 0, genlmsghdr{CTRL_CMD_GETFAMILY, 1, 0});
    put_text(message, CTRL_ATTR_FAMILY_NAME, kName);
    return message;
}

std::optional<uint16_t> decode_family(const nlmsghdr& message) {
    auto found = attributes<CTRL_ATTR_MAX>(message, CTRL_CMD_NEWFAMILY);
    if (!found) return std::nullopt;
    return net::to_number<uint16_t>((*found)[CTRL_ATTR_FAMILY_ID]);
}

Message services_question(uint16_t family) {
    return Command(family, IPVS_CMD_GET_SERVICE, NLM_F_DUMP).message;
}

Message destinations_question(uint16_t family, const ServiceKey& key) {
    return Command(family, IPVS_CMD_GET_DEST, NLM_F_DUMP).service(key).message;
}

Message daemons_question(uint16_t family) {
    return Command(family, IPVS_CMD_GET_DAEMON, NLM_F_DUMP).message;
}

Message timeouts_question(uint16_t family) {
    return Command(family, IPVS_CMD_GET_CONFIG).message;
}

std::optional<std::pair<ServiceKey, Service>> decode_service(const nlmsghdr& message) {
    auto found = attributes<IPVS_CMD_ATTR_MAX>(message, IPVS_CMD_NEW_SERVICE);
    if (!found) return std::nullopt;
    auto attribute = net::inside<IPVS_SVC_ATTR_MAX>((*found)[IPVS_CMD_ATTR_SERVICE]);
    auto key = read_key(attribute.data());
    auto flags = net::to_number<ip_vs_flags>(attribute[IPVS_SVC_ATTR_FLAGS]);
    if (!key || !flags) return std::nullopt;
    Service service;
    service.scheduler = net::to_text(attribute[IPVS_SVC_ATTR_SCHED_NAME]);
    service.flags = flags->flags & ~kHashed;
    service.persistence = net::to_number(attribute[IPVS_SVC_ATTR_TIMEOUT]).value_or(0);
    service.netmask =
        decode_netmask(key->family(), net::to_number(attribute[IPVS_SVC_ATTR_NETMASK]).value_or(0));
    return std::pair(*key, std::move(service));
}

std::optional<std::pair<net::Endpoint, FoundDestination>> decode_destination(const nlmsghdr& message) {
    auto found = attributes<IPVS_CMD_ATTR_MAX>(message, IPVS_CMD_NEW_DEST);
    if (!found) return std::nullopt;
    auto attribute = net::inside<IPVS_DEST_ATTR_MAX>((*found)[IPVS_CMD_ATTR_DEST]);
    auto family = net::to_number<uint16_t>(attribute[IPVS_DEST_ATTR_ADDR_FAMILY]);
    auto address = read_address(family.value_or(AF_UNSPEC), attribute[IPVS_DEST_ATTR_ADDR]);
    auto port = net::to_number<uint16_t>(attribute[IPVS_DEST_ATTR_PORT]);
    if (!address || !port) return std::nullopt;
    FoundDestination destination{read_settings(attribute.data())};
    destination.use.active = net::to_number(attribute[IPVS_DEST_ATTR_ACTIVE_CONNS]).value_or(0);
    destination.use.inactive = net::to_number(attribute[IPVS_DEST_ATTR_INACT_CONNS]).value_or(0);
    read_statistics(destination.use, attribute[IPVS_DEST_ATTR_STATS64], attribute[IPVS_DEST_ATTR_STATS]);
    return std::pair(net::Endpoint{*address, net::Port(ntohs(*port))}, destination);
}

std::optional<std::pair<Role, SyncDaemon>> decode_daemon(const nlmsghdr& message) {
    auto found = attributes<IPVS_CMD_ATTR_MAX>(message, IPVS_CMD_NEW_DAEMON);
    if (!found) return std::nullopt;
    auto attribute = net::inside<IPVS_DAEMON_ATTR_MAX>((*found)[IPVS_CMD_ATTR_DAEMON]);
    auto state = net::to_number(attribute[IPVS_DAEMON_ATTR_STATE]).value_or(0);
    if (state != IP_VS_STATE_MASTER && state != IP_VS_STATE_BACKUP) return std::nullopt;
    SyncDaemon daemon{net::to_text(attribute[IPVS_DAEMON_ATTR_MCAST_IFN]),
                      net::to_number(attribute[IPVS_DAEMON_ATTR_SYNC_ID]).value_or(0)};
    daemon.group = read_address(AF_INET, attribute[IPVS_DAEMON_ATTR_MCAST_GROUP]);
    if (!daemon.group) daemon.group = read_address(AF_INET6, attribute[IPVS_DAEMON_ATTR_MCAST_GROUP6]);
    daemon.port = net::to_number<uint16_t>(attribute[IPVS_DAEMON_ATTR_MCAST_PORT]);
    daemon.ttl = net::to_number<uint8_t>(attribute[IPVS_DAEMON_ATTR_MCAST_TTL]);
    return std::pair(static_cast<Role>(state), std::move(daemon));
}

std::optional<Timeouts> decode_timeouts(const nlmsghdr& message) {
    auto found = attributes<IPVS_CMD_ATTR_MAX>(message, IPVS_CMD_SET_CONFIG);
    if (!found) return std::nullopt;
    return Timeouts{net::to_number((*found)[IPVS_CMD_ATTR_TIMEOUT_TCP]),
                    net::to_number((*found)[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]),
                    net::to_number((*found)[IPVS_CMD_ATTR_TIMEOUT_UDP])};
}

std::optional<Message> encode(uint16_t family, const Change& change) {
    return std::visit(Encoder{family}, change);
}

}  // namespace weir::engine::ipvs
