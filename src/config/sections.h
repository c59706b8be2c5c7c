// The sections of the file, each read by its own source, and what they are read into before it is known to
// fit together.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/reader.h"
#include "model/config.h"

namespace weir::config {

/// A value and where it stands, for mistakes that show only beside other values.
template <class T>
struct Placed {
    T value;
    Place at;
};

struct BackendDraft {
    model::Backend value;
    Place at;
    Place port_at{};  // {} where they are not given
    Place server_id_at{};
    Place min_connections_at{};
};

struct PoolDraft {
    std::string name;
    Place at;
    std::vector<BackendDraft> backends;
    std::vector<model::SourceSpec> sources{};
    model::Minimum minimum{};
    std::chrono::seconds damping{model::Pool{}.damping};
    bool whole = false;  // every backend could be read

    /// Counting them makes sense: all that there will be are there.
    bool is_complete() const { return whole && sources.empty(); }
};

struct QuicDraft {
    model::QuicConfig value;
    Place at;
    Placed<std::string> key_file;  // nowhere where there is none
};

struct IpvsDraft {
    model::Ipvs value;
    Place one_packet_at{};  // {} where it is not given
};

struct ProxyDraft {
    model::Proxy value;
    std::map<std::string_view, Place> given{};  // where its settings stand, by their names
};

struct ServiceDraft {
    std::string name;
    Place at;
    std::vector<Placed<net::Prefix>> vips{};
    std::vector<Placed<model::ServicePort>> ports{};
    std::optional<Placed<model::Mark>> mark{};
    Placed<std::string> pool{};  // "" where it is missing
    std::vector<Placed<std::string>> backup{};
    Placed<std::string> fallback{};  // nowhere where there is none, as the two below
    Placed<unsigned> overflow{model::Service{}.overflow, {}};
    Placed<bool> fail_open{};
    Placed<unsigned> need{1, {}};
    model::EngineKind engine = model::EngineKind::xdp;
    Placed<model::Scheduler> scheduler{};
    IpvsDraft ipvs{};
    ProxyDraft proxy{};
    std::chrono::seconds slow_start{0};
    Placed<model::Forward> forward{};
    Placed<std::optional<model::Sticky>> sticky{};
    std::vector<QuicDraft> quic{};
    Placed<bool> announce_arp{};
    Placed<std::optional<model::BgpAttributes>> bgp{model::BgpAttributes{}, {}};
    std::vector<Placed<model::Check>> checks{};
};

struct Draft {
    model::Config config;  // all but pools and services
    std::map<std::string, PoolDraft> pools;
    std::vector<ServiceDraft> services;  // in the order of the text
    bool interfaces_whole = false;

