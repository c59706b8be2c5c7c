#include "config/settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "model/config.h"

namespace weir::config {
namespace {

using model::AdminState, model::EngineKind, model::ForwardKind, model::HttpMethod, model::IpvsRole,
    model::ProxyHeader, model::SchedulerKind, model::Unmatched, model::WebhookFormat, model::XdpMode;

constexpr int64_t kSecond = 1000, kHour = 3600 * kSecond, kDay = 24 * kHour;

template <class E>
constexpr Choice word(std::string_view text, E value) {
    return {text, static_cast<int>(value)};
}
constexpr Choice missing(std::string_view text, std::string_view instead) {
    return {text, -1, instead};
}

constexpr Setting number(std::string_view name, int64_t least, int64_t most, std::string_view fallback) {
    return {name, Takes::number, "", least, most, {}, fallback};
}
constexpr Setting choice(std::string_view name, std::span<const Choice> choices, std::string_view fallback) {
    return {name, Takes::choice, "", 0, 0, choices, fallback};
}

constexpr Choice kUnmatchedWords[] = {word("drop", Unmatched::drop), word("pass", Unmatched::pass)};
constexpr Choice kModes[] = {word("auto", XdpMode::automatic), word("native", XdpMode::native),
                             word("generic", XdpMode::generic)};
constexpr Choice kStates[] = {word("enabled", AdminState::enabled), word("draining", AdminState::draining),
                              word("disabled", AdminState::disabled)};
// proxy is the last.
constexpr Choice kForwards[] = {word("dsr", ForwardKind::dsr), word("ipip", ForwardKind::ipip),
                                word("gre", ForwardKind::gre), word("fou", ForwardKind::fou),
                                word("gue", ForwardKind::gue), word("dscp", ForwardKind::dscp),
                                word("nat", ForwardKind::nat), word("proxy", ForwardKind::proxy)};
// In the words of kForwards.
constexpr Choice kIpvsForwards[] = {word("dsr", ForwardKind::dsr), word("ipip", ForwardKind::ipip),
                                    word("gre", ForwardKind::gre), word("gue", ForwardKind::gue),
                                    word("nat", ForwardKind::nat)};
constexpr auto kXdpForwards = std::span(kForwards).first<std::size(kForwards) - 1>();
constexpr auto kProxyForwards = std::span(kForwards).last<1>();
constexpr Choice kEngines[] = {word("xdp", EngineKind::xdp), word("ipvs", EngineKind::ipvs),
                               word("proxy", EngineKind::proxy),
                               missing("nfqueue", "xdp, ipvs and proxy are")};
constexpr Choice kProxyHeaders[] = {word("none", ProxyHeader::none), word("v1", ProxyHeader::v1),
                                    word("v2", ProxyHeader::v2)};
constexpr Choice kIpvsRoles[] = {word("master", IpvsRole::master), word("backup", IpvsRole::backup),
                                 word("both", IpvsRole::both)};
constexpr Choice kFamilies[] = {word("inet", net::Family::v4), word("inet6", net::Family::v6)};
constexpr Choice kTruth[] = {word("true", true), word("false", false)};
constexpr Choice kMethods[] = {word("GET", HttpMethod::get), word("HEAD", HttpMethod::head),
                               word("OPTIONS", HttpMethod::options)};
constexpr Choice kCarriers[] = {word("udp", false), word("tcp", true)};
constexpr Choice kDnsTypes[] = {word("A", 0),   word("AAAA", 1), word("CNAME", 2),
                                word("MX", 3),  word("NS", 4),   word("PTR", 5),
                                word("SOA", 6), word("SRV", 7),  word("TXT", 8)};
constexpr Choice kRcodes[] = {word("NOERROR", 0),  word("FORMERR", 1), word("SERVFAIL", 2),
                              word("NXDOMAIN", 3), word("NOTIMP", 4),  word("REFUSED", 5)};
constexpr Choice kSchedulers[] = {
    word("maglev", SchedulerKind::maglev), word("rendezvous", SchedulerKind::rendezvous),
    word("wlc", SchedulerKind::wlc), word("rr", SchedulerKind::rr), word("random", SchedulerKind::random)};
// By the kernel's names. The values are of no enumeration.
constexpr Choice kIpvsSchedulers[] = {word("wlc", 0),  word("rr", 1),    word("wrr", 2), word("lc", 3),
                                      word("lblc", 4), word("lblcr", 5), word("dh", 6),  word("sh", 7),
                                      word("mh", 8),   word("sed", 9),   word("nq", 10), word("fo", 11),
                                      word("ovf", 12), word("twos", 13)};
/// Each word once, those of xdp first.
constexpr auto kAllSchedulers = [] {
    constexpr size_t kInBoth = 2;  // wlc and rr
    std::array<Choice, std::size(kSchedulers) + std::size(kIpvsSchedulers) - kInBoth> all{};
    auto end = std::ranges::copy(kSchedulers, all.begin()).out;
    for (const auto& each : kIpvsSchedulers)
        if (std::ranges::find(kSchedulers, each.word, &Choice::word) == std::end(kSchedulers)) *end++ = each;
    return all;
}();
constexpr Choice kWebhookFormats[] = {word("json", WebhookFormat::json), word("slack", WebhookFormat::slack),
                                      word("teams", WebhookFormat::teams)};
constexpr Choice kFacilities[] = {  // RFC 5424, 6.2.1
    word("kern", 0),      word("user", 1),    word("mail", 2),    word("daemon", 3),  word("auth", 4),
    word("syslog", 5),    word("lpr", 6),     word("news", 7),    word("uucp", 8),    word("cron", 9),
    word("authpriv", 10), word("ftp", 11),    word("local0", 16), word("local1", 17), word("local2", 18),
    word("local3", 19),   word("local4", 20), word("local5", 21), word("local6", 22), word("local7", 23)};

constexpr Setting kFileSettings[] = {
    {"node", Takes::mapping, "of node settings"},
    {"interfaces", Takes::list, "of names and interface settings"},
    {"vlans", Takes::mapping, "of VLAN ids to prefixes"},
    {"admin", Takes::mapping, "of admin settings"},
    {"flows", Takes::mapping, "of flows settings"},
    {"icmp", Takes::mapping, "of icmp settings"},
    choice("unmatched", kUnmatchedWords, "drop"),
    {"alerts", Takes::mapping, "of names to alert settings"},
    {"announce", Takes::mapping, "of announcing settings"},
    {"bgp", Takes::mapping, "of bgp settings"},
    {"sync", Takes::mapping, "of sync settings"},
    {"ipvs", Takes::mapping, "of ipvs settings"},
    {"proxy", Takes::mapping, "of proxy settings"},
    {"watchdog", Takes::seconds, "", 5 * kSecond, kHour, {}, "it goes on forever"},
    {"pools", Takes::mapping, "of names to pool settings"},
    {"services", Takes::mapping, "of names to service settings"},
};

constexpr Setting kNodeSettings[] = {
    {"address", Takes::text, "an IP address", 0, 0, {}, "what the route to each backend would send from"},
};

constexpr Setting kInterfaceSettings[] = {
    required({"name", Takes::text, "an interface's name"}),
    choice("mode", kModes, "auto"),
};

constexpr Setting kAdminSettings[] = {
    required({"listen", Takes::text, "an ADDRESS:PORT"}),
    {"tls", Takes::mapping, "of admin tls settings"},
    {"token", Takes::text, "a token, or a mapping of admin token settings"},
};
constexpr Setting kAdminTlsSettings[] = {
    required({"certificate", Takes::text, "the absolute path of a file"}),
    required({"key", Takes::text, "the absolute path of a file"}),
};
constexpr Setting kAdminTokenSettings[] = {
    {"operator_file", Takes::text, "the absolute path of a file"},
    {"viewer_file", Takes::text, "the absolute path of a file"},
};

constexpr Setting kFlowsSettings[] = {
    number("size", 1024, 67108864, "1048576"),
    {"timeouts", Takes::mapping, "of timeouts settings"},
};
constexpr Setting timeout(std::string_view name, std::string_view fallback) {
    return {name, Takes::seconds, "", kSecond, kHour, {}, fallback};
}
constexpr Setting kTimeoutsSettings[] = {
    timeout("handshake", "30s"),
    timeout("established", "15m"),
    timeout("closing", "30s"),
    timeout("udp", "5m"),
};

constexpr Setting kIcmpSettings[] = {
    choice("echo", kTruth, "true"),
    number("rate", 0, 1000000, "1000"),
};

constexpr Setting kAnnouncingSettings[] = {
    {"learn", Takes::seconds, "", 0, kHour, {}, "0s"},
    {"linger", Takes::seconds, "", 0, kHour, {}, "0s"},
};

constexpr Setting kBgpSettings[] = {
    required({"asn", Takes::number, "", 1, UINT32_MAX - 1}),
    {"router_id",
     Takes::text,
     "an IPv4 address",
     0,
     0,
     {},
     "the node's address, or the first of an interface"},
    {"listen", Takes::list, "of addresses and ADDRESS:PORT, or one"},
    required({"peers", Takes::list, "of bgp peer settings"}),
    {"drain", Takes::seconds, "", 0, kHour, {}, "2s"},
    {"graceful_shutdown", Takes::seconds, "", 0, kHour, {}, "0s"},
    {"restart_time", Takes::seconds, "", 0, 4095 * kSecond, {}, "30s"},
    {"shutdown_message", Takes::text, "a line of text"},
};
constexpr auto kBgpAttributes = std::to_array<Setting>({
    {"med", Takes::number, "", 0, UINT32_MAX},
    {"local_pref", Takes::number, "", 0, UINT32_MAX, {}, "100"},
    number("prepend", 0, 16, "0"),
    {"communities", Takes::list, "of communities, or one"},
    {"large_communities", Takes::list, "of large communities, or one"},
});
constexpr auto kBgpSessions = std::to_array<Setting>({
    required({"address", Takes::text, "an IP address"}),
    required({"asn", Takes::number, "", 1, UINT32_MAX - 1}),
    number("port", 1, 65535, "179"),
    {"description", Takes::text, "a line of text"},
    {"source", Takes::text, "an IP address", 0, 0, {}, "what the route to the peer would send from"},
    {"password_file", Takes::text, "the absolute path of a file"},
    {"hold_time", Takes::seconds, "", 0, 65535 * kSecond, {}, "9s"},
    {"connect_retry", Takes::seconds, "", kSecond, kHour, {}, "5s"},
    choice("passive", kTruth, "false"),
    {"multihop", Takes::number, "", 1, 255},
    {"ttl_security", Takes::number, "", 1, 254},
    {"bfd", Takes::text, "true, false, or a mapping of bfd settings", 0, 0, {}, "false"},
    {"next_hop", Takes::list, "of IP addresses, or one", 0, 0, {}, "the own address of the session"},
    {"export", Takes::list, "of prefixes, or one", 0, 0, {}, "all of them"},
    {"reject", Takes::list, "of prefixes, or one"},
});
constexpr auto kBgpPeerSettings = [] {
    std::array<Setting, kBgpSessions.size() + kBgpAttributes.size()> all{};
    std::ranges::copy(kBgpAttributes, std::ranges::copy(kBgpSessions, all.begin()).out);
    return all;
}();
constexpr Setting kBfdSettings[] = {
    {"interval", Takes::milliseconds, "", 10, 10 * kSecond, {}, "100ms"},
    number("multiplier", 1, 50, "3"),
    {"multihop", Takes::choice, "", 0, 0, kTruth, "what the session is"},
};

constexpr Setting kSyncSettings[] = {
    {"group", Takes::text, "a multicast address, or ADDRESS:PORT"},
    {"interface", Takes::text, "an interface's name"},
    {"listen", Takes::text, "an IP address, or ADDRESS:PORT", 0, 0, {}, "every address"},
    {"peers", Takes::list, "of addresses and ADDRESS:PORT, or one"},
    required({"key_file", Takes::text, "the absolute path of a file"}),
    number("share", 1, 100, "50"),
};

constexpr Setting kIpvsSettings[] = {
    {"sync", Takes::mapping, "of ipvs sync settings"},
    {"timeouts", Takes::mapping, "of ipvs timeouts settings"},
};
constexpr Setting kIpvsSyncSettings[] = {
    required(choice("role", kIpvsRoles, "")),
    required({"interface", Takes::text, "an interface's name"}),
    number("id", 0, 255, "0"),
    {"group", Takes::text, "a multicast address", 0, 0, {}, "224.0.0.81"},
    {"port", Takes::number, "", 1, 65535, {}, "8848"},
    {"ttl", Takes::number, "", 1, 255, {}, "1"},
};
constexpr Setting ipvs_timeout(std::string_view name) {
    return {name, Takes::seconds, "", kSecond, 31 * kDay, {}, "what the kernel has"};
}
constexpr Setting kIpvsTimeoutsSettings[] = {ipvs_timeout("tcp"), ipvs_timeout("tcp_fin"),
                                             ipvs_timeout("udp")};

constexpr Setting kPoolSettings[] = {
    {"static", Takes::list, "of addresses and backend settings"},
    {"minimum", Takes::text, "a number, or a percentage such as 50%", 0, 0, {}, "1"},
    {"damping", Takes::seconds, "", 0, kHour, {}, "5s"},
};
constexpr Unavailable kPoolUnavailable[] = {
    {"sweep", "static is"},
    {"queue", "static is"},
};

constexpr Setting kBackendSettings[] = {
    required({"address", Takes::text, "an IP address"}),
    number("weight", 0, 1000, "1"),
    choice("state", kStates, "enabled"),
    {"port", Takes::number, "", 1, 65535, {}, "the port that the client asked for"},
    {"server_id", Takes::text, "1 to 15 bytes in hex digits"},
    {"max_connections", Takes::number, "", 1, 100000000},
    number("priority", 0, 65535, "0"),
    {"min_connections", Takes::number, "", 1, 100000000},
};

constexpr Setting kServiceSettings[] = {
    {"vip", Takes::list, "of IP addresses and prefixes, or one"},
    {"ports", Takes::list, "of PORT/PROTOCOL, FIRST-LAST/PROTOCOL and any/PROTOCOL, or one"},
    {"mark", Takes::number, "", 1, UINT32_MAX},
    choice("family", kFamilies, "inet"),
    required({"pool", Takes::text, "the name of a pool"}),
    {"backup", Takes::list, "of names of pools, or one"},
    number("overflow", 100, 1000, "140"),
    {"fallback", Takes::text, "the name of a pool"},
    choice("fail_open", kTruth, "false"),
    choice("engine", kEngines, "proxy where that is how to forward, else xdp"),
    choice("forward", kForwards, "dsr, or proxy of that engine"),
    choice("scheduler", kAllSchedulers, "maglev, or wlc of ipvs"),
    {"ipvs", Takes::mapping, "of service ipvs settings"},
    {"proxy", Takes::mapping, "of service proxy settings"},
    {"slow_start", Takes::seconds, "", kSecond, kHour},
    {"sticky", Takes::text, "source, or a mapping of sticky settings"},
    {"quic", Takes::mapping, "of quic settings"},
    {"announce", Takes::mapping, "of announce settings"},
    number("need", 1, 1000000, "1"),
    {"checks", Takes::list, "of check settings"},
};
constexpr Setting kServiceIpvsSettings[] = {
    {"persistence", Takes::seconds, "", kSecond, 31 * kDay},
    {"netmask", Takes::mapping, "of netmask settings"},
    choice("one_packet", kTruth, "false"),
    {"flags", Takes::list, "of flags of the scheduler, or one"},
};
constexpr Setting rate(std::string_view name) {
    return {name, Takes::text, "a number of bytes a second, or a rate such as 10MB or 1Gbit"};
}
constexpr Setting kServiceProxySettings[] = {
    {"connect_timeout", Takes::milliseconds, "", 10, kHour, {}, "3s"},
    number("retries", 0, 100, "2"),
    {"idle_timeout", Takes::milliseconds, "", 100, 31 * kDay, {}, "15m"},
    {"lifetime", Takes::milliseconds, "", kSecond, 366 * kDay},
    {"max_connections", Takes::number, "", 1, 100000000},
    {"queue_timeout", Takes::milliseconds, "", 0, kHour, {}, "5s"},
    rate("bandwidth"),
    rate("connection_bandwidth"),
    choice("accept_header", kTruth, "false"),
    choice("send_header", kProxyHeaders, "none"),
    choice("transparent", kTruth, "false"),
    {"keepalive", Takes::seconds, "", kSecond, kDay},
    choice("fast_open", kTruth, "false"),
    {"udp_timeout", Takes::milliseconds, "", 100, kDay, {}, "30s"},
    number("udp_sessions", 1, 10000000, "65536"),
    choice("one_packet", kTruth, "false"),
};
constexpr Setting kProxySettings[] = {
    {"workers", Takes::number, "", 1, 1024, {}, "one for each core"},
    {"max_connections", Takes::number, "", 1, 100000000, {}, "as many as descriptors allow"},
    {"busy_poll", Takes::milliseconds, "", 1, 1000},
    number("pipe_size", 4096, 1 << 30, "1048576"),
};
constexpr Setting kNetmaskSettings[] = {
    number("ipv4", 1, 32, "32"),
    number("ipv6", 1, 128, "128"),
};

constexpr Setting kTableSettings[] = {
    number("size", 5, 5000011, "65537"),
};

constexpr Setting kSource{"source", Takes::list, "of addresses and prefixes, or one"};
constexpr Setting kTunnelSettings[] = {kSource};
constexpr Setting kFouSettings[] = {number("port", 1, 65535, "5555"), kSource};
constexpr Setting kGueSettings[] = {number("port", 1, 65535, "6080"), kSource};
constexpr Setting kDscpSettings[] = {required({"value", Takes::number, "", 1, 63})};
constexpr Setting kNatSettings[] = {kSource};

constexpr Setting kStickySettings[] = {
    number("ipv4", 1, 32, "32"),
    number("ipv6", 1, 128, "128"),
};

constexpr Setting kQuicSettings[] = {
    required({"configs", Takes::list, "of quic config settings"}),
};
constexpr Setting kQuicConfigSettings[] = {
    number("rotation", 0, 6, "0"),
    required({"server_id_length", Takes::number, "", 1, 15}),
    required({"nonce_length", Takes::number, "", 4, 18}),
    {"key_file", Takes::text, "the absolute path of a file"},
};

constexpr Setting kAnnounceSettings[] = {
    choice("arp", kTruth, "false"),
    {"bgp", Takes::text, "true, false, or a mapping of announce bgp settings", 0, 0, {}, "true"},
};

constexpr Setting kCheckSettings[] = {
    {"tcp", Takes::mapping, "of tcp settings"},
    {"syn", Takes::mapping, "without settings"},
    {"http", Takes::mapping, "of http settings"},
    {"https", Takes::mapping, "of https settings"},
    {"dns", Takes::mapping, "of dns settings"},
    {"exec", Takes::mapping, "of exec settings"},
    {"udp", Takes::mapping, "of udp settings"},
    {"icmp", Takes::mapping, "without settings"},
    {"port", Takes::number, "", 1, 65535, {}, "the service's"},
    {"interval", Takes::milliseconds, "", 100, kHour, {}, "2s"},
    {"timeout", Takes::milliseconds, "", 1, kHour, {}, "1s, or the interval where that is less"},
    number("history", 1, 64, "5"),
    number("rise", 1, 64, "3, or history where that is less"),
    number("fall", 1, 64, "2, or history where that is less"),
};

constexpr Setting kTcpSettings[] = {
    {"send", Takes::text, "text with escapes"},
    {"expect", Takes::text, "text with escapes"},
};

constexpr Setting kUdpSettings[] = {
    required({"send", Takes::text, "text with escapes"}),
    {"expect", Takes::text, "text with escapes"},
};

constexpr auto kHttpSettings = std::to_array<Setting>({
    {"path", Takes::text, "a path with its query", 0, 0, {}, "/"},
    {"host", Takes::text, "the Host header", 0, 0, {}, "the VIP"},
    {"expect", Takes::list, "of statuses and ranges of statuses, or one", 0, 0, {}, "200"},
    choice("method", kMethods, "GET"),
    {"headers", Takes::mapping, "of names to values"},
    {"body", Takes::text, "text that the answer's body contains"},
});
constexpr auto kTlsSettings = std::to_array<Setting>({
    {"sni", Takes::text, "a host's name", 0, 0, {}, "the host, if that is a name"},
    choice("verify", kTruth, "true"),
    {"ca_file", Takes::text, "the absolute path of a file", 0, 0, {}, "the system's authorities"},
    {"certificate", Takes::text, "the absolute path of a file"},
    {"key", Takes::text, "the absolute path of a file"},
});
constexpr auto kHttpsSettings = [] {
    std::array<Setting, kHttpSettings.size() + kTlsSettings.size() + 1> all{};
    *std::ranges::copy(kTlsSettings, std::ranges::copy(kHttpSettings, all.begin()).out).out = {
        "expiry_warning", Takes::seconds, "", 0, 365 * kDay, {}, "14d"};
    return all;
}();

constexpr Setting kDnsSettings[] = {
    required({"name", Takes::text, "the name to ask for"}),
    choice("type", kDnsTypes, "A"),
    {"expect", Takes::text, "a record's text"},
    choice("rcode", kRcodes, "NOERROR"),
    choice("carrier", kCarriers, "udp"),
};

constexpr Setting kExecSettings[] = {
    required({"command", Takes::list, "of words, the first an absolute path"}),
    {"user", Takes::text, "a user's name or number", 0, 0, {}, "nobody"},
};

constexpr Setting kAlertSettings[] = {
    {"webhook", Takes::mapping, "of webhook settings"},
    {"syslog", Takes::mapping, "of syslog settings"},
    {"journal", Takes::mapping, "without settings"},
    {"events", Takes::list, "of kinds of events, or all, warning or error", 0, 0, {}, "warning"},
    {"settle", Takes::seconds, "", 0, kHour, {}, "5s"},
    number("rate", 1, 10000, "60"),
};
constexpr Setting kWebhookSettings[] = {
    {"url", Takes::text, "an http or https URL"},
    {"url_file", Takes::text, "the absolute path of a file"},
    choice("format", kWebhookFormats, "json"),
    {"headers", Takes::mapping, "of names to values"},
    {"tls", Takes::mapping, "of webhook tls settings"},
};
constexpr Setting kSyslogSettings[] = {
    {"server", Takes::text, "an IP address, or ADDRESS:PORT", 0, 0, {}, "this host's own"},
    choice("facility", kFacilities, "daemon"),
};

}  // namespace

const Section kFile{"", kFileSettings};
const Section kNode{"node", kNodeSettings};
const Section kInterface{"interface", kInterfaceSettings};
const Section kAdmin{"admin", kAdminSettings};
const Section kAdminTls{"admin tls", kAdminTlsSettings, {}, &kAdmin};
const Section kAdminToken{"admin token", kAdminTokenSettings, {}, &kAdmin};
const Section kFlows{"flows", kFlowsSettings};
const Section kTimeouts{"timeouts", kTimeoutsSettings, {}, &kFlows};
const Section kIcmp{"icmp", kIcmpSettings};
const Section kAnnouncing{"announcing", kAnnouncingSettings};
const Section kBgp{"bgp", kBgpSettings};
const Section kBgpPeer{"bgp peer", kBgpPeerSettings, {}, &kBgp};
const Section kBfd{"bfd", kBfdSettings, {}, &kBgpPeer};
const Section kSync{"sync", kSyncSettings};
const Section kIpvs{"ipvs", kIpvsSettings};
const Section kIpvsSync{"ipvs sync", kIpvsSyncSettings, {}, &kIpvs};
const Section kIpvsTimeouts{"ipvs timeouts", kIpvsTimeoutsSettings, {}, &kIpvs};
const Section kProxy{"proxy", kProxySettings};
const Section kPool{"pool", kPoolSettings, kPoolUnavailable};
const Section kBackend{"backend", kBackendSettings};
const Section kService{"service", kServiceSettings};
const Section kServiceIpvs{"service ipvs", kServiceIpvsSettings, {}, &kService};
const Section kServiceProxy{"service proxy", kServiceProxySettings, {}, &kService};
const Section kNetmask{"netmask", kNetmaskSettings, {}, &kServiceIpvs};
const Section kTable{"scheduler", kTableSettings, {}, &kService};
const Section kDsr{"dsr", {}, {}, &kService};
const Section kIpip{"ipip", kTunnelSettings, {}, &kService};
const Section kGre{"gre", kTunnelSettings, {}, &kService};
const Section kFou{"fou", kFouSettings, {}, &kService};
const Section kGue{"gue", kGueSettings, {}, &kService};
const Section kDscp{"dscp", kDscpSettings, {}, &kService};
const Section kNat{"nat", kNatSettings, {}, &kService};
const Section kSticky{"sticky", kStickySettings, {}, &kService};
const Section kQuic{"quic", kQuicSettings, {}, &kService};
const Section kQuicConfig{"quic config", kQuicConfigSettings, {}, &kQuic};
const Section kAnnounce{"announce", kAnnounceSettings, {}, &kService};
const Section kAnnounceBgp{"announce bgp", kBgpAttributes, {}, &kAnnounce};
const Section kCheck{"check", kCheckSettings, {}, &kService};
const Section kTcpCheck{"tcp", kTcpSettings, {}, &kCheck};
const Section kSynCheck{"syn", {}, {}, &kCheck};
const Section kUdpCheck{"udp", kUdpSettings, {}, &kCheck};
const Section kIcmpCheck{"icmp", {}, {}, &kCheck};
const Section kHttpCheck{"http", kHttpSettings, {}, &kCheck};
const Section kHttpsCheck{"https", kHttpsSettings, {}, &kCheck};
const Section kDnsCheck{"dns", kDnsSettings, {}, &kCheck};
const Section kExecCheck{"exec", kExecSettings, {}, &kCheck};
const Section kAlert{"alert", kAlertSettings};
const Section kWebhook{"webhook", kWebhookSettings, {}, &kAlert};
const Section kWebhookTls{"webhook tls", kTlsSettings, {}, &kWebhook};
const Section kSourceTls{"source tls", kTlsSettings};
const Section kSyslog{"syslog", kSyslogSettings, {}, &kAlert};
const Section kJournal{"journal", {}, {}, &kAlert};

std::span<const Section* const> all_sections() {
    static constexpr auto kAll = std::to_array<const Section*>(
        {&kFile,       &kNode,      &kInterface,    &kAdmin,    &kAdminTls,     &kAdminToken, &kFlows,
         &kTimeouts,   &kIcmp,      &kAnnouncing,   &kBgp,      &kBgpPeer,      &kBfd,        &kSync,
         &kIpvs,       &kIpvsSync,  &kIpvsTimeouts, &kProxy,    &kPool,         &kSourceTls,  &kBackend,
         &kService,    &kDsr,       &kIpip,         &kGre,      &kFou,          &kGue,        &kDscp,
         &kNat,        &kTable,     &kServiceIpvs,  &kNetmask,  &kServiceProxy, &kSticky,     &kQuic,
         &kQuicConfig, &kAnnounce,  &kAnnounceBgp,  &kCheck,    &kTcpCheck,     &kHttpCheck,  &kHttpsCheck,
         &kDnsCheck,   &kExecCheck, &kSynCheck,     &kUdpCheck, &kIcmpCheck,    &kAlert,      &kWebhook,
         &kWebhookTls, &kSyslog,    &kJournal});
    return kAll;
}

const Setting& forward_of(EngineKind engine) {
    static constexpr Setting kOfXdp = choice("forward", kXdpForwards, "");
    static constexpr Setting kOfIpvs = choice("forward", kIpvsForwards, "");
    static constexpr Setting kOfProxy = choice("forward", kProxyForwards, "");
    switch (engine) {
        case EngineKind::xdp:
            return kOfXdp;
        case EngineKind::ipvs:
            return kOfIpvs;
        case EngineKind::proxy:
            return kOfProxy;
    }
    return kOfXdp;
}

const Setting& scheduler_of(EngineKind engine) {
    static constexpr Setting kOfXdp = choice("scheduler", kSchedulers, "");
    static constexpr Setting kOfIpvs = choice("scheduler", kIpvsSchedulers, "");
    return engine == EngineKind::ipvs ? kOfIpvs : kOfXdp;
}

}  // namespace weir::config
