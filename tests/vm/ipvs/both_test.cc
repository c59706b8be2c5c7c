// One daemon with both engines: a service that XDP carries and one that IPVS carries, on the same backends.
// What happens to one of them is nothing to the other.
#include <gmock/gmock.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "lab/daemon.h"
#include "lab/failure.h"
#include "tests/vm/ipvs/site.h"

namespace weir::vm {
namespace {

using testing::Contains, testing::HasSubstr, testing::IsEmpty, testing::Not;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace json = boost::json;

constexpr auto kSoon = 60s;  // an emulated machine is slow
constexpr const char* kTypes = "/sys/kernel/btf/vmlinux";
constexpr const char* kByXdp = "192.0.2.200:80";
constexpr const char* kByIpvs = "192.0.2.100:80";
const std::set<std::string> kBoth = {"one", "two"};

/// Its checks are patient: no backend fails here.
std::string service(const std::string& name, const std::string& engine, const std::string& vip,
                    const std::string& pool) {
    return fmt::format(
        "  {}: {{engine: {}, vip: {}, ports: [80/tcp], pool: {}, forward: nat, scheduler: rr, "
        "checks: [{{tcp: {{}}, interval: 2s, timeout: 2s, history: 3, rise: 1, fall: 3}}]}}\n",
        name, engine, vip, pool);
}

/// XDP's service first, on a pool of its own.
std::string config(std::pair<int, int> xdp_weights, const std::string& others) {
    return fmt::format(
               "interfaces: [{{name: eth0}}, {{name: eth1}}]\n"
               "pools:\n"
               "  fast: {{static: [{{address: 10.1.10.11, weight: {}}}, {{address: 10.1.10.12, weight: "
               "{}}}]}}\n"
               "  usual: {{static: [10.1.10.11, 10.1.10.12]}}\n"
               "services:\n",
               xdp_weights.first, xdp_weights.second) +
           service("fast", "xdp", "192.0.2.200", "fast") + others;
}

std::string ipvs_service() {
    return service("usual", "ipvs", kVip, "usual");
}

std::pair<int, int> without(const std::string& name) {
    return name == "one" ? std::pair(0, 1) : std::pair(1, 0);
}

const std::string& other_than(const std::string& name) {
    return *std::ranges::find_if(kBoth, [&](const auto& each) { return each != name; });
}

/// Until it ends the kernel has no IPVS and gets none. The machine's, so in a virtual one only.
class NoIpvs {
  public:
    explicit NoIpvs(Site& site) : site_(site) {
        if (!std::getenv("VM_SHARE")) lab::give_up("this unloads modules, and is for tests/vm/run");
        // Refused also by its name, which ipvsadm asks for.
        std::ofstream(kRefusal) << "install ip_vs /bin/false\n";
        if (lab::wait_until([this] { return is_unloaded(); }, kSoon)) return;
        end();
        lab::give_up("the kernel keeps{}", modules());
    }
    ~NoIpvs() { end(); }
    NoIpvs(const NoIpvs&) = delete;
    NoIpvs& operator=(const NoIpvs&) = delete;

    void end() { fs::remove(kRefusal); }

  private:
    static constexpr const char* kRefusal = "/etc/modprobe.d/weir-both.conf";

    /// Those that use others come first.
    static std::string modules() {
        std::ifstream all("/proc/modules");
        std::string line, found;
        while (std::getline(all, line))
            if (line.starts_with("ip_vs")) found += " " + line.substr(0, line.find(' '));
        return found;
    }
    /// A service keeps the module in use, and within seconds weir puts it back.
    bool is_unloaded() {
        const auto loaded = modules();
        if (!loaded.empty()) lab::run(site_.balancer(), {"sh", "-c", "ipvsadm -C; rmmod" + loaded});
        return modules().empty();
    }

