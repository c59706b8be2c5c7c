// The daemon on the oldest kernel that weir is for, with what the machines that build weir lack: tunnel
// devices, VLAN devices, a bond. Backends are made by the very commands of doc/backends.md.
#include <gmock/gmock.h>

#include <cstdlib>
#include <deque>
#include <fstream>
#include <optional>

#include "lab/daemon.h"
#include "lab/failure.h"
#include "lab/ip_batch.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "tests/e2e/visit.h"

namespace weir::vm {
namespace {

/// Of each download. Emulation takes a second for 6 MB.
const unsigned kMegabytes = [] {
    const char* wanted = std::getenv("WEIR_MEGABYTES");
    return wanted ? static_cast<unsigned>(std::stoul(wanted)) : 4;
}();
constexpr lab::LanOptions kWire{.xdp_pass = true, .whole_checksums = true};

/// The indented lines of a section.
std::string commands_of(const std::string& section) {
    std::ifstream document(WEIR_SOURCE_DIR "/doc/backends.md");
    std::string line, commands;
    bool inside = false;
    while (std::getline(document, line)) {
        if (line.starts_with("## ")) inside = line.substr(3) == section;
        if (inside && line.starts_with("    ")) commands += line.substr(4) + "\n";
    }
    if (commands.empty()) lab::give_up("doc/backends.md has no commands under '{}'", section);
    return commands;
}

void run_commands(lab::Host& host, std::vector<std::string> shell, const std::string& commands) {
    shell.push_back(commands);
    const lab::Finished done = lab::run(host, std::move(shell), std::chrono::seconds(100));
    if (done.status != 0)
        lab::give_up("{}: of doc/backends.md fails:\n{}\n{}", host.name(), commands, done.err);
}

void follow_document(lab::Host& host, const std::string& section) {
    run_commands(host, {"sh", "-ec"}, commands_of(section));
}

/// The client's way to the VIPs, and the address that it asks from.
void add_client(lab::Host& client, const std::string& v4, const std::string& v6) {
    client.add_address("lo", "10.9.0.1/32");
    client.add_address("lo", "2001:db8:9::1/128");
    lab::ip_batch(client, fmt::format("route add 192.0.2.100/32 via {} src 10.9.0.1\n"
                                      "route add 2001:db8::100/128 via {} src 2001:db8:9::1\n",
                                      v4, v6));
}

void add_addresses(lab::Host& host, const std::string& ifname, unsigned lan, unsigned number) {
    host.add_address(ifname, fmt::format("10.1.{}.{}/24", lan, number));
    host.add_address(ifname, fmt::format("2001:db8:{}::{}/64", lan, number));
}

void add_default_route(lab::Host& host, unsigned lan, unsigned number) {
    host.add_route("default", fmt::format("10.1.{}.{}", lan, number));
    host.add_route("default", fmt::format("2001:db8:{}::{}", lan, number));
}

struct Method {
    const char* forward;
    const char* pool4;  // the backends of the IPv4 VIP; nullptr: it has none
    const char* pool6;
};
/// By port, from kFirstPort on.
constexpr Method kMethods[] = {
    {"dsr", "v4", "v4"},
    {"ipip", "v4", "v4"},
    {"ipip", "v6", "v6"},
    {"gre", "v4", "v4"},
    {"gre", "v6", "v6"},
    {"fou", "v4", nullptr},
    {"{fou: {port: 5556}}", nullptr, "v4"},
    {"gue", "v4", "v4"},
    {"gue", "v6", "v6"},
    {"{dscp: {value: 10}}", "v4", "v6"},
    {"{nat: {source: [10.1.10.101, \"2001:db8:10::101\"]}}", "v4", "v6"},
};
constexpr unsigned kFirstPort = 8000;
constexpr unsigned kNatPort = kFirstPort + std::size(kMethods) - 1;

std::string every_method() {
    std::string yaml =
        "interfaces: [{name: eth0, mode: native}]\n"
        "pools: {v4: {static: [10.1.10.10]}, v6: {static: [\"2001:db8:10::10\"]}}\n"
        "services:\n";
    unsigned port = kFirstPort;
    for (const Method& method : kMethods) {
        for (bool v4 : {true, false})
            if (const char* pool = v4 ? method.pool4 : method.pool6)
                yaml += fmt::format(
                    "  s{0}-{1}: {{vip: \"{2}\", ports: [{0}/tcp, {0}/udp], pool: {3}, forward: {4}}}\n",
                    port, v4 ? 4 : 6, v4 ? "192.0.2.100" : "2001:db8::100", pool, method.forward);
        ++port;
    }
    return yaml;
}

TEST(Daemon, ReachesBackendsThatAreMadeByTheDocument) {
    lab::Lab lab("document");
    lab::Host &client = lab.host("client"), &balancer = lab.host("balancer"), &backend = lab.host("backend");
    lab.lan("switch", {&client, &balancer, &backend}, "eth0", kWire);
    add_addresses(client, "eth0", 10, 1);
    add_addresses(balancer, "eth0", 10, 100);
    add_addresses(balancer, "eth0", 10, 101);  // what full NAT sends from
    add_addresses(backend, "eth0", 10, 10);
    add_default_route(backend, 10, 1);
    add_client(client, "10.1.10.100", "2001:db8:10::100");
    for (const char* scope : {"all", "default"})  // as systemd sets it
        backend.sysctl(fmt::format("net.ipv4.conf.{}.rp_filter", scope), "2");
    for (const char* section : {"The VIP (all but nat and proxy)", "ipip, gre", "fou, gue"})
        follow_document(backend, section);
    run_commands(backend, {"nft"}, commands_of("dscp"));

    std::vector<unsigned> ports;
    for (unsigned port = kFirstPort; port < kNatPort; ++port) ports.push_back(port);
    const e2e::NamedServer by_vip(backend, {"192.0.2.100", "[2001:db8::100]"}, ports, kMegabytes);
    const e2e::NamedServer by_address(backend, {"10.1.10.10", "[2001:db8:10::10]"}, {kNatPort}, kMegabytes);
    const lab::Daemon daemon(balancer, WEIR_BINARY, every_method());
    unsigned port = kFirstPort;
    for (const Method& method : kMethods) {
        for (const auto& [vip, pool] :
             {std::pair("192.0.2.100", method.pool4), {"[2001:db8::100]", method.pool6}}) {
            if (!pool) continue;
            EXPECT_TRUE(e2e::visit(client, fmt::format("{}:{}", vip, port), {"backend"}, kMegabytes))
                << method.forward << " to " << pool;
        }
        ++port;
    }
}

/// Clients come in by a bond, untagged. One backend is in VLAN 10 on the bond, where weir's host and the
/// backend's have VLAN devices; the other behind a second interface.
class Bond : public testing::Test {
  protected:
    void SetUp() override {
        lab::Host& front = lab_.lan("front", {&client(), &balancer(), &ten()}, "eth0", kWire);
        lab_.connect(front, "second", balancer(), "eth1");
        lab::ip_batch(front, "link set second master bridge\n");
        front.offload_vlan_tags("second", false);
        front.offload_checksums("second", false);
        pass_.emplace(front, "second");
        lab::Host& back = lab_.lan("back", {&far()}, "eth0", kWire);
        lab_.plug(back, balancer(), "eth2", kWire);

        lab::ip_batch(balancer(),
                      "link add bond0 type bond mode active-backup miimon 100\n"
                      "link set eth0 down\nlink set eth0 master bond0\n"
                      "link set eth1 down\nlink set eth1 master bond0\n"
                      "link set bond0 up\n"
                      "link add link bond0 name bond0.10 type vlan id 10\n"
                      "link set bond0.10 up\n");
        balancer().await_carrier("bond0.10");
        add_addresses(balancer(), "bond0", 1, 100);
        add_addresses(balancer(), "bond0.10", 10, 100);
        add_addresses(balancer(), "eth2", 20, 100);
        add_addresses(client(), "eth0", 1, 1);
        add_client(client(), "10.1.1.100", "2001:db8:1::100");
        follow_document(ten(), "VLANs");
        ten().add_address("eth0.10", "2001:db8:10::10/64");
        add_default_route(ten(), 10, 100);
        add_addresses(far(), "eth0", 20, 10);
        add_default_route(far(), 20, 100);
    }

