#include <algorithm>
#include <set>

#include "config/sections.h"

namespace weir::config {
namespace {

Result<net::Ip> read_node_address(std::string_view text) {
    auto address = net::Ip::parse(text);
    if (address && (address->is_unspecified() || address->is_multicast()))
        return fail("{} is not the address of a host; write one of this host's addresses", text);
    return address;
}

std::optional<model::Interface> read_interface(const Node& node, Mistakes& mistakes) {
    model::Interface interface;
    if (node.kind == Node::Kind::scalar) {
        auto name = read_interface_name(node.text);
        if (!name) {
            mistakes.note(node.place, name.error().message);
            return std::nullopt;
        }
        interface.name = *name;
        return interface;
    }
    Fields fields(node, kInterface, "the interface", node.place, mistakes);
    fields.choice("mode", interface.mode);
    if (!fields.parsed("name", read_interface_name, interface.name)) return std::nullopt;
    return interface;
}

void read_interfaces(const Fields& file, Draft& draft, Mistakes& mistakes) {
    auto before = mistakes.count();
    std::set<std::string> names;
    for (const auto& item : file.items("interfaces")) {
        auto interface = read_interface(*item, mistakes);
        if (!interface) continue;
        if (names.insert(interface->name).second)
            draft.config.interfaces.push_back(*std::move(interface));
        else
            mistakes.add(item->place, "interface '{}' is in the list twice; keep one of the two",
                         interface->name);
    }
    draft.interfaces_whole = mistakes.count() == before;
}

void read_flows(const Node& node, model::Flows& flows, Mistakes& mistakes) {
    Fields fields(node, kFlows, "flows", node.place, mistakes);
    fields.number("size", flows.size);
    const Node* timeouts = fields.mapping("timeouts");
    if (!timeouts) return;
    Fields times(*timeouts, kTimeouts, "timeouts", timeouts->place, mistakes);
    times.duration("handshake", flows.handshake);
    times.duration("established", flows.established);
    times.duration("closing", flows.closing);
    times.duration("udp", flows.udp);
}

void read_icmp(const Node& node, model::Icmp& icmp, Mistakes& mistakes) {
    Fields fields(node, kIcmp, "icmp", node.place, mistakes);
    fields.choice("echo", icmp.echo);
    fields.number("rate", icmp.rate);
}

void read_announcing(const Node& node, model::Announcing& announcing, Mistakes& mistakes) {
    Fields fields(node, kAnnouncing, "announce", node.place, mistakes);
    fields.duration("learn", announcing.learn);
    fields.duration("linger", announcing.linger);
}

}  // namespace

Result<std::string> read_interface_name(std::string_view text) {
    auto bad = [](char c) { return c == '/' || c == ':' || c <= ' ' || c == 0x7f; };
    if (text.empty() || text.size() > 15 || text == "." || text == ".." || std::ranges::any_of(text, bad))
        return fail("'{}' is not an interface's name; write 1 to 15 characters without '/', ':' and spaces",
                    text);
    return std::string(text);
}

void read_file(const Node& root, SourceKinds kinds, Draft& draft, Mistakes& mistakes) {
    Fields file(root, kFile, "the file", root.place, mistakes);
    auto& config = draft.config;
    if (const Node* node = file.mapping("node"))
        Fields(*node, kNode, "node", node->place, mistakes)
            .parsed("address", read_node_address, config.node_address);
    read_interfaces(file, draft, mistakes);
    if (const Node* vlans = file.mapping("vlans")) config.vlans = read_vlans(*vlans, mistakes);
    if (const Node* admin = file.mapping("admin")) config.admin = read_admin(*admin, mistakes);
    if (const Node* flows = file.mapping("flows")) read_flows(*flows, config.flows, mistakes);
    if (const Node* icmp = file.mapping("icmp")) read_icmp(*icmp, config.icmp, mistakes);
    file.choice("unmatched", config.unmatched);
    if (const Node* alerts = file.mapping("alerts")) config.alerts = read_alerts(*alerts, mistakes);
    if (const Node* node = file.mapping("announce")) read_announcing(*node, config.announcing, mistakes);
    if (const Node* node = file.mapping("bgp")) config.bgp = read_bgp(*node, mistakes);
    if (const Node* node = file.mapping("sync")) config.sync = read_sync(*node, mistakes);
    if (const Node* node = file.mapping("ipvs")) read_ipvs(*node, config, mistakes);
    if (const Node* node = file.mapping("proxy")) read_proxy(*node, config.proxy, mistakes);
    file.duration("watchdog", config.watchdog);
    if (const Node* pools = file.mapping("pools"))
        for (const auto& [key, value] : named_entries(*pools, "pool", mistakes))
            draft.pools.emplace(key->text, read_pool(*value, key->text, key->place, kinds, mistakes));
    if (const Node* services = file.mapping("services"))
        for (const auto& [key, value] : named_entries(*services, "service", mistakes))
            draft.services.push_back(read_service(*value, key->text, key->place, mistakes));
}

}  // namespace weir::config