    Site& site_;
};

class BothEngines : public testing::Test {
  protected:
    void SetUp() override {
        if (!fs::exists(kTypes))
            GTEST_SKIP() << "XDP needs the types of the kernel, and this one has no " << kTypes;
        site_ = std::make_unique<Site>(lab::LanOptions{.xdp_pass = true, .whole_checksums = true});
        for (int number : {1, 2}) servers_.push_back(std::make_unique<Server>(site_->backend(number), 80));
        daemon_ =
            std::make_unique<lab::Daemon>(site_->balancer(), WEIR_BINARY, config({1, 1}, ipvs_service()));
        ASSERT_TRUE(is_answered_by(kByXdp, kBoth) && is_answered_by(kByIpvs, kBoth)) << what_there_is();
    }

    /// Of eight connections; with rr both backends get some.
    std::set<std::string> answers(const std::string& vip) {
        std::set<std::string> names;
        for (const auto& [name, times] : ask_often(site_->client(), vip, 8)) names.insert(name);
        return names;
    }
    bool is_answered_by(const std::string& vip, const std::set<std::string>& wanted) {
        return lab::wait_until([&] { return answers(vip) == wanted; }, kSoon);
    }

    std::string weir(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {WEIR_BINARY, "--socket", daemon_->socket()});
        const auto done = lab::run(site_->balancer(), arguments);
        return done.out + done.err;
    }
    json::value status() { return json::parse(weir({"status", "--json"})); }
    /// By VIP: the engine, and how many backends are up.
    std::map<std::string, std::string> carried() {
        std::map<std::string, std::string> rows;
        const auto services = json::parse(weir({"services", "--json"}));
        for (const auto& each : services.as_array())
            for (const auto& row : each.at("frontends").as_array())
                rows.emplace(row.at("vip").as_string(),
                             fmt::format("{}, {} up", std::string(row.at("engine").as_string()),
                                         row.at("up").to_number<int>()));
        return rows;
    }
    bool comes_to_carry(const std::map<std::string, std::string>& wanted) {
        return lab::wait_until([&] { return carried() == wanted; }, kSoon);
    }
    /// And it is taken.
    void reload(const std::string& yaml) {
        const auto accepted = [this] { return status().at("reload").at("accepted_total").to_number<int>(); };
        const auto before = accepted();
        daemon_->reload(yaml);
        ASSERT_TRUE(lab::wait_until([&] { return accepted() > before; }, kSoon)) << what_there_is();
    }
    bool has_address(const std::string& vip) {
        return lab::run(site_->balancer(), {"ip", "addr", "show", "dev", "lo"}).out.find(vip) !=
               std::string::npos;
    }
    std::string what_there_is() { return daemon_->log() + weir({"status"}) + weir({"backends"}); }

