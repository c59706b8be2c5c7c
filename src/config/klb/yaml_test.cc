#include "config/klb/yaml.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/klb/fake_surroundings.h"
#include "config/load.h"

namespace weir::config::klb {
namespace {

Yaml imported(const std::string& text) {
    FakeSurroundings outside;
    outside.files["klb.conf"] = text;
    auto read = klb::read("klb.conf", outside);
    if (read) return to_yaml(read->services, "klb.conf");
    for (const auto& mistake : read.error()) ADD_FAILURE() << mistake.text();
    return {};
}

/// Without comments and what they leave empty.
std::string bare(std::istream&& yaml) {
    std::string text;
    for (std::string line; std::getline(yaml, line);) {
        line.erase(std::min(line.find('#'), line.size()));
        line.erase(line.find_last_not_of(' ') + 1);
        if (!line.empty()) text += line + '\n';
    }
    return text;
}

std::string bare(const std::string& yaml) {
    return bare(std::istringstream(yaml));
}

constexpr std::string_view kReadme = R"(service {
  bind "1.2.3.4:80"
  zeroconf_service "foo"
  zeroconf_interface "service"
}
)";

TEST(KlbYaml, HasTheExampleOfKlbsReadme) {
    auto yaml = imported(std::string(kReadme));
    EXPECT_EQ(yaml.text, R"(# klb.conf, by `weir import klb`. doc/klb.md says what weir does in another way.
pools:
  foo:
    zeroconf: {service: foo, interface: service, protocol: ipv4}

services:
  foo:  # klb.conf:1
    vip: [1.2.3.4]
    ports: [80/tcp]
    pool: foo
    engine: ipvs
    forward: nat
    scheduler: rr
)");
    EXPECT_TRUE(yaml.warnings.empty());
}

TEST(KlbYaml, IsWhatTheShippedExampleSays) {
    EXPECT_EQ(bare(std::ifstream(WEIR_SOURCE_DIR "/examples/klb.yaml")),
              bare(imported(std::string(kReadme)).text));
}

std::string block(const std::string& bind, const std::string& more) {
    return "service {\nbind " + bind + "\n" + more + "\n}\n";
}

/// The source's settings stand in discovery, which this folder does not see; app's test has the real ones.
model::SourceKind zeroconf() {
    static constexpr Choice kProtocols[] = {{"ipv4", 4}};
    static constexpr Setting kSettings[] = {
        required({"service", Takes::text, "a name"}),
        {"domain", Takes::text, "a domain"},
        {"interface", Takes::text, "a name"},
        {"protocol", Takes::choice, "", 0, 0, kProtocols},
    };
    static constexpr Section kSection{"zeroconf", kSettings};
    return {&kSection, [](const model::SourceSpec&) { return Status(); }};
}

TEST(KlbYaml, IsAConfigurationOfWeirs) {
    const std::vector kinds{zeroconf()};
    auto config = parse(imported(std::string(kReadme)).text, kinds);
    ASSERT_TRUE(config) << describe("yaml", config.error());
    ASSERT_EQ(config->services.size(), 1u);
    const auto& foo = config->services.at("foo");
    EXPECT_EQ(foo.vips, std::vector{net::only(net::Ip::parse("1.2.3.4").value())});
    EXPECT_EQ(foo.ports, (std::vector{model::ServicePort{net::Port(80), model::Protocol::tcp}}));
    EXPECT_EQ(foo.pool, "foo");
    EXPECT_EQ(foo.engine, model::EngineKind::ipvs);
    EXPECT_EQ(foo.forward.kind, model::ForwardKind::nat);
    ASSERT_TRUE(foo.ipvs);
    EXPECT_EQ(foo.ipvs->scheduler, "rr");
    ASSERT_EQ(config->pools.at("foo").sources.size(), 1u);
    const auto& source = config->pools.at("foo").sources[0];
    EXPECT_EQ(source.kind, "zeroconf");
    EXPECT_EQ(source.text("service"), "foo");
    EXPECT_EQ(source.text("interface"), "service");
    EXPECT_EQ(source.number("protocol", 0), 4);
}

