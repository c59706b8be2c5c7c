// The balancers that flows are shared with (doc/sync.md).
#include <algorithm>

#include "base/hmac.h"
#include "config/sections.h"

namespace weir::config {
namespace {

constexpr size_t kLeastKey = 16, kMostKey = 256, kMostKeys = 8;
constexpr size_t kMostKeyFile = 16384;
constexpr std::string_view kFlows = "flows ";  // begins the line that the flow hash's secret comes from

struct KeyFile {
    std::vector<std::string> keys;
    std::string flows;
};

/// An ADDRESS alone means the port that weir has for this.
Result<net::Endpoint> read_endpoint(std::string_view text) {
    if (auto address = net::Ip::parse(text)) return net::Endpoint{*address, model::kSyncPort};
    return net::Endpoint::parse(text);
}

Result<net::Endpoint> read_group(std::string_view text) {
    auto group = read_endpoint(text);
    if (group && !group->address.is_multicast())
        return fail("{} is not a multicast address; write one such as 239.83.1.1, or use 'peers'", text);
    return group;
}

Result<net::Endpoint> read_listen(std::string_view text) {
    auto listen = read_endpoint(text);
    if (listen && listen->address.is_multicast())
        return fail("{} is a multicast address; write one of this host's", text);
    return listen;
}

Result<net::Endpoint> read_sync_peer(std::string_view text) {
    auto peer = read_endpoint(text);
    if (!peer) return peer;
    const auto& address = peer->address;
    if (address.is_multicast() || address.is_unspecified() || address.is_link_local())
        return fail("{} is not the address of a host that routers can reach; write another balancer's", text);
    return peer;
}

bool is_key(std::string_view line) {
    return line.size() >= kLeastKey && line.size() <= kMostKey &&
           std::ranges::all_of(line, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

/// The lines themselves are never in a message.
Result<KeyFile> read_lines(std::string_view text, std::string_view path) {
    KeyFile file;
    for (size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        while (line.ends_with('\r') || line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) continue;
        const bool flows = line.starts_with(kFlows);
        if (flows) line.remove_prefix(kFlows.size());
        if (!is_key(line))
            return fail("line {} of '{}' is not {} to {} printable characters; take 'openssl rand -hex 32'",
                        number, path, kLeastKey, kMostKey);
        if (flows && !file.flows.empty())
            return fail("line {} of '{}' begins with 'flows' again; keep one of the two", number, path);
        if (flows)
            file.flows = line;
        else if (std::ranges::find(file.keys, line) == file.keys.end())
            file.keys.emplace_back(line);
    }
    if (file.keys.empty() || file.keys.size() > kMostKeys)
        return fail("'{}' does not hold 1 to {} keys, a line each; take 'openssl rand -hex 32'", path,
                    kMostKeys);
    return file;
}

Result<KeyFile> read_key_file(std::string_view path) {
    auto text = read_secret_file(std::string(path), "key file", kMostKeyFile);
    if (!text) return propagate(text);
    return read_lines(*text, path);
}

/// One socket sends to all.
void check_families(const Fields& fields, const model::Sync& sync, Mistakes& mistakes) {
    std::optional<net::Endpoint> first;
    auto check = [&](const net::Endpoint& each, std::string_view name) {
        if (!first) first = each;
        if (each.address.family() != first->address.family())
            mistakes.add(fields.place_of(name),
                         "{} and {} are not of one family; write addresses of one family", first->text(),
                         each.text());
    };
    if (sync.group) check(*sync.group, "group");
    if (sync.listen) check(*sync.listen, "listen");
    for (const auto& peer : sync.peers) check(peer, "peers");
}

void check_partners(const Fields& fields, const model::Sync& sync, Mistakes& mistakes) {
    const bool has_group = fields.find("group"), has_interface = fields.find("interface");
    if (!has_group && !fields.find("peers"))
        mistakes.add(fields.place_of("group"), "sync has nobody to share flows with; add 'group' or 'peers'");
    if (has_group && !has_interface)
        mistakes.add(fields.place_of("group"),
                     "a group needs the interface by which it is reached; add 'interface'");
    if (!has_group && has_interface)
        mistakes.add(fields.place_of("interface"),
                     "'interface' is the group's; add 'group', or leave it out");
    check_families(fields, sync, mistakes);
}

}  // namespace

model::Sync read_sync(const Node& node, Mistakes& mistakes) {
    Fields fields(node, kSync, "sync", node.place, mistakes);
    model::Sync sync;
    fields.parsed("group", read_group, sync.group);
    fields.parsed("interface", read_interface_name, sync.interface);
    fields.parsed("listen", read_listen, sync.listen);
    if (fields.find("peers"))
        for (const auto& peer : read_distinct<net::Endpoint>(fields, "peers", read_sync_peer, mistakes))
            sync.peers.push_back(peer.value);
    if (KeyFile file; fields.parsed("key_file", read_key_file, file)) {
        const Hmac hmac(file.flows.empty() ? file.keys.back() : file.flows);
        sync.flow_secret = first_of<uint64_t>(hmac.of("weir flow hash"));
        sync.keys = std::move(file.keys);
    }
    fields.number("share", sync.share);
    check_partners(fields, sync, mistakes);
    return sync;
}

}  // namespace weir::config
