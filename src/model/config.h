// What the operator asked for: the configuration file as values, checked, without I/O. See weir.yaml(5).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/bgp.h"
#include "model/engine_kind.h"
#include "model/event_kind.h"
#include "model/ipvs.h"
#include "model/proxy.h"
#include "model/source.h"
#include "model/sync.h"
#include "model/tls.h"
#include "net/ip.h"

namespace weir::model {

/// IANA protocol numbers; every other one is possible too. `any` stands for all of them.
enum class Protocol : uint8_t { any = 0, icmp = 1, tcp = 6, udp = 17, icmpv6 = 58, sctp = 132 };

/// What the operator wants of a backend. `draining` keeps its established flows and gets no new ones.
enum class AdminState : uint8_t { enabled, draining, disabled };

struct Backend {
    net::Ip address;
    uint32_t weight = 1;  // 0 … 1000; 0 takes no new flows
    AdminState state = AdminState::enabled;
    std::optional<net::Port> port{};   // of NAT; default: the port that the client asked for
    std::vector<uint8_t> server_id{};  // in QUIC connection ids; at most 15 bytes; empty: has none
    uint32_t max_connections = 0;      // with so many flows it gets no new ones; 0: it may have any number
    uint16_t priority = 0;             // of the pool's, those with the lowest come first; others are backup
    uint32_t min_connections = 0;      // of IPVS: once full, it gets new ones with fewer than so many

    bool operator==(const Backend&) const = default;
};

/// How few backends a source may leave of those that it has given before: fewer, and they are not taken.
struct Minimum {
    uint32_t count = 1;
    bool is_percent = false;  // of the present ones

    bool operator==(const Minimum&) const = default;
};

struct Pool {
    std::vector<Backend> backends;      // addresses are distinct
    std::vector<SourceSpec> sources{};  // of more of them; in the order in which they go before each other
    Minimum minimum{};
    std::chrono::seconds damping{5};  // so long a backend stays that goes again and again; 0: not at all

    bool operator==(const Pool&) const = default;
};

/// The ports from `port` on, `more` of them behind it. Every port: from 0 on, 65535 more.
struct ServicePort {
    net::Port port{1};
    Protocol protocol = Protocol::tcp;
    uint16_t more = 0;

    auto operator<=>(const ServicePort&) const = default;
};

/// A connection that is opened and closed. With `expect`: whose first 4 KiB have this in them, after `send`
/// was sent.
struct TcpCheck {
    std::string send;  // none without `expect`
    std::string expect;

    bool operator==(const TcpCheck&) const = default;
};

struct StatusRange {
    uint16_t first = 200;
    uint16_t last = 200;

    bool operator==(const StatusRange&) const = default;
};

enum class HttpMethod : uint8_t { get, head, options };

/// A request over HTTP/1.1. The status of the answer must lie in one of the ranges.
struct HttpCheck {
    std::string path = "/";
    std::string host;  // of the Host header; empty: the VIP
    std::vector<StatusRange> expect{{200, 200}};
    HttpMethod method = HttpMethod::get;
    std::vector<std::pair<std::string, std::string>> headers{};  // of the request; names are distinct
    std::string body{};  // what the first 64 KiB of the answer's must contain; empty: it is not read

    bool operator==(const HttpCheck&) const = default;
};

/// The same by TLS.
struct HttpsCheck {
    HttpCheck http{};
    Tls tls{};

    bool operator==(const HttpsCheck&) const = default;
};

/// One question to a name server.
struct DnsCheck {
    std::string name;
    std::string type = "A";         // of the records asked for
    std::string expect{};           // one of them, as text (doc/checks.md); empty: any
    std::string rcode = "NOERROR";  // which asks for a record too, the other codes do not
    bool over_tcp = false;

    bool operator==(const DnsCheck&) const = default;
};

/// A program, run for the target on this host. It passes by exit code 0.
struct ExecCheck {
    std::vector<std::string> command;  // the first is an absolute path
    uint32_t user = 65534;             // whom it runs as
    uint32_t group = 65534;
    net::Port backend_port{1};  // of the target that is checked; see control::work_of()

    bool operator==(const ExecCheck&) const = default;
};

/// A connection that the backend agrees to, and that is then not made.
struct SynCheck {
    bool operator==(const SynCheck&) const = default;
};

/// A datagram, and an answer that has `expect` in it; all have an empty one.
struct UdpCheck {
    std::string send;
    std::string expect;