TEST(KlbYaml, TakesNoSchedulerThatWeirDoesNot) {
    const std::vector kinds{zeroconf()};
    for (const char* scheduler :
         {"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "twos", "mh"}) {
        auto config = parse(
            imported(block("192.0.2.1:80", std::string("zeroconf_service a\nscheduler ") + scheduler)).text,
            kinds);
        ASSERT_TRUE(config) << describe(scheduler, config.error());
        EXPECT_EQ(config->services.at("a").ipvs->scheduler, scheduler);
    }
}

TEST(KlbYaml, HasEveryDirective) {
    EXPECT_EQ(bare(imported("service {\nbind 192.0.2.1:8080\nscheduler lc\nzeroconf_service web\n"
                            "zeroconf_domain dc1.example.org\nzeroconf_interface eth1\n}\n")
                       .text),
              R"(pools:
  web:
    zeroconf: {service: web, domain: dc1.example.org, interface: eth1, protocol: ipv4}
services:
  web:
    vip: [192.0.2.1]
    ports: [8080/tcp]
    pool: web
    engine: ipvs
    forward: nat
    scheduler: lc
)");
}

TEST(KlbYaml, LetsServicesShareThePoolOfOneSource) {
    EXPECT_EQ(bare(imported(block("192.0.2.1:80", "zeroconf_service web") +
                            block("192.0.2.1:443", "zeroconf_service _web._tcp") +
                            block("192.0.2.2:443", "zeroconf_service web\nzeroconf_interface eth1") +
                            block("192.0.2.3:443", "zeroconf_service web"))
                       .text),
              R"(pools:
  web:
    zeroconf: {service: web, protocol: ipv4}
  web-443-2:
    zeroconf: {service: web, interface: eth1, protocol: ipv4}
services:
  web:
    vip: [192.0.2.1]
    ports: [80/tcp]
    pool: web
    engine: ipvs
    forward: nat
    scheduler: rr
  web-443:
    vip: [192.0.2.1]
    ports: [443/tcp]
    pool: web
    engine: ipvs
    forward: nat
    scheduler: rr
  web-443-2:
    vip: [192.0.2.2]
    ports: [443/tcp]
    pool: web-443-2
    engine: ipvs
    forward: nat
    scheduler: rr
  web-443-3:
    vip: [192.0.2.3]
    ports: [443/tcp]
    pool: web
    engine: ipvs
    forward: nat
    scheduler: rr
)");
}

TEST(KlbYaml, GivesNoNameTwice) {
    auto yaml = imported(
        block("192.0.2.1:80", "zeroconf_service a-80") + block("192.0.2.2:80", "zeroconf_service a") +
        block("192.0.2.3:80", "zeroconf_service a") + block("192.0.2.4:80", "zeroconf_service a-80"));
    for (const char* name : {"\n  a-80:  #", "\n  a:  #", "\n  a-80-2:  #", "\n  a-80-80:  #"})
        EXPECT_TRUE(yaml.text.contains(name)) << name << '\n' << yaml.text;
}

TEST(KlbYaml, QuotesWhatYamlTakesForSomethingElse) {
    auto yaml = imported(
        block("192.0.2.1:80", "zeroconf_service no\nzeroconf_domain 1.2\nzeroconf_interface 'a,\"b\\'"));
    EXPECT_TRUE(
        yaml.text.contains("  \"no\":\n    zeroconf: {service: \"no\", domain: \"1.2\", interface: "
                           "\"a,\\\"b\\\\\", protocol: ipv4}\n"))
        << yaml.text;
}

TEST(KlbYaml, SaysInCommentsAndWarningsWhatIsDifferent) {
    auto yaml = imported(block("192.0.2.1:53", "zeroconf_service _dns._udp\nscheduler wlc"));
    const std::string udp = "klb looks for _dns._udp and balances TCP, and so does this";
    const std::string weights =
        "wlc goes by weights: klb gives every worker 1, here the weight= that a worker announces counts";
    EXPECT_TRUE(
        yaml.text.contains("  dns:  # klb.conf:1\n    # " + udp + "\n    # " + weights + "\n    vip:"))
        << yaml.text;
    EXPECT_TRUE(yaml.text.contains("{service: _dns._udp, protocol: ipv4}")) << yaml.text;
    ASSERT_EQ(yaml.warnings.size(), 2u);
    EXPECT_EQ(yaml.warnings[0].text(), "klb.conf:1:1: " + udp);
    EXPECT_EQ(yaml.warnings[1].text(), "klb.conf:1:1: " + weights);
}

TEST(KlbYaml, LetsNoPathBreakOutOfItsComment) {
    Service service{.at = {"a\nb\xff", {1, 1}}, .bind = net::Endpoint::parse("192.0.2.1:80").value()};
    service.type = "_web._tcp";
    auto yaml = to_yaml({service}, "a\nb");
    EXPECT_TRUE(yaml.text.starts_with("# a\\x0ab, by")) << yaml.text;
    EXPECT_TRUE(yaml.text.contains("  web:  # a\\x0ab\\xff:1\n")) << yaml.text;
}

}  // namespace
}  // namespace weir::config::klb
