#include "discovery/gmond.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <pugixml.hpp>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

constexpr uint32_t kPatience = 4;  // times TMAX, as Ganglia has it
constexpr int kDeepest = 8;        // grids in grids

template <class T>
std::optional<T> number(std::string_view text) {
    T value{};
    auto [end, error] = std::from_chars(text.begin(), text.end(), value);
    if (error != std::errc{} || end != text.end()) return std::nullopt;
    return value;
}

std::optional<double> load_of(const char* text) {
    auto load = number<double>(text);
    if (!load || !std::isfinite(*load) || *load < 0) return std::nullopt;
    return load;
}

Result<std::optional<uint32_t>> read_weight(const pugi::xml_node& host, const GmondWanted& wanted) {
    std::optional<double> load;
    double half_at = wanted.half_at.value_or(1);
    for (const auto& metric : host.children("METRIC")) {
        std::string_view name = metric.attribute("NAME").value();
        const char* value = metric.attribute("VAL").value();
        if (name == wanted.metric) {
            load = load_of(value);
            if (!load) return fail("its {} is '{}', not a number from 0", wanted.metric, excerpt(value));
        } else if (name == "cpu_num" && !wanted.half_at) {
            half_at = std::max(1.0, load_of(value).value_or(1));
        }
    }
    if (!load) return std::nullopt;
    return weight_of(*load, half_at, wanted.scale);
}

Result<GmondHost> read_host(const pugi::xml_node& node, const GmondWanted& wanted) {
    GmondHost host;
    auto address = net::Ip::parse(node.attribute("IP").value());
    if (!address) return fail("'{}' is no address", excerpt(node.attribute("IP").value()));
    if (auto good = check_address(*address); !good) return propagate(good);
    host.address = *address;
    auto silent = number<uint32_t>(node.attribute("TN").value());
    auto most = number<uint32_t>(node.attribute("TMAX").value());
    if (!silent || !most) return fail("it does not say when it has last reported");
    host.silent = std::chrono::seconds(*silent);
    host.tolerable = std::chrono::seconds(uint64_t{kPatience} * *most);
    auto weight = read_weight(node, wanted);
    if (!weight) return propagate(weight);
    host.weight = *weight;
    return host;
}

/// Clusters, at any depth; their names.
void read_clusters(const pugi::xml_node& in, const GmondWanted& wanted, int depth, GmondReport& report,
                   std::vector<std::string>& names) {
    for (const auto& grid : in.children("GRID"))
        if (depth < kDeepest) read_clusters(grid, wanted, depth + 1, report, names);
    for (const auto& cluster : in.children("CLUSTER")) {
        std::string name = cluster.attribute("NAME").value();
        names.push_back(name);
        if (!wanted.cluster.empty() && name != wanted.cluster) continue;
        for (const auto& node : cluster.children("HOST")) {
            auto host = read_host(node, wanted);
            if (host)
                report.hosts.push_back(*host);
            else
                report.refused.push_back(fmt::format("cluster {}, host {}: {}", excerpt(name),
                                                     excerpt(node.attribute("NAME").value()),
                                                     host.error().message));
        }
    }
}

std::string some_of(std::vector<std::string> names) {
    constexpr size_t kMost = 5;
    std::string text;
    for (size_t i = 0; i < std::min(names.size(), kMost); i++) text += (i ? ", " : "") + excerpt(names[i]);
    return names.empty() ? "none" : names.size() > kMost ? text + ", …" : text;
}

}  // namespace

uint32_t weight_of(double load, double half_at, uint32_t scale) {
    return std::max(1u, static_cast<uint32_t>(std::lround(scale / (1 + load / half_at))));
}

Result<GmondReport> read_gmond(std::string document, const GmondWanted& wanted) {
    pugi::xml_document xml;
    // Only characters' references are resolved: an entity of the document's own stays what it is.
    auto parsed = xml.load_buffer_inplace(document.data(), document.size(), pugi::parse_default);
    if (!parsed) return fail("not whole XML: {} at byte {}", parsed.description(), parsed.offset);
    auto root = xml.child("GANGLIA_XML");
    if (!root) return fail("no Ganglia XML: it begins with <{}>", excerpt(xml.first_child().name()));
    GmondReport report;
    std::vector<std::string> names;
    read_clusters(root, wanted, 0, report, names);
    if (!wanted.cluster.empty() && std::ranges::find(names, wanted.cluster) == names.end())
        return fail("there is no cluster '{}', but {}", wanted.cluster, some_of(names));
    return report;
}

Set GmondRoll::take(GmondReport report, Clock::Time now) {
    Set set{.members = {}, .refused = std::move(report.refused)};
    for (const auto& host : report.hosts) {
        if (!heard_.contains(host.address) && heard_.size() == kMostMembers) {
            set.refused.push_back(
                fmt::format("{}: there are more than {} hosts", host.address.text(), kMostMembers));
            continue;
        }
        auto& heard = heard_[host.address];
        heard.until = now - host.silent + host.tolerable;
        if (host.weight) heard.weight = host.weight;
    }
    std::erase_if(heard_, [&](const auto& entry) { return entry.second.until < now; });
    for (const auto& [address, heard] : heard_)
        if (heard.weight)
            set.members.push_back({.address = address, .port = port_, .weight = *heard.weight});
        else
            set.refused.push_back(fmt::format("{}: it has not told the metric", address.text()));
    return set;
}

}  // namespace weir::discovery
