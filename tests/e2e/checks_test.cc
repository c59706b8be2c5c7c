// Every kind of check, by the real daemon over the datapath's ways, against servers that are well and servers
// that have one fault each: the code and the state that operators see.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <filesystem>
#include <map>

#include "base/pem_fixture.h"
#include "lab/frames.h"
#include "lab/routed.h"
#include "net/packet.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

struct Row {
    std::string name;
    std::string forward;
    std::string port;
    std::string check;
    std::string health;
    std::string outcome;  // the beginning of it
};

constexpr const char* kName = "www.example.org";

/// `trust`: settings of https that name the authority. `endless`: a command that begins a daemon and hangs.
std::vector<Row> rows(const std::string& trust, const std::string& endless) {
    const auto https = [&](const std::string& more) {
        return fmt::format("https: {{sni: {}, {}{}}}", kName, trust, more);
    };
    const auto name = [](const char* more) {
        return fmt::format("dns: {{name: {}, type: A{}}}", kName, more);
    };
    const auto program = [](const std::string& script) {
        return fmt::format("exec: {{command: [/bin/sh, -c, '{}']}}", script);
    };
    const std::string http = "http: {path: /}", dscp = "{dscp: {value: 46}}";
    return {
        {"https", "dsr", "443/tcp", https(""), "up", "L7OK/200"},
        {"https-other-name", "ipip", "444/tcp", https(""), "down",
         "L6RSP: certificate not accepted for www.example.org: hostname mismatch"},
        {"https-unverified", "gre", "444/tcp", "https: {verify: false}", "up", "L7OK/200"},
        {"https-expired", "fou", "445/tcp", https(""), "down",
         "L6RSP: certificate not accepted for www.example.org: certificate has expired"},
        {"https-ill", "gue", "443/tcp", https(", path: /ill"), "down", "L7STS/503"},
        {"https-half-open", dscp, "8001/tcp", https(""), "down", "L6TOUT"},
        {"https-closed", "nat", "8003/tcp", https(""), "down", "L6RSP: "},
        {"https-plain", "dsr", "8004/tcp", https(""), "down", "L6RSP: "},
        {"http", "ipip", "80/tcp", http, "up", "L7OK/200"},
        {"http-wrong-code", "gre", "80/tcp", "http: {path: /, expect: 204}", "down", "L7STS/200"},
        {"http-slow", "fou", "8001/tcp", http, "down", "L7TOUT"},
        {"http-closed", "gue", "8003/tcp", http, "down", "L7RSP: connection closed before an answer"},
        {"http-half", dscp, "8002/tcp", "http: {path: /, body: whole}", "down",
         "L7RSP: connection closed within the body"},
        {"http-garbage", "nat", "8004/tcp", http, "down", "L7RSP: bad version"},
        {"tcp", "dsr", "8004/tcp", "tcp: {send: 'hello', expect: 'SSH-2.0'}", "up", "L7OK"},
        {"tcp-other-text", "ipip", "8004/tcp", "tcp: {send: 'hello', expect: '220 '}", "down", "L7RSP: "},
        {"tcp-refused", "gre", "8009/tcp", "tcp: {}", "down", "L4CON: "},
        {"tcp-silent", "fou", "8001/tcp", "tcp: {send: 'hello', expect: 'SSH-2.0'}", "down", "L7TOUT"},
        {"tcp-slow", "gue", "8005/tcp", "tcp: {send: 'hello', expect: 'SSH-2.0'}", "down",
         "L7TOUT: only 'SSH-' came"},
        {"tcp-full", dscp, "8006/tcp", "tcp: {}", "down", "L4TOUT"},
        {"syn", "fou", "8001/tcp", "syn: {}", "up", "L4OK"},
        {"syn-refused", "gue", "8009/tcp", "syn: {}", "down", "L4CON: "},
        {"syn-full", "nat", "8006/tcp", "syn: {}", "down", "L4TOUT"},
        {"dns", dscp, "5301/udp", name(", expect: 192.0.2.7"), "up", "L7OK/NOERROR"},
        {"dns-other-answer", "nat", "5301/udp", name(", expect: 192.0.2.8"), "down", "L7RSP: "},
        {"dns-failure", "dsr", "5302/udp", name(""), "down", "L7STS/SERVFAIL"},
        {"dns-garbage", "ipip", "5303/udp", name(""), "down", "L7RSP: "},
        {"dns-silent", "gre", "5304/udp", name(""), "down", "L7TOUT"},
        {"dns-other-id", "fou", "5305/udp", name(""), "down", "L7RSP: "},
        {"dns-cut-short", "gue", "5306/udp", name(""), "down", "L7RSP: "},
        {"udp", dscp, "9001/udp", "udp: {send: ping, expect: pong}", "up", "L7OK"},
        {"udp-other-text", "nat", "9001/udp", "udp: {send: ping, expect: peng}", "down", "L7RSP: "},
        {"udp-closed", "dsr", "9009/udp", "udp: {send: ping}", "down", "L4CON: "},
        {"icmp", "ipip", "9001/udp", "icmp: {}", "up", "L4OK"},
        {"exec", "gre", "1/tcp", program("echo well"), "up", "EXOK"},
        {"exec-failure", "fou", "1/tcp", program("exit 3"), "down", "EXERR/3"},
        {"exec-killed", "gue", "1/tcp", program("kill -9 $$"), "down", "EXSIG/9"},
        {"exec-endless", "nat", "1/tcp", program(endless), "down", "EXTOUT"},
    };
}

