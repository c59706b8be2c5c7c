#include "discovery/gmond.h"

#include <gmock/gmock.h>

namespace weir::discovery {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What gmond 3.7.2 says before its clusters, as recorded, a little shorter.
constexpr std::string_view kFront =
    R"(<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>
<!DOCTYPE GANGLIA_XML [
   <!ELEMENT GANGLIA_XML (GRID|CLUSTER|HOST)*>
      <!ATTLIST GANGLIA_XML VERSION CDATA #REQUIRED>
      <!ATTLIST GANGLIA_XML SOURCE CDATA #REQUIRED>
   <!ELEMENT CLUSTER (HOST | HOSTS | METRICS)*>
      <!ATTLIST CLUSTER NAME CDATA #REQUIRED>
]>
<GANGLIA_XML VERSION="3.7.2" SOURCE="gmond">
)";
constexpr std::string_view kCluster =
    R"(<CLUSTER NAME="t" LOCALTIME="1795364000" OWNER="unspecified" LATLONG="unspecified" URL="unspecified">)";

std::string metric(std::string_view name, std::string_view value) {
    return fmt::format(
        R"(<METRIC NAME="{}" VAL="{}" TYPE="float" UNITS=" " TN="3" TMAX="70" DMAX="0" SLOPE="both">
<EXTRA_DATA>
<EXTRA_ELEMENT NAME="GROUP" VAL="load"/>
</EXTRA_DATA>
</METRIC>
)",
        name, value);
}

std::string host(std::string_view ip, std::string_view metrics, int silent = 3) {
    return fmt::format(
        R"(<HOST NAME="h{0}" IP="{0}" TAGS="" REPORTED="1795363997" TN="{1}" TMAX="20" DMAX="0" LOCATION="x" )"
        R"(GMOND_STARTED="1795363000">
{2}</HOST>
)",
        ip, silent, metrics);
}

std::string document(std::string_view hosts) {
    return fmt::format("{}{}\n{}</CLUSTER>\n</GANGLIA_XML>\n", kFront, kCluster, hosts);
}

GmondReport read(const std::string& document, const GmondWanted& wanted = {}) {
    auto report = read_gmond(document, wanted);
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(GmondReport());
}

std::string failure(const std::string& document, const GmondWanted& wanted = {}) {
    auto report = read_gmond(document, wanted);
    return report ? "" : report.error().message;
}

net::Ip ip(std::string_view text) {
    return *net::Ip::parse(text);
}

TEST(Gmond, ReadsHostsWithTheirLoad) {
    auto report =
        read(document(host("10.0.0.1", metric("load_one", "0.00")) +
                      host("2001:db8::2", metric("load_one", "1.5") + metric("cpu_idle", "90"), 81)));
    EXPECT_THAT(report.hosts, ElementsAre(GmondHost{ip("10.0.0.1"), 3s, 80s, 10},
                                          GmondHost{ip("2001:db8::2"), 81s, 80s, 4}));
    EXPECT_THAT(report.refused, IsEmpty());
}

TEST(Gmond, GivesIdleHostsTheMost) {
    EXPECT_EQ(weight_of(0, 1, 10), 10u);
    EXPECT_EQ(weight_of(1, 1, 10), 5u);
    EXPECT_EQ(weight_of(8, 8, 10), 5u);
    EXPECT_EQ(weight_of(2, 1, 10), 3u);
    EXPECT_EQ(weight_of(1e9, 1, 10), 1u) << "loaded is not down";
    EXPECT_EQ(weight_of(0, 1, 1000), 1000u);
}

TEST(Gmond, CountsLoadPerCpuUnlessItIsToldWhatHalfIs) {
    auto text = document(host("10.0.0.1", metric("cpu_num", "4") + metric("load_one", "4")));
    EXPECT_EQ(read(text).hosts[0].weight, 5u);
    EXPECT_EQ(read(text, {.half_at = 1}).hosts[0].weight, 2u);
    auto odd = document(host("10.0.0.1", metric("cpu_num", "none") + metric("load_one", "1")));
    EXPECT_EQ(read(odd).hosts[0].weight, 5u);
}

TEST(Gmond, TakesAnotherMetric) {
    auto text = document(host("10.0.0.1", metric("load_one", "9") + metric("lbtest", "42")));
    EXPECT_EQ(read(text, {.metric = "lbtest", .half_at = 42, .scale = 100}).hosts[0].weight, 50u);
    EXPECT_EQ(read(text, {.metric = "absent"}).hosts[0].weight, std::nullopt);
}

TEST(Gmond, ReadsOneClusterOfSeveralAndGridsOfGmetad) {
    auto other = R"(<CLUSTER NAME="other">)" + host("10.0.0.9", metric("load_one", "0")) + "</CLUSTER>";
    auto text =
        fmt::format("{}<GRID NAME=\"g\"><GRID NAME=\"h\">{}{}</CLUSTER></GRID>{}</GRID></GANGLIA_XML>",
                    kFront, kCluster, host("10.0.0.1", metric("load_one", "0")), other);
    EXPECT_EQ(read(text).hosts.size(), 2u);
    auto report = read(text, {.cluster = "other"});
    ASSERT_EQ(report.hosts.size(), 1u);
    EXPECT_EQ(report.hosts[0].address, ip("10.0.0.9"));
    EXPECT_EQ(failure(text, {.cluster = "none"}), "there is no cluster 'none', but t, other");
}

