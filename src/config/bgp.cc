// The peers that VIPs are announced to by BGP, and what they are told (doc/bgp.md).
#include <algorithm>
#include <charconv>

#include "config/sections.h"

namespace weir::config {
namespace {

constexpr size_t kMostText = 255;     // RFC 9003
constexpr size_t kMostPassword = 80;  // of the kernel's
constexpr size_t kMostCommunities = 64;
constexpr std::chrono::seconds kLeastHold{3};

/// `parts` numbers with colons between them, none above `most`.
std::optional<std::vector<uint32_t>> read_numbers(std::string_view text, size_t parts, uint32_t most) {
    std::vector<uint32_t> numbers;
    for (;;) {
        uint32_t number = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || number > most) return std::nullopt;
        numbers.push_back(number);
        text.remove_prefix(static_cast<size_t>(end - text.data()));
        if (text.empty() || numbers.size() == parts) break;
        if (text[0] != ':') return std::nullopt;
        text.remove_prefix(1);
    }
    if (!text.empty() || numbers.size() != parts) return std::nullopt;
    return numbers;
}

Result<uint32_t> read_community(std::string_view text) {
    if (auto known = model::well_known_community(text)) return *known;
    auto numbers = read_numbers(text, 2, 0xffff);
    if (numbers) return (*numbers)[0] << 16 | (*numbers)[1];
    return fail(
        "'{}' is no community; write two numbers up to 65535 such as 65000:100, or a name such as "
        "no-export",
        text);
}

Result<model::LargeCommunity> read_large_community(std::string_view text) {
    auto numbers = read_numbers(text, 3, UINT32_MAX);
    if (numbers) return model::LargeCommunity{(*numbers)[0], (*numbers)[1], (*numbers)[2]};
    return fail("'{}' is no large community; write three numbers such as 65000:1:2", text);
}

Result<net::Prefix> read_listed_prefix(std::string_view text) {
    if (text.find('/') != text.npos) return net::Prefix::parse(text);
    auto address = net::Ip::parse(text);
    if (!address) return propagate(address);
    return net::only(*address);
}

/// The table has the range, without AS 0 (RFC 7607) and the last one (RFC 7300).
void read_asn(const Fields& fields, uint32_t& asn, Mistakes& mistakes) {
    constexpr uint32_t kAsTrans = 23456, kLastOfTwoBytes = 65535;
    if (!fields.number("asn", asn)) return;
    if (asn == kAsTrans)
        mistakes.add(fields.place_of("asn"),
                     "AS {} stands for those of four bytes where they do not fit (AS_TRANS, RFC 6793); write "
                     "the AS's own number",
                     asn);
    if (asn == kLastOfTwoBytes)
        mistakes.add(
            fields.place_of("asn"),
            "AS {} is reserved (RFC 7300); write the AS's own number, or one of those for private use, "
            "64512 to 65534",
            asn);
}

Result<net::Ip> read_router_id(std::string_view text) {
    auto id = net::Ip::parse(text);
    if (!id || !id->is_v4() || id->is_unspecified())
        return fail("'{}' is no router id; write an IPv4 address of this host's", text);
    return id;
}

/// Of either end. With a router on this host it may be a loopback address.
Result<net::Ip> read_session_address(std::string_view text) {
    auto address = net::Ip::parse(text);
    if (!address) return address;
    if (address->is_unspecified() || address->is_multicast() || address->is_link_local())
        return fail(
            "{} is not an address that a session can have; write a unicast address that is not "
            "link-local",
            text);
    return address;
}

Result<std::string> read_text(std::string_view text) {
    bool printable = std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (!printable || text.size() > kMostText)
        return fail("this is not a line of text of at most {} bytes; write less", kMostText);
    return std::string(text);
}

/// The password itself is never in a message.
Result<std::string> read_password_file(std::string_view path) {
    auto text = read_secret_file(std::string(path), "password file", kMostPassword + 2);
    if (!text) return propagate(text);
    while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
    if (text->empty() || text->size() > kMostPassword)
        return fail("'{}' does not hold a password of 1 to {} bytes", path, kMostPassword);
    return text;
}

/// An ADDRESS alone means the port that BGP has.
Result<net::Endpoint> read_listen(std::string_view text) {
    if (auto address = net::Ip::parse(text)) return net::Endpoint{*address, model::BgpPeer{}.port};
    return net::Endpoint::parse(text);
}

template <class T>
std::vector<T> values_of(std::vector<Placed<T>> placed, bool sorted) {
    std::vector<T> values;
    values.reserve(placed.size());
    for (auto& each : placed) values.push_back(std::move(each.value));
    if (sorted) std::ranges::sort(values);
    return values;
}

template <class T>
std::vector<T> read_communities(const Fields& fields, std::string_view name,
                                Result<T> (*parse)(std::string_view), Mistakes& mistakes) {
    if (!fields.find(name)) return {};
    auto communities = values_of(read_distinct<T>(fields, name, parse, mistakes), true);
    if (communities.size() > kMostCommunities)
        mistakes.add(fields.place_of(name), "there are {} of '{}'; write {} at most", communities.size(),
                     name, kMostCommunities);
    return communities;
}

model::BgpAttributes read_attributes(const Fields& fields, Mistakes& mistakes) {
    model::BgpAttributes attributes;
    uint32_t number = 0;
    if (fields.number("med", number)) attributes.med = number;
    if (fields.number("local_pref", number)) attributes.local_pref = number;
    if (fields.number("prepend", number)) attributes.prepend = static_cast<uint8_t>(number);
    attributes.communities = read_communities<uint32_t>(fields, "communities", read_community, mistakes);
    attributes.large_communities =
        read_communities<model::LargeCommunity>(fields, "large_communities", read_large_community, mistakes);
    return attributes;
}

void read_next_hops(const Fields& fields, model::BgpPeer& peer, Mistakes& mistakes) {
    if (!fields.find("next_hop")) return;
    for (const auto& [address, at] : read_distinct<net::Ip>(fields, "next_hop", read_unicast, mistakes)) {
        auto& hop = address.is_v4() ? peer.next_hop_v4 : peer.next_hop_v6;
        if (hop)
            mistakes.add(at, "there is a next hop for {} already; write one of each family",
                         address.is_v4() ? "IPv4" : "IPv6");
        hop = address;
    }
}

void read_prefixes(const Fields& fields, std::string_view name, std::vector<net::Prefix>& out,
                   Mistakes& mistakes) {
    if (fields.find(name))
        out = values_of(read_distinct<net::Prefix>(fields, name, read_listed_prefix, mistakes), false);
}

void read_distance(const Fields& fields, model::BgpPeer& peer, Mistakes& mistakes) {
    uint8_t hops = 0;
    if (fields.number("multihop", hops)) peer.multihop = hops;
    if (fields.number("ttl_security", hops)) peer.ttl_security = hops;
    if (peer.multihop && peer.ttl_security)
        mistakes.add(fields.place_of("multihop"),
                     "'ttl_security' says how far away the peer is; leave 'multihop' out");
}

std::optional<model::Bfd> read_bfd(const Fields& peer, Mistakes& mistakes) {
    const Node* node = peer.find("bfd");
    if (!node || node->text == "false") return std::nullopt;
    model::Bfd bfd;
    if (node->kind == Node::Kind::mapping) {
        Fields fields(*node, kBfd, "bfd", node->place, mistakes);
        fields.duration("interval", bfd.interval);
        fields.number("multiplier", bfd.multiplier);
        bool multihop = false;
        if (fields.choice("multihop", multihop)) bfd.multihop = multihop;
    } else if (node->text != "true") {
        mistakes.add(node->place, "bfd '{}' is not known; write {}",
                     node->kind == Node::Kind::scalar ? node->text : describe(node->kind), peer.takes("bfd"));
    }
    return bfd;
}

void check_peer(const Fields& fields, const model::BgpPeer& peer, Mistakes& mistakes) {
    if (peer.hold_time.count() > 0 && peer.hold_time < kLeastHold)
        mistakes.add(fields.place_of("hold_time"),
                     "a hold time of {} s is not allowed; write 3s at least, or 0s", peer.hold_time.count());
    if (peer.source && peer.source->family() != peer.address.family())
        mistakes.add(fields.place_of("source"),
                     "{} and the peer's address {} are not of one family; write an address of the peer's",
                     peer.source->text(), peer.address.text());
}

std::optional<Placed<model::BgpPeer>> read_peer(const Node& node, Mistakes& mistakes) {
    Fields fields(node, kBgpPeer, "the BGP peer", node.place, mistakes);
    if (node.kind != Node::Kind::mapping) return std::nullopt;
    model::BgpPeer peer;
    bool known = fields.parsed("address", read_session_address, peer.address);
    read_asn(fields, peer.asn, mistakes);
    uint16_t port = 0;
    if (fields.number("port", port)) peer.port = net::Port(port);
    fields.parsed("description", read_text, peer.description);
    fields.parsed("source", read_session_address, peer.source);
    fields.parsed("password_file", read_password_file, peer.password);
    fields.duration("hold_time", peer.hold_time);
    fields.duration("connect_retry", peer.connect_retry);
    fields.choice("passive", peer.passive);
    read_distance(fields, peer, mistakes);
    peer.bfd = read_bfd(fields, mistakes);
    read_next_hops(fields, peer, mistakes);
    peer.attributes = read_attributes(fields, mistakes);
    read_prefixes(fields, "export", peer.accept, mistakes);
    read_prefixes(fields, "reject", peer.reject, mistakes);
    if (!known) return std::nullopt;
    check_peer(fields, peer, mistakes);
    return Placed<model::BgpPeer>{std::move(peer), fields.place_of("address")};
}

void read_peers(const Fields& fields, model::Bgp& bgp, Mistakes& mistakes) {
    for (const auto& item : fields.items("peers")) {
        auto peer = read_peer(*item, mistakes);
        if (!peer) continue;
        bool known =
            std::ranges::find(bgp.peers, peer->value.address, &model::BgpPeer::address) != bgp.peers.end();
        if (known)
            mistakes.add(peer->at, "peer {} is in the list twice; keep one of the two",
                         peer->value.address.text());
        else
            bgp.peers.push_back(std::move(peer->value));
    }
    bool waits = std::ranges::any_of(bgp.peers, &model::BgpPeer::passive);
    if (waits && bgp.listen.empty())
        mistakes.add(fields.place_of("peers"),
                     "a passive peer has nowhere to connect to; add 'listen: [ADDRESS]'");
}

}  // namespace