/// Whether any process has the word in its command line.
bool is_run(const std::string& word) {
    std::error_code gone;
    for (const auto& process : std::filesystem::directory_iterator("/proc", gone))
        if (lab::read_file(process.path() / "cmdline").find(word) != std::string::npos) return true;
    return false;
}

class Checks : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        const auto vip = *net::Ip::parse(lab::Routed::kVip4);
        site_.emplace(lab::RoutedOptions{.lab = "checks", .near = 1, .far = 0});
        site_->decapsulate({.dscp = {{46, {vip}}}});
        faults_.emplace(site_->backend(0),
                        std::vector<std::string>{"/usr/bin/python3", WEIR_SOURCE_DIR "/tests/e2e/faults.py",
                                                 lab::Routed::kVip4, site_->address4(0)});
        nginx_.emplace(site_->backend(0), "backend-1", lab::NginxOptions{.more = by_tls()});
        ASSERT_TRUE(lab::wait_until([&] { return faults_->out() == "ready\n"; }, kSoon)) << faults_->err();
    }

    /// Besides port 80: port 443 with a good certificate, 444 and 445 with bad ones.
    std::string by_tls() {
        const MadeCertificate authority = make_certificate({});
        dir_.write("authority", authority.certificate);
        std::string servers = "location = /ill { return 503; }\n    listen 0.0.0.0:443 ssl;\n";
        const auto use = [&](const std::string& name, const CertificateWish& wish) {
            const MadeCertificate made = make_certificate(wish);
            servers += fmt::format("ssl_certificate {}; ssl_certificate_key {};\n",
                                   dir_.write(name, made.certificate), dir_.write(name + ".key", made.key));
        };
        const auto next = [&](int port) {
            servers +=
                fmt::format("  }}\n  server {{ listen 0.0.0.0:{} ssl; location / {{ return 200; }}\n", port);
        };
        use("good", {.names = fmt::format("DNS:{}", kName), .issuer = &authority});
        next(444);
        use("other-name", {.names = "DNS:mail.example.org", .issuer = &authority});
        next(445);
        use("expired", {.names = fmt::format("DNS:{}", kName), .days = -1, .issuer = &authority});
        return servers;
    }

    std::string configuration(const std::vector<Row>& all, const char* time = "1s") {
        std::string text =
            "interfaces: [{name: eth0, mode: native}]\n"
            "pools: {p: {static: [10.1.10.10]}}\n"
            "services:\n";
        uint16_t port = 20000;
        for (const Row& row : all) {
            const size_t slash = row.port.find('/');
            const std::string at =
                row.check.starts_with("icmp") ? "" : fmt::format("port: {}, ", row.port.substr(0, slash));
            text += fmt::format(
                "  {}: {{vip: {}, ports: {}{}, pool: p, forward: {},\n"
                "    checks: [{{{}, {}interval: {}, timeout: {}, history: 3, rise: 2, fall: 2}}]}}\n",
                row.name, lab::Routed::kVip4, port++, row.port.substr(slash), row.forward, row.check, at,
                time, time);
        }
        return text;
    }

    /// The rows that `weir backends --json` shows otherwise than they have to be.
    std::string wrong(const std::vector<Row>& all) {
        const auto listing =
            lab::run(site_->balancer(), {WEIR_BINARY, "--socket", daemon_->socket(), "backends", "--json"});
        std::map<std::string, std::pair<std::string, std::string>> shown;
        const boost::json::value backends = boost::json::parse(listing.out);
        for (const auto& each : backends.as_array())
            shown[std::string(each.at("service").as_string())] = {std::string(each.at("health").as_string()),
                                                                  std::string(each.at("reason").as_string())};
        std::string wrong;
        for (const Row& row : all) {
            const auto& [health, reason] = shown[row.name];
            if (health != row.health || !reason.starts_with(row.outcome))
                wrong += fmt::format("{} by {}: {} with {}\n", row.name, row.forward, health, reason);
        }
        return wrong;
    }

    lab::TempDir dir_;
    std::optional<lab::Routed> site_;
    std::optional<lab::Process> faults_;
    std::optional<lab::Nginx> nginx_;
    std::optional<lab::Daemon> daemon_;
};