    lab::Host& client() { return lab_.host("client"); }
    lab::Host& balancer() { return lab_.host("balancer"); }
    lab::Host& ten() { return lab_.host("ten"); }
    lab::Host& far() { return lab_.host("far"); }
    void visit_both() {
        for (const char* vip : {"192.0.2.100:80", "[2001:db8::100]:80"})
            EXPECT_TRUE(e2e::visit(client(), vip, {"ten", "far"}, kMegabytes));
    }

  private:
    lab::Lab lab_{"bond"};
    std::optional<lab::XdpPass> pass_;
};

TEST_F(Bond, CarriesClientsAndAVlanInNativeMode) {
    const e2e::NamedServer at_ten(ten(), {"10.1.10.10", "[2001:db8:10::10]"}, {80}, kMegabytes);
    const e2e::NamedServer at_far(far(), {"10.1.20.10", "[2001:db8:20::10]"}, {80}, kMegabytes);
    const lab::Daemon daemon(balancer(), WEIR_BINARY,
                             "interfaces: [{name: bond0}, {name: eth2}]\n"
                             "pools:\n"
                             "  v4: {static: [10.1.10.10, 10.1.20.10]}\n"
                             "  v6: {static: [\"2001:db8:10::10\", \"2001:db8:20::10\"]}\n"
                             "services:\n"
                             "  v4: {vip: 192.0.2.100, ports: [80/tcp, 80/udp], pool: v4, forward: nat}\n"
                             "  v6: {vip: \"2001:db8::100\", ports: [80/tcp, 80/udp], pool: v6, "
                             "forward: nat}\n");
    visit_both();
    EXPECT_THAT(daemon.log(), testing::HasSubstr("bond0: XDP attached, native mode"));
    balancer().set_up("eth0", false);  // its active port
    visit_both();
    if (HasFailure())
        ADD_FAILURE() << daemon.log()
                      << lab::run(balancer(), {WEIR_BINARY, "--socket", daemon.socket(), "status"}).out;
}

}  // namespace
}  // namespace weir::vm