    std::unique_ptr<Site> site_;
    std::vector<std::unique_ptr<Server>> servers_;
    std::unique_ptr<lab::Daemon> daemon_;
};

const std::map<std::string, std::string> kBothCarried = {{"192.0.2.100", "ipvs, 2 up"},
                                                         {"192.0.2.200", "xdp, 2 up"}};

TEST_F(BothEngines, CarryEachItsOwnService) {
    EXPECT_EQ(carried(), kBothCarried);
    const auto said = status();
    EXPECT_EQ(said.at("engine"), "xdp, ipvs");
    EXPECT_THAT(said.at("problems").as_array(), IsEmpty()) << said.at("problems");
    for (const auto& interface : said.at("interfaces").as_array()) EXPECT_EQ(interface.at("mode"), "native");
    EXPECT_THAT(site_->ipvsadm(), HasSubstr("-A -t 192.0.2.100:80 -s rr"));
    EXPECT_THAT(site_->ipvsadm(), Not(HasSubstr("192.0.2.200")));
    EXPECT_TRUE(has_address(kVip));
    EXPECT_FALSE(has_address("192.0.2.200"));
}

TEST_F(BothEngines, AReloadOfOnesServiceLeavesTheOthersFlowsAlone) {
    Conversation by_xdp(site_->client(), kByXdp), by_ipvs(site_->client(), kByIpvs);
    const auto name = by_xdp.ask(), ipvs_name = by_ipvs.ask();
    ASSERT_THAT(kBoth, Contains(name)) << what_there_is();
    ASSERT_THAT(kBoth, Contains(ipvs_name)) << what_there_is();

    // From now on XDP's flow table alone knows where the one of XDP's goes.
    reload(config(without(name), ipvs_service()));
    ASSERT_TRUE(is_answered_by(kByXdp, {other_than(name)})) << what_there_is();
    EXPECT_EQ(by_xdp.ask(), name);
    EXPECT_EQ(by_ipvs.ask(), ipvs_name) << "IPVS's part is as it was";

    reload(config(without(name), ""));
    EXPECT_TRUE(lab::wait_until([&] { return site_->ipvsadm().empty(); }, kSoon)) << site_->ipvsadm();
    EXPECT_FALSE(has_address(kVip));
    EXPECT_EQ(status().at("engine"), "xdp");
    EXPECT_EQ(carried(), (std::map<std::string, std::string>{{"192.0.2.200", "xdp, 2 up"}}));
    EXPECT_EQ(by_xdp.ask(), name);
    EXPECT_EQ(answers(kByXdp), std::set{other_than(name)});
    EXPECT_THAT(kBoth, Not(Contains(by_ipvs.ask())));
    EXPECT_THAT(kBoth, Not(Contains(ask(site_->client(), kByIpvs))));

    reload(config(without(name), ipvs_service()));
    ASSERT_TRUE(is_answered_by(kByIpvs, kBoth)) << what_there_is();
    EXPECT_EQ(by_xdp.ask(), name);
    EXPECT_EQ(answers(kByXdp), std::set{other_than(name)});
    EXPECT_EQ(carried(), kBothCarried);
}

TEST_F(BothEngines, XdpGoesOnAndTakesAReloadWhenTheKernelLosesIpvs) {
    Conversation by_xdp(site_->client(), kByXdp);
    const auto name = by_xdp.ask();
    ASSERT_THAT(kBoth, Contains(name)) << what_there_is();
    NoIpvs none(*site_);
    ASSERT_TRUE(comes_to_carry({{"192.0.2.100", "ipvs, 0 up"}, {"192.0.2.200", "xdp, 2 up"}}))
        << what_there_is();
    EXPECT_THAT(weir({"backends"}), HasSubstr("the kernel has no IPVS"));
    EXPECT_THAT(kBoth, Not(Contains(ask(site_->client(), kByIpvs))));
    EXPECT_EQ(by_xdp.ask(), name);
    EXPECT_EQ(answers(kByXdp), kBoth);

    reload(config(without(name), ipvs_service()));
    ASSERT_TRUE(is_answered_by(kByXdp, {other_than(name)})) << what_there_is();
    EXPECT_EQ(by_xdp.ask(), name);
    EXPECT_EQ(status().at("plan").at("error"), "");

    none.end();
    ASSERT_TRUE(is_answered_by(kByIpvs, kBoth)) << what_there_is();
    EXPECT_EQ(carried(), kBothCarried);
    EXPECT_EQ(by_xdp.ask(), name);
}

TEST_F(BothEngines, XdpsPartOfAPlanIsInForceWhereIpvssFails) {
    // Weir keeps on record what it makes, else it makes nothing. This is in the way of the record.
    const auto obstacle = fs::path(daemon_->socket()).parent_path() / "state" / "ipvs.json.new";
    fs::create_directory(obstacle);
    const auto more = service("late", "ipvs", "192.0.2.101", "usual");
    reload(config({1, 0}, ipvs_service() + more));
    ASSERT_TRUE(is_answered_by(kByXdp, {"one"})) << what_there_is();
    EXPECT_THAT(std::string(status().at("plan").at("error").as_string()), HasSubstr("ipvs.json"));
    EXPECT_EQ(answers(kByIpvs), kBoth) << "as before";
    EXPECT_THAT(site_->ipvsadm(), Not(HasSubstr("192.0.2.101")));

    fs::remove(obstacle);
    ASSERT_TRUE(is_answered_by("192.0.2.101:80", kBoth)) << what_there_is();
    EXPECT_TRUE(lab::wait_until([&] { return status().at("plan").at("error") == ""; }, kSoon));
    EXPECT_EQ(answers(kByXdp), std::set<std::string>{"one"});
}

}  // namespace
}  // namespace weir::vm
