// weir doctor on hosts with something wrong: it is named, and gone when it has been mended.
#include "doctor/xdp_trial.h"

#include <gmock/gmock.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "lab/lab.h"
#include "lab/temp_dir.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Report {
    int status = -1;
    std::vector<std::string> lines;  // "severity subject: what -> remedy"

    bool has_problem() const {
        return std::ranges::any_of(lines,
                                   [](const std::string& line) { return line.starts_with("problem "); });
    }
};

Report report_of(const lab::Finished& finished) {
    Report report{finished.status, {}};
    const json::value rows = json::parse(finished.out);
    for (const json::value& row : rows.as_array()) {
        const auto text = [&](const char* key) { return std::string_view(row.at(key).as_string()); };
        report.lines.push_back(
            fmt::format("{} {}: {} -> {}", text("severity"), text("subject"), text("what"), text("remedy")));
    }
    return report;
}

/// A balancer with one interface and no daemon.
class Doctor : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        lab_.emplace("doctor");
        lab_->connect(balancer(), "eth0", lab_->host("peer"), "eth0");
        config_ = dir_.write("weir.yaml", Yaml{}.text());
    }
    lab::Host& balancer() { return lab_->host("balancer"); }
    lab::Finished doctor(std::vector<std::string> words) {
        words.insert(words.begin(), {WEIR_BINARY, "doctor"});
        return lab::run(balancer(), std::move(words));
    }
    Report examine() { return report_of(doctor({"-c", config_, "--json"})); }
    bool xdp_is_attached() {
        const int index = static_cast<int>(balancer().index("eth0"));
        return balancer().run([&] { return doctor::attached_xdp(index).has_value(); });
    }
    /// The exit code says whether there is a problem, whatever else this machine has.
    void expect_named(const std::string& start, const std::string& what, const std::string& remedy) {
        const Report report = examine();
        EXPECT_THAT(report.lines,
                    Contains(AllOf(StartsWith(start), HasSubstr(what), HasSubstr("-> " + remedy))));
        EXPECT_EQ(report.status, report.has_problem() ? 1 : 0);
    }
    void expect_gone(const std::string& start, const std::string& what) {
        const Report report = examine();
        EXPECT_THAT(report.lines, Not(Contains(AllOf(StartsWith(start), HasSubstr(what)))));
        EXPECT_EQ(report.status, report.has_problem() ? 1 : 0);
    }

    lab::TempDir dir_;
    std::optional<lab::Lab> lab_;
    std::string config_;
};

TEST_F(Doctor, TriesNativeXdpAndLeavesNothingBehind) {
    const Report report = examine();
    EXPECT_THAT(report.lines, Contains("ok eth0: the driver veth takes XDP natively -> "));
    EXPECT_FALSE(xdp_is_attached());
    for (const std::string& line : report.lines) EXPECT_THAT(line, Not(StartsWith("problem eth0")));
}

TEST_F(Doctor, WithoutNamesItTriesNothing) {
    const Report report = report_of(doctor({"--json"}));
    EXPECT_THAT(report.lines,
                Contains("ok eth0: the driver veth is known to take XDP natively (not tried) -> "));
}

TEST_F(Doctor, AVipOnTheHostItself) {
    expect_gone("problem 192.168.101.1:", "on lo");
    balancer().add_address("lo", "192.168.101.1/32");
    expect_named("problem 192.168.101.1:", "on lo", "ip address del 192.168.101.1/32 dev lo");
    balancer().remove_address("lo", "192.168.101.1/32");
    expect_gone("problem 192.168.101.1:", "on lo");
}

TEST_F(Doctor, AnMtuThatIsTooSmall) {
    balancer().set_mtu("eth0", 1200);
    expect_named("problem eth0:", "MTU 1200", "ip link set dev eth0 mtu 1500");
    balancer().set_mtu("eth0", 1400);
    expect_named("advice eth0:", "MTU 1400", "ip link set dev eth0 mtu 1500");
    balancer().set_mtu("eth0", 1500);
    expect_gone("problem eth0:", "MTU");
    expect_gone("advice eth0:", "MTU");
}

TEST_F(Doctor, AStrictReversePathFilter) {
    for (const char* scope : {"eth0", "all"}) {
        const std::string key = fmt::format("net.ipv4.conf.{}.rp_filter", scope);
        balancer().sysctl(key, "1");
        expect_named("advice eth0:", "rp_filter", "sysctl -w net.ipv4.conf.eth0.rp_filter=2");
        balancer().sysctl("net.ipv4.conf.eth0.rp_filter", "2");
        expect_gone("advice eth0:", "rp_filter is strict");
        balancer().sysctl(key, "0");
    }
}

TEST_F(Doctor, SomebodyElsesXdpProgram) {
    {
        const lab::XdpPass other(balancer(), "eth0");
        expect_named("problem eth0:", "another XDP program, 'pass', is attached natively",
                     "ip link set dev eth0 xdp off");
        EXPECT_TRUE(xdp_is_attached()) << "it is not ours to take off";
    }
    expect_gone("problem eth0:", "XDP program");
}

TEST_F(Doctor, AnInterfaceThatIsDownOrMissingOrNotEthernet) {
    balancer().set_up("eth0", false);
    expect_named("problem eth0:", "down", "ip link set dev eth0 up");
    balancer().set_up("eth0");
    balancer().await_carrier("eth0");
    expect_gone("problem eth0:", "down");
    const Report named = report_of(doctor({"--json", "eth7", "lo"}));
    EXPECT_EQ(named.status, 1);
    EXPECT_THAT(named.lines, Contains(StartsWith("problem eth7: there is no such interface")));
    EXPECT_THAT(named.lines, Contains(StartsWith("problem lo: it is not Ethernet")));
}

TEST_F(Doctor, ForPeopleEachFindingIsALineWithItsRemedyBelow) {
    balancer().add_address("lo", "192.168.101.1/32");
    const lab::Finished finished = doctor({"-c", config_});
    EXPECT_EQ(finished.status, 1);
    EXPECT_THAT(finished.out,
                testing::ContainsRegex(
                    "problem  192\\.168\\.101\\.1  the VIP is [^\n]* on lo[^\n]*\n +-> ip address del"));
    EXPECT_THAT(finished.out,
                testing::ContainsRegex("ok       eth0           the driver veth takes XDP natively\n"));
    EXPECT_EQ(finished.err, "");
}

TEST_F(Doctor, ABadConfigurationIsBadInput) {
    const lab::Finished finished = doctor({"-c", dir_.write("bad.yaml", "interfaces: [eth0]\npool: {}\n")});
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.err, HasSubstr("bad.yaml:2:1: "));
    EXPECT_EQ(doctor({"--what"}).status, 2);
}

class DoctorBesideTheDaemon : public SiteTest {};

TEST_F(DoctorBesideTheDaemon, LeavesTheDatapathAlone) {
    Site site({.lab = "doctor"});
    site.start({});
    const lab::Finished finished = site.weir({"doctor", "-c", site.daemon().config_path(), "--json"});
    EXPECT_THAT(report_of(finished).lines, Contains("ok eth0: weir's program runs natively -> "));
    EXPECT_TRUE(answered_by(site.ask("192.168.101.1:80"), {"backend-1", "backend-2", "backend-3"}));
}

}  // namespace
}  // namespace weir::e2e