    bool operator==(const UdpCheck&) const = default;
};

/// An echo request and its reply. Goes to no port.
struct IcmpCheck {
    bool operator==(const IcmpCheck&) const = default;
};

struct Check {
    using Kind =
        std::variant<TcpCheck, HttpCheck, HttpsCheck, DnsCheck, ExecCheck, SynCheck, UdpCheck, IcmpCheck>;

    Kind kind;
    std::optional<net::Port> port;  // default: the service's
    std::chrono::milliseconds interval{2000};
    std::chrono::milliseconds timeout{1000};
    // Up when `rise` of the last `history` probes passed, down when `fall` of them failed.
    unsigned history = 5;
    unsigned rise = 3;
    unsigned fall = 2;

    bool operator==(const Check&) const = default;
};

/// `wlc` is maglev whose weights follow the backends' flows; `rr` and `random` do not look at the flow.
enum class SchedulerKind : uint8_t { maglev, rendezvous, rr, random, wlc };

struct Scheduler {
    SchedulerKind kind = SchedulerKind::maglev;
    uint32_t table_size = 65537;  // a prime

    auto operator<=>(const Scheduler&) const = default;
};

/// By `proxy` the client's connection ends at weir, which makes another to the backend.
enum class ForwardKind : uint8_t { dsr, ipip, gre, fou, gue, dscp, nat, proxy };
/// To a backend's own port, where it has one.
bool knows_backend_ports(ForwardKind kind);
/// The packet goes whole, behind another header.
bool is_tunnel(ForwardKind kind);
/// NAT rewrites ports and checksums, DSCP's backends find the VIP by them: both know tcp and udp alone, and
/// cannot cross from one family to the other.
bool knows_transport(ForwardKind kind);

/// How packets get to the backends.
struct Forward {
    ForwardKind kind = ForwardKind::dsr;
    std::optional<net::Port> port{};  // of fou and gue: where the backend unpacks; default 5555 and 6080
    uint8_t dscp = 0;                 // of dscp: 1 … 63
    /// At most one of each family. Tunnels: the outer source, whose bits behind the prefix vary with the
    /// flow; default: the address of the interface towards the backend. NAT: the addresses that take the
    /// client's place (full NAT); default: the client's own stays.
    std::vector<net::Prefix> sources{};

    auto operator<=>(const Forward&) const = default;
};

/// All flows whose source addresses agree in so many bits get one backend.
struct Sticky {
    uint8_t v4 = 32;
    uint8_t v6 = 128;

    auto operator<=>(const Sticky&) const = default;
};

/// How servers write their id into QUIC connection ids (IETF QUIC-LB); see doc/quic.md.
struct QuicConfig {
    uint8_t rotation = 0;  // 0 … 6
    uint8_t server_id_length = 1;
    uint8_t nonce_length = 4;
    std::optional<std::array<uint8_t, 16>> key{};  // without: in plain text

    auto operator<=>(const QuicConfig&) const = default;
};

struct Service {
    std::vector<net::Prefix> vips;
    std::vector<ServicePort> ports;
    std::optional<Mark> mark{};  // of IPVS, in place of VIPs and ports
    std::string pool;
    std::vector<std::string> backup{};  // pools by priority, for the flows that those before cannot take
    std::string fallback{};             // the pool for when none of these takes any; empty: there is none
    unsigned overflow = 140;            // percent: how much more than its share of weight a backend can carry
    std::chrono::seconds slow_start{0};  // from a backend's coming up to its whole share of new flows
    bool fail_open = false;              // when all backends are down, use them as if they were up
    EngineKind engine = EngineKind::xdp;
    Forward forward;
    Scheduler scheduler;           // of weir's own; IPVS has its own in `ipvs`
    std::optional<Ipvs> ipvs{};    // there exactly where that is the engine
    std::optional<Proxy> proxy{};  // there exactly where that is the engine
    std::optional<Sticky> sticky{};
    std::vector<QuicConfig> quic{};
    bool announce_arp = false;  // answer ARP and neighbour discovery for the VIPs
    /// Of the VIPs in BGP; none: they are not announced by it.
    std::optional<BgpAttributes> bgp{BgpAttributes{}};
    unsigned need = 1;  // with fewer backends up and enabled (`fallback` aside) it counts as down
    std::vector<Check> checks;

    bool operator==(const Service&) const = default;
};

enum class XdpMode : uint8_t { automatic, native, generic };

struct Interface {
    std::string name;
    XdpMode mode = XdpMode::automatic;