    /// Null where there is none of that name.
    const PoolDraft* pool(const std::string& name) const;
};

// top.cc: the whole file, with the functions below.
void read_file(const Node& root, SourceKinds kinds, Draft& draft, Mistakes& mistakes);
std::map<std::string, model::Alert> read_alerts(const Node& node, Mistakes& mistakes);
model::Vlans read_vlans(const Node& node, Mistakes& mistakes);
model::Admin read_admin(const Node& node, Mistakes& mistakes);
model::Bgp read_bgp(const Node& node, Mistakes& mistakes);
model::Sync read_sync(const Node& node, Mistakes& mistakes);
PoolDraft read_pool(const Node& node, std::string_view name, Place at, SourceKinds kinds, Mistakes& mistakes);
/// Of the pool's sources of all kinds.
std::vector<model::SourceSpec> read_sources(const Fields& pool, SourceKinds kinds, Mistakes& mistakes);
void read_ipvs(const Node& node, model::Config& config, Mistakes& mistakes);
void read_proxy(const Node& node, model::ProxyEngine& proxy, Mistakes& mistakes);
ServiceDraft read_service(const Node& node, const std::string& name, Place at, Mistakes& mistakes);
// Settings of a service.
Placed<model::Forward> read_forward(const Fields& service, model::EngineKind engine, Mistakes& mistakes);
/// The scheduler too.
IpvsDraft read_service_ipvs(const Fields& service, Mistakes& mistakes);
ProxyDraft read_service_proxy(const Fields& service, Mistakes& mistakes);
/// Of `announce:`; none where BGP does not announce the VIPs.
std::optional<model::BgpAttributes> read_announce_bgp(const Fields& announce, Mistakes& mistakes);
std::vector<QuicDraft> read_quic(const Fields& service, Mistakes& mistakes);
std::optional<model::Check> read_check(const Node& node, Mistakes& mistakes);

/// As the kernel has it in dev_valid_name().
Result<std::string> read_interface_name(std::string_view text);
/// An address that packets can be sent to from outside.
Result<net::Ip> read_unicast(std::string_view text);
/// Such an address or a prefix of them.
Result<net::Prefix> read_vip(std::string_view text);
/// As read_vip(), with no more than kMostSourceBits left open.
Result<net::Prefix> read_source(std::string_view text);
constexpr uint8_t kMostSourceBits = 16;
/// `80`, `8000-8099/udp`, `any/gre`, `any`.
Result<model::ServicePort> read_service_port(std::string_view text);
/// Two digits a byte.
std::optional<std::vector<uint8_t>> read_hex(std::string_view text);

/// The values of a list, each once.
template <class T>
std::vector<Placed<T>> read_distinct(const Fields& fields, std::string_view name,
                                     Result<T> (*parse)(std::string_view), Mistakes& mistakes) {
    std::vector<Placed<T>> values;
    std::set<T> seen;
    for (const auto& item : fields.items(name)) {
        if (item->kind != Node::Kind::scalar) {
            mistakes.add(item->place, "an item of '{}' is {}; write {}", name, describe(item->kind),
                         fields.takes(name));
            continue;
        }
        auto value = parse(item->text);
        if (!value)
            mistakes.note(item->place, value.error().message);
        else if (seen.insert(*value).second)
            values.push_back({*value, item->place});
        else
            mistakes.add(item->place, "'{}' is in '{}' twice; keep one of the two", item->text, name);
    }
    return values;
}

/// What no section can see alone: names that must exist, addresses that must differ, sums.
void cross_check(const Draft& draft, Mistakes& mistakes);
// Parts of it. No frontend may be ambiguous, no VIP contain a backend or take the place of clients.
void check_overlaps(const Draft& draft, Mistakes& mistakes);
// Whether the service's way of forwarding, its ports, checks and backends fit together.
void check_methods(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes);
// Whether they are something that the service's engine does.
void check_engine(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes);
// No two of them may want the same packets.
void check_engines(const Draft& draft, Mistakes& mistakes);

// Whether the pools that a service names are there, and can stand beside each other.
void check_pools(const ServiceDraft& service, const Draft& draft, Mistakes& mistakes);

/// A service's pools by priority, the fallback last: those that it names and that are there.
std::vector<const PoolDraft*> pools_of(const ServiceDraft& service, const Draft& draft);

/// The first bytes of a regular file, `what` to its reader ("key file"). Nothing else is even opened: it
/// might block, or take that for a command.
Result<std::string> read_named_file(const std::string& path, std::string_view what, size_t most);

/// As read_named_file(), of a file that others must not be able to read.
Result<std::string> read_secret_file(const std::string& path, std::string_view what, size_t most);

/// In PEM, at least one.
Result<model::FileText> read_certificate_file(std::string_view path);

/// The files that the settings `certificate` and `key` name. Sets what could be read.
void read_own_certificate(const Fields& fields, model::FileText& certificate, model::FileText& key,
                          Mistakes& mistakes);

/// Reads the key files that the draft names.
void read_keys(Draft& draft, Mistakes& mistakes);

/// The draft as the model has it. Of a draft without mistakes.
model::Config finish(Draft draft);

}  // namespace weir::config
