// What `weir import klb` writes is read by the daemon, with its own sources.
#include <gtest/gtest.h>

#include "app/sources.h"
#include "config/klb/fake_surroundings.h"
#include "config/klb/yaml.h"

namespace weir::app {
namespace {

TEST(ImportedFromKlb, EveryDirectiveIsRead) {
    config::klb::FakeSurroundings outside;
    outside.files["klb.conf"] =
        "service {\nbind 192.0.2.1:8080\nscheduler wlc\nzeroconf_service _dns._udp\n"
        "zeroconf_domain dc1.example.org\nzeroconf_interface eth1\n}\n"
        "service {\nbind 192.0.2.1:80\nzeroconf_service no\n}\n";
    auto read = config::klb::read("klb.conf", outside);
    ASSERT_TRUE(read);
    auto config = config::parse(config::klb::to_yaml(read->services, "klb.conf").text, known_sources());
    ASSERT_TRUE(config) << config::describe("yaml", config.error());
    const auto& source = config->pools.at("dns").sources.at(0);
    EXPECT_EQ(source.kind, "zeroconf");
    EXPECT_EQ(source.text("service"), "_dns._udp");
    EXPECT_EQ(source.text("domain"), "dc1.example.org");
    EXPECT_EQ(source.text("interface"), "eth1");
    EXPECT_EQ(config->services.at("dns").ipvs->scheduler, "wlc");
    EXPECT_EQ(config->pools.at("no").sources.at(0).text("service"), "no");
}

TEST(ImportedFromKlb, TheShippedExampleIsRead) {
    auto config = config::load(WEIR_SOURCE_DIR "/examples/klb.yaml", known_sources());
    ASSERT_TRUE(config) << config::describe("examples/klb.yaml", config.error());
    EXPECT_EQ(config->services.at("foo").engine, model::EngineKind::ipvs);
    EXPECT_EQ(config->pools.at("foo").sources.size(), 1u);
}

}  // namespace
}  // namespace weir::app