TEST_F(Checks, SayWhatIsWrong) {
    const std::string long_time = fmt::format("1000.{}", getpid());
    const auto all = rows(fmt::format("ca_file: {}", std::string(dir_ / "authority")),
                          fmt::format("setsid sleep {0} & sleep {0}", long_time));
    daemon_.emplace(site_->balancer(), WEIR_BINARY, configuration(all));
    EXPECT_TRUE(lab::wait_until([&] { return wrong(all).empty(); }, kSoon)) << wrong(all) << daemon_->log();
    EXPECT_TRUE(lab::wait_until([&] { return !is_run(long_time); }, kSoon))
        << "children live on after their check";
}

TEST_F(Checks, FollowAHostThatEchoesAndOneThatDoesNot) {
    std::vector<Row> all = {{"icmp-dsr", "dsr", "1/tcp", "icmp: {}", "up", "L4OK"},
                            {"icmp-gue", "gue", "1/tcp", "icmp: {}", "up", "L4OK"},
                            {"icmp-nat", "nat", "1/udp", "icmp: {}", "up", "L4OK"}};
    daemon_.emplace(site_->balancer(), WEIR_BINARY, configuration(all, "500ms"));
    EXPECT_TRUE(lab::wait_until([&] { return wrong(all).empty(); }, kSoon)) << wrong(all) << daemon_->log();

    site_->backend(0).sysctl("net.ipv4.icmp_echo_ignore_all", "1");
    auto silent = all;
    for (Row& row : silent) row.health = "down", row.outcome = "L4TOUT";
    EXPECT_TRUE(lab::wait_until([&] { return wrong(silent).empty(); }, kSoon)) << wrong(silent);

    site_->backend(0).sysctl("net.ipv4.icmp_echo_ignore_all", "0");
    EXPECT_TRUE(lab::wait_until([&] { return wrong(all).empty(); }, kSoon)) << wrong(all);
}

using SynCheck = SiteTest;

/// What has passed of each connection, by its ends: S for SYN, SA for SYN-ACK, R for a reset, other letters
/// for others.
class Handshakes {
  public:
    explicit Handshakes(lab::Host& host) : tap_(host, lab::Dsr::kInterface) {}

    /// Whether one to the VIP was made by halves, and nothing more.
    bool has_half(const std::string& vip) {
        while (const auto frame = tap_.receive()) note(*frame);
        return std::ranges::any_of(seen_, [&](const auto& entry) {
            return entry.first.first.address.text() == vip && entry.second == "S SA R ";
        });
    }
    std::string text() const {
        std::string all;
        for (const auto& [ends, flags] : seen_)
            all += fmt::format("{}: {}\n", ends.first.address.text(), flags);
        return all;
    }

  private:
    void note(const std::vector<uint8_t>& frame) {
        const auto packet = net::parse_frame(frame);
        if (!packet || packet->protocol != net::kTcp) return;
        const bool answer = packet->source.port == net::Port(80);
        std::string& flags = seen_[answer ? std::pair(packet->source, packet->destination)
                                          : std::pair(packet->destination, packet->source)];
        if (packet->tcp_flags & net::kTcpSyn) flags += "S";
        if (packet->tcp_flags & net::kTcpRst)
            flags += "R";
        else if (packet->tcp_flags & net::kTcpAck)
            flags += "A";
        if (packet->tcp_flags & net::kTcpFin) flags += "F";
        flags += " ";
    }

    lab::FrameTap tap_;
    std::map<std::pair<net::Endpoint, net::Endpoint>, std::string> seen_;
};

TEST_F(SynCheck, IsHalfAHandshake) {
    Site site(lab::DsrOptions{.lab = "syn", .backends = 1});
    Handshakes handshakes(site.dsr().backend(0));
    Yaml yaml;
    yaml.backends = "10.1.10.10";
    yaml.check = "{syn: {}, interval: 400ms, timeout: 400ms, history: 5, rise: 2, fall: 4}";
    site.start(yaml);
    for (const char* vip : {lab::Dsr::kVip4, lab::Dsr::kVip6})
        EXPECT_TRUE(lab::wait_until([&] { return handshakes.has_half(vip); }, kSoon)) << vip << "\n"
                                                                                      << handshakes.text();
}

}  // namespace
}  // namespace weir::e2e
