// weir.yaml(5) is written by hand; these tests hold it against the tables, and the tables against the model's
// defaults.
#include "config/settings.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "config/load.h"
#include "config/manual_fixture.h"

namespace weir::config {
namespace {

TEST(Manual, HasEverySettingWithWhatItTakesAndItsDefault) {
    for (const Section* section : all_sections()) expect_in_manual(std::string(section->name), *section);
}

TEST(Manual, HasNoSettingThatIsNotThere) {
    std::map<std::string, std::set<std::string>> known;
    for (const Section* section : all_sections())
        for (const auto& setting : section->settings)
            known[std::string(section->name)].insert(std::string(setting.name));
    for (const auto& [section, items] : read_manual())
        for (const auto& [key, text] : items)
            EXPECT_TRUE(known[section].contains(key) || section.ends_with(" source"))
                << section << "." << key;
}

/// `section: {key: fallback, …}` of what has a default that is a value.
std::string defaults_of(const Section& section, const std::set<std::string_view>& without = {}) {
    std::string text;
    for (const auto& setting : section.settings)
        if (!setting.fallback.empty() && !without.contains(setting.name))
            text +=
                fmt::format(", {}: {}", setting.name, setting.fallback.substr(0, setting.fallback.find(',')));
    return text;
}

TEST(Settings, DefaultsInTheTablesAreTheModels) {
    auto written = fmt::format(
        "interfaces: [{{name: eth0{}}}]\n"
        "flows: {{timeouts: {{{}}}{}}}\n"
        "icmp: {{{}}}\n"
        "announce: {{{}}}\n"
        "pools: {{p: {{static: [{{address: 192.0.2.1, server_id: 0a{}}}]}}}}\n"
        "services: {{s: {{vip: 192.0.2.9, ports: [80, 443/udp], pool: p{}, sticky: {{{}}}, announce: {{{}}}, "
        "quic: {{configs: [{{server_id_length: 1, nonce_length: 4{}}}]}}, "
        "checks: [{{tcp: {{}}{}}}, {{http: {{path: /{}}}}}, {{https: {{path: /{}}}}}, {{dns: {{name: "
        "a{}}}}}, {{exec: {{command: [/bin/sh]{}}}}}]}}}}\n"
        "unmatched: {}\n",
        defaults_of(kInterface), defaults_of(kTimeouts).substr(2), defaults_of(kFlows),
        defaults_of(kIcmp).substr(2), defaults_of(kAnnouncing).substr(2), defaults_of(kBackend, {"port"}),
        defaults_of(kService, {"overflow", "family", "engine"}), defaults_of(kSticky).substr(2),
        defaults_of(kAnnounce).substr(2), defaults_of(kQuicConfig), defaults_of(kCheck, {"port"}),
        defaults_of(kHttpCheck, {"host", "path"}),
        defaults_of(kHttpsCheck, {"host", "path", "sni", "ca_file"}), defaults_of(kDnsCheck),
        defaults_of(kExecCheck), kFile.find("unmatched")->fallback);
    auto left_out = parse(
        "interfaces: [eth0]\n"
        "pools: {p: {static: [{address: 192.0.2.1, server_id: 0a}]}}\n"
        "services: {s: {vip: 192.0.2.9, ports: [80, 443/udp], pool: p, sticky: source, "
        "quic: {configs: [{server_id_length: 1, nonce_length: 4}]}, checks: [tcp, http, https, dns: {name: "
        "a}, exec: {command: [/bin/sh]}]}}\n");
    auto loaded = parse(written);
    ASSERT_TRUE(loaded) << written << describe("", loaded.error());
    ASSERT_TRUE(left_out);
    EXPECT_EQ(*loaded, *left_out);
    EXPECT_EQ(loaded->flows, model::Flows{});
    EXPECT_EQ(loaded->icmp, model::Icmp{});
    EXPECT_EQ(loaded->announcing, model::Announcing{});
    EXPECT_EQ(loaded->services.at("s").sticky, model::Sticky{});
    EXPECT_EQ(loaded->services.at("s").announce_arp, false);
    EXPECT_EQ(loaded->services.at("s").scheduler, model::Scheduler{});
    EXPECT_EQ(loaded->services.at("s").checks.front(), model::Check{});
}

TEST(Manual, SaysWhichWordsEachEngineKnows) {
    auto manual = read_manual();
    for (auto engine : {model::EngineKind::xdp, model::EngineKind::ipvs, model::EngineKind::proxy}) {
        for (const auto* setting : {&scheduler_of(engine), &forward_of(engine)}) {
            auto& item = manual["service"][std::string(setting->name)];
            EXPECT_NE(item.find(describe(*setting)), item.npos)
                << setting->name << " of " << model::to_text(engine) << ": " << describe(*setting);
        }
    }
}

TEST(Settings, DefaultsOfIpvsInTheTablesAreTheModels) {
    auto written = fmt::format(
        "ipvs: {{sync: {{role: both, interface: eth0{}}}}}\n"
        "pools: {{p: {{static: [192.0.2.1]}}}}\n"
        "services: {{s: {{engine: ipvs, mark: 1, pool: p{}, ipvs: {{persistence: 5m, netmask: "
        "{{{}}}{}}}}}}}\n",
        defaults_of(kIpvsSync, {"group", "port", "ttl"}),
        defaults_of(kService, {"overflow", "engine", "scheduler"}), defaults_of(kNetmask).substr(2),
        defaults_of(kServiceIpvs));
    auto loaded = parse(written);
    ASSERT_TRUE(loaded) << written << describe("", loaded.error());
    EXPECT_EQ(loaded->ipvs_sync, (model::IpvsSync{.interface = "eth0"}));
    EXPECT_EQ(loaded->services.at("s").ipvs, (model::Ipvs{.persistence = std::chrono::minutes(5)}));
    EXPECT_EQ(loaded->services.at("s").mark, model::Mark{});
    EXPECT_TRUE(kService.find("scheduler")->fallback.ends_with(model::Ipvs{}.scheduler + " of ipvs"));
}

TEST(Settings, DefaultsOfTheProxyInTheTablesAreTheModels) {
    auto written = fmt::format(
        "proxy: {{{}}}\n"
        "pools: {{p: {{static: [192.0.2.1]}}}}\n"
        "services: {{s: {{engine: proxy, forward: proxy, vip: 192.0.2.9, ports: [80, 53/udp], pool: p{}, "
        "proxy: {{{}}}}}}}\n",
        defaults_of(kProxy, {"workers", "max_connections"}).substr(2),
        defaults_of(kService, {"overflow", "family", "engine", "forward"}),
        defaults_of(kServiceProxy).substr(2));
    auto loaded = parse(written);
    ASSERT_TRUE(loaded) << written << describe("", loaded.error());
    EXPECT_EQ(loaded->proxy, model::ProxyEngine{});
    EXPECT_EQ(loaded->services.at("s").proxy, model::Proxy{});
    EXPECT_EQ(loaded->services.at("s").scheduler, model::Scheduler{});
}

TEST(Settings, DefaultOverflowInTheTableIsTheModels) {
    EXPECT_EQ(kService.find("overflow")->fallback, std::to_string(model::Service{}.overflow));
}

TEST(Settings, DefaultPortsOfUdpTunnelsInTheTablesAreTheReaders) {
    for (const auto& [word, section] : {std::pair("fou", &kFou), std::pair("gue", &kGue)}) {
        auto service = fmt::format(
            "interfaces: [eth0]\npools: {{p: {{static: [192.0.2.1]}}}}\n"
            "services: {{s: {{vip: 192.0.2.9, ports: 80, pool: p, forward: {}}}}}\n",
            word);
        auto config = parse(service);
        ASSERT_TRUE(config) << describe("", config.error());
        auto port = config->services.at("s").forward.port;
        ASSERT_TRUE(port) << word;
        EXPECT_EQ(std::to_string(port->value()), section->find("port")->fallback);
    }
}

TEST(Settings, DurationsAreWrittenInTheLargestUnitThatFits) {
    EXPECT_EQ(duration_text(100), "100ms");
    EXPECT_EQ(duration_text(1500), "1500ms");
    EXPECT_EQ(duration_text(90000), "90s");
    EXPECT_EQ(duration_text(900000), "15m");
    EXPECT_EQ(duration_text(3600000), "1h");
}

}  // namespace
}  // namespace weir::config