    bool operator==(const Interface&) const = default;
};

/// The flow table: how many flows it is made for, and how long an idle flow keeps its backend.
struct Flows {
    uint32_t size = 1 << 20;
    std::chrono::seconds handshake{30};     // TCP, until a second packet comes; the first packet of UDP too
    std::chrono::seconds established{900};  // TCP
    std::chrono::seconds closing{30};       // TCP, after FIN or RST
    std::chrono::seconds udp{300};

    bool operator==(const Flows&) const = default;
};

/// Echo requests to VIPs.
struct Icmp {
    bool echo = true;
    uint32_t rate = 1000;  // ICMP messages that weir sends itself, a second and CPU

    bool operator==(const Icmp&) const = default;
};

/// Where the admin API is served by TCP, and to whom. Anything but loopback has a certificate and a token.
struct Admin {
    std::optional<net::Endpoint> listen{};
    FileText certificate{};  // of the server, in PEM, with its chain
    FileText key{};          // there if the certificate is
    // What a client shows: `Authorization: Bearer …`. Empty: nobody has that role by a token.
    FileText viewer_token{};    // for one who may look
    FileText operator_token{};  // for one who may change things too

    bool operator==(const Admin&) const = default;
};

enum class WebhookFormat : uint8_t { json, slack, teams };

/// An HTTP server that gets each alert by a POST.
struct Webhook {
    std::string url;  // http or https
    WebhookFormat format = WebhookFormat::json;
    std::vector<std::pair<std::string, std::string>> headers{};  // of the request; names are distinct
    Tls tls{};                                                   // of https

    bool operator==(const Webhook&) const = default;
};

/// RFC 5424 over UDP (RFC 5426), or this machine's syslog.
struct Syslog {
    std::optional<net::Endpoint> server{};  // none: /dev/log
    uint8_t facility = 3;                   // 0 … 23; daemon

    bool operator==(const Syslog&) const = default;
};

/// systemd's journal, with fields.
struct Journal {
    bool operator==(const Journal&) const = default;
};

/// Somebody who is told of what happens.
struct Alert {
    std::variant<Webhook, Syslog, Journal> to;
    std::vector<EventKind> events{};        // which; empty: by severity
    Severity severity = Severity::warning;  // what is so bad or worse, and its end
    std::chrono::seconds settle{5};         // so long a change has to hold: what goes back before is not told
    unsigned rate = 60;  // messages a minute at most; what is above waits and is told as one

    bool operator==(const Alert&) const = default;
};

/// When VIPs are announced, by whatever protocol, while the daemon comes or goes.
struct Announcing {
    std::chrono::seconds learn{0};   // from a fresh start, at most: until all checks had their say
    std::chrono::seconds linger{0};  // from the VIPs' withdrawal until the datapath goes

    bool operator==(const Announcing&) const = default;
};

/// 802.1Q VLAN id: the prefixes behind it.
using Vlans = std::map<uint16_t, std::vector<net::Prefix>>;

/// What happens to a packet for a VIP whose port has no service.
enum class Unmatched : uint8_t { drop, pass };

struct Config {
    std::optional<net::Ip> node_address;
    std::vector<Interface> interfaces;
    Vlans vlans;
    Admin admin;
    Flows flows;
    Icmp icmp;
    Unmatched unmatched = Unmatched::drop;
    Announcing announcing;
    Bgp bgp;
    Sync sync;
    std::optional<IpvsSync> ipvs_sync{};
    std::optional<IpvsTimeouts> ipvs_timeouts{};
    ProxyEngine proxy;
    std::map<std::string, Alert> alerts;
    std::chrono::seconds watchdog{0};  // so long the datapath goes on without a daemon; 0: forever
    std::map<std::string, Pool> pools;
    std::map<std::string, Service> services;

    bool operator==(const Config&) const = default;
};

std::string to_text(Protocol protocol);                 // a name, a number, or "any"
Result<Protocol> read_protocol(std::string_view text);  // the same way back
std::string_view to_text(HttpMethod method);            // as it stands in a request
std::string_view to_text(AdminState state);
std::string_view to_text(EngineKind kind);
std::string_view to_text(SchedulerKind kind);
std::string_view to_text(ForwardKind kind);
/// As its engine names it.
std::string_view scheduler_text(const Scheduler& scheduler, const std::optional<Ipvs>& ipvs);
std::string_view to_text(XdpMode mode);

}  // namespace weir::model