model::Bgp read_bgp(const Node& node, Mistakes& mistakes) {
    Fields fields(node, kBgp, "bgp", node.place, mistakes);
    model::Bgp bgp;
    read_asn(fields, bgp.asn, mistakes);
    fields.parsed("router_id", read_router_id, bgp.router_id);
    if (fields.find("listen"))
        bgp.listen = values_of(read_distinct<net::Endpoint>(fields, "listen", read_listen, mistakes), false);
    fields.duration("drain", bgp.drain);
    fields.duration("graceful_shutdown", bgp.graceful_shutdown);
    fields.duration("restart_time", bgp.restart_time);
    fields.parsed("shutdown_message", read_text, bgp.shutdown_message);
    read_peers(fields, bgp, mistakes);
    return bgp;
}

std::optional<model::BgpAttributes> read_announce_bgp(const Fields& announce, Mistakes& mistakes) {
    const Node* node = announce.find("bgp");
    if (!node) return model::BgpAttributes{};
    if (node->kind == Node::Kind::mapping)
        return read_attributes(Fields(*node, kAnnounceBgp, "bgp", node->place, mistakes), mistakes);
    if (node->text == "false") return std::nullopt;
    if (node->text != "true")
        mistakes.add(node->place, "bgp '{}' is not known; write {}",
                     node->kind == Node::Kind::scalar ? node->text : describe(node->kind),
                     announce.takes("bgp"));
    return model::BgpAttributes{};
}

}  // namespace weir::config