TEST(Gmond, RefusesHostsThatAreGarbageAndKeepsTheOthers) {
    auto report = read(document(
        host("nowhere", metric("load_one", "0")) + host("127.0.0.1", metric("load_one", "0")) +
        host("10.0.0.2", metric("load_one", "-1")) + host("10.0.0.3", metric("load_one", "nan")) +
        R"(<HOST NAME="x" IP="10.0.0.4" TN="soon" TMAX="20"/>)" + host("10.0.0.5", metric("load_one", "0"))));
    ASSERT_EQ(report.hosts.size(), 1u);
    EXPECT_EQ(report.hosts[0].address, ip("10.0.0.5"));
    EXPECT_THAT(report.refused,
                ElementsAre("cluster t, host hnowhere: 'nowhere' is no address",
                            "cluster t, host h127.0.0.1: 127.0.0.1 is not the address of a backend",
                            "cluster t, host h10.0.0.2: its load_one is '-1', not a number from 0",
                            "cluster t, host h10.0.0.3: its load_one is 'nan', not a number from 0",
                            "cluster t, host x: it does not say when it has last reported"));
}

TEST(Gmond, FailsForEveryPartOfADocument) {
    auto whole = document(host("10.0.0.1", metric("load_one", "0")));
    whole.erase(whole.find_last_not_of('\n') + 1);
    EXPECT_EQ(failure(whole), "");
    for (size_t size = 0; size < whole.size(); size++)
        EXPECT_NE(failure(whole.substr(0, size)), "") << whole.substr(0, size);
}

TEST(Gmond, FailsForWhatIsNoGanglia) {
    EXPECT_THAT(failure("HTTP/1.1 400 Bad Request\r\n\r\n"), HasSubstr("not whole XML"));
    EXPECT_THAT(failure(std::string(1000, '\0')), HasSubstr("not whole XML"));
    EXPECT_EQ(failure("<html></html>"), "no Ganglia XML: it begins with <html>");
}

/// A billion laughs, and a file of the system.
TEST(Gmond, ExpandsNoEntities) {
    std::string laughs =
        R"(<!DOCTYPE GANGLIA_XML [<!ENTITY a "ha"><!ENTITY f SYSTEM "file:///etc/hostname">)";
    for (char c = 'b'; c <= 'j'; c++) {
        laughs += fmt::format("<!ENTITY {} \"", c);
        for (int i = 0; i < 10; i++) laughs += fmt::format("&{};", static_cast<char>(c - 1));
        laughs += "\">";
    }
    laughs += R"(]><GANGLIA_XML><CLUSTER NAME="&j;&f;"></CLUSTER></GANGLIA_XML>)";
    EXPECT_EQ(failure(laughs, {.cluster = "t"}), "there is no cluster 't', but &j;&f;");
}

TEST(Gmond, CopesWithElementsInElements) {
    constexpr int kDepth = 200'000;
    std::string deep(kFront);
    for (int i = 0; i < kDepth; i++) deep += "<GRID>";
    for (int i = 0; i < kDepth; i++) deep += "</GRID>";
    EXPECT_EQ(failure(deep + "</GANGLIA_XML>"), "");
}

class GmondHosts : public testing::Test {
  protected:
    Set take(std::vector<GmondHost> hosts, Clock::Duration passed = 0s) {
        now_ += passed;
        return roll_.take({.hosts = std::move(hosts)}, now_);
    }
    GmondHost host(std::string_view address, std::chrono::seconds silent,
                   std::optional<uint32_t> weight = 10) {
        return {ip(address), silent, 80s, weight};
    }
    Found member(std::string_view address, uint32_t weight = 10) {
        return {.address = ip(address), .port = net::Port(80), .weight = weight};
    }

    GmondRoll roll_{net::Port(80)};
    Clock::Time now_{1000s};
};

TEST_F(GmondHosts, AreLeftOutOnceTheyAreSilentForTooLong) {
    auto set = take({host("10.0.0.1", 80s), host("10.0.0.2", 81s)});
    EXPECT_THAT(set.members, ElementsAre(member("10.0.0.1")));
    EXPECT_THAT(set.refused, IsEmpty()) << "it is down, not garbage";
    EXPECT_THAT(take({host("10.0.0.1", 95s), host("10.0.0.2", 1s)}, 15s).members,
                ElementsAre(member("10.0.0.2")));
}

TEST_F(GmondHosts, StayWhileARestartedDaemonHasYetToHearOfThem) {
    take({host("10.0.0.1", 10s, 7), host("10.0.0.2", 10s)});
    EXPECT_THAT(take({host("10.0.0.2", 1s)}, 15s).members,
                ElementsAre(member("10.0.0.1", 7), member("10.0.0.2")));
    EXPECT_THAT(take({host("10.0.0.2", 1s)}, 55s).members,
                ElementsAre(member("10.0.0.1", 7), member("10.0.0.2")));
    EXPECT_THAT(take({host("10.0.0.2", 1s)}, 1s).members, ElementsAre(member("10.0.0.2")));
    EXPECT_THAT(take({}, 80s).members, IsEmpty());
}

TEST_F(GmondHosts, KeepTheirWeightWhenTheyStopTellingTheMetric) {
    auto set = take({host("10.0.0.1", 1s, std::nullopt)});
    EXPECT_THAT(set.members, IsEmpty());
    EXPECT_THAT(set.refused, ElementsAre("10.0.0.1: it has not told the metric"));
    take({host("10.0.0.1", 1s, 4)});
    EXPECT_THAT(take({host("10.0.0.1", 1s, std::nullopt)}).members, ElementsAre(member("10.0.0.1", 4)));
}

}  // namespace
}  // namespace weir::discovery
