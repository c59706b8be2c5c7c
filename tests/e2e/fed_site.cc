#include "tests/e2e/fed_site.h"

#include <fmt/ranges.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace weir::e2e {

namespace fs = std::filesystem;

void FedSiteTest::SetUp() {
    SiteTest::SetUp();
    if (IsSkipped()) return;
    folder_.emplace();
    fs::permissions(folder_->path(), fs::perms(0755));
    site_.emplace(lab::DsrOptions{.lab = "fed", .ipv6 = false});
}

std::string FedSiteTest::config(const std::string& pool) {
    return fmt::format(
        "interfaces: [eth0]\n"
        "pools: {{web: {{{}}}}}\n"
        "services:\n"
        "  web:\n"
        "    vip: 192.168.101.1\n"
        "    ports: 80\n"
        "    pool: web\n"
        "    checks: [{{http: {{path: /alive}}, interval: 1s, timeout: 1s, history: 5, rise: 2, fall: 4}}]\n",
        pool);
}

FedSiteTest::Addresses FedSiteTest::backends() {
    Addresses all;
    const auto plan = site_->get("/api/v1/plan");
    for (const auto& frontend : plan.at("frontends").as_array())
        for (const auto& target : frontend.at("targets").as_array())
            all.emplace(target.at("address").as_string());
    return all;
}

testing::AssertionResult FedSiteTest::become(const Addresses& wanted) {
    Addresses seen;
    if (lab::wait_until([&] { return (seen = backends()) == wanted; }, kSoon))
        return testing::AssertionSuccess();
    return testing::AssertionFailure() << fmt::format("the plan has {}", fmt::join(seen, " ")) << "\n"
                                       << boost::json::serialize(source());
}

testing::AssertionResult FedSiteTest::follows_at_once(const std::string& what, const Turn& there,
                                                      const Turn& back) {
    Pace pace;
    for (size_t i = 0; i < Pace::kChanges; ++i) {
        const auto& turn = i % 2 == 0 ? there : back;
        const auto since = std::chrono::steady_clock::now();
        turn.make();
        if (!pace.await(since, [&] { return backends() == turn.then; })) return become(turn.then);
    }
    return pace.is_prompt(what);
}

testing::AssertionResult FedSiteTest::served_by(const std::vector<std::string>& servers) {
    auto answers = testing::AssertionFailure();
    if (lab::wait_until([&] { return bool(answers = answered_by(site_->ask("192.168.101.1:80"), servers)); },
                        kSoon))
        return testing::AssertionSuccess();
    return answers << "\n" << site_->daemon().log();
}

boost::json::object FedSiteTest::source(size_t i) {
    return site_->get("/api/v1/pools").at(0).at("sources").at(i).as_object();
}

testing::AssertionResult FedSiteTest::is(const std::string& state) {
    return is_so([&] { return says("state") == state; });
}

testing::AssertionResult FedSiteTest::is_so(const std::function<bool()>& condition) {
    if (lab::wait_until(condition, 2 * kSoon)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << boost::json::serialize(source()) << "\n" << site_->daemon().log();
}

testing::AssertionResult FedSiteTest::refuses(const std::vector<std::string>& words) {
    return is_so([&] {
        const auto refused = boost::json::serialize(source().at("refused"));
        return std::ranges::all_of(words, [&](const auto& word) { return refused.contains(word); });
    });
}

testing::AssertionResult FedSiteTest::fails_with(const std::string& words) {
    return is_so([&] { return says("state") == "failing" && says("error").contains(words); });
}

testing::AssertionResult FedSiteTest::is_held_back() {
    return is_so([&] { return !says("held_back").empty(); });
}

std::string FedSiteTest::says(const std::string& name) {
    const auto value = source().at(name);
    return value.is_null() ? "" : std::string(value.as_string());
}

bool FedSiteTest::is_kept(const Addresses& wanted) {
    const auto file = fs::path(site_->daemon().config_path()).parent_path() / "state/supply.json";
    return lab::wait_until(
        [&] {
            const auto text = lab::read_file(file);
            for (size_t i = 0; i < site_->dsr().size(); ++i) {
                const auto address = lab::Dsr::address4(i);
                if (text.contains('"' + address + '"') != wanted.contains(address)) return false;
            }
            return true;
        },
        kSoon);
}

void FedSiteTest::put(const std::string& text, const std::string& name) const {
    auto fresh = folder_->write("fresh", text);
    fs::permissions(fresh, fs::perms(0644));
    fs::rename(fresh, path(name));
}

}  // namespace weir::e2e
