#include "tests/e2e/site.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "lab/load.h"
#include "lab/tcp.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;

std::string text_of(const json::value& value) {
    return std::string(value.as_string());
}

}  // namespace

std::string Yaml::text() const {
    return fmt::format(
        "interfaces: [{{name: eth0, mode: {}}}]\n"
        "{}"
        "pools: {{web: {{static: [{}]}}{}}}\n"
        "services:\n"
        "  web:\n"
        "    vip: [{}]\n"
        "    ports: [{}]\n"
        "    pool: web\n"
        "    checks: [{}]\n"
        "{}",
        mode, settings, backends, pools, vips, ports, check, services);
}

Site::Site(lab::DsrOptions topology, const Options& nginx) : dsr_(topology) {
    for (size_t i = 0; i < dsr_.size(); ++i) {
        const std::string name = dsr_.backend(i).name();
        servers_.emplace_back(dsr_.backend(i), name, nginx ? nginx(name) : lab::NginxOptions{});
    }
}

void Site::run(const std::string& config) {
    daemon_.emplace(balancer(), WEIR_BINARY, config);
    for (size_t i = 0; i < dsr_.size(); ++i)
        for (const std::string& address : {lab::Dsr::address4(i), lab::Dsr::address6(i)})
            if (!row(address).empty() && !await(address, "up"))
                lab::give_up("{} does not come up: {}\n{}", address, reason(address), daemon_->log());
}

bool Site::reload(const std::string& text) {
    const auto done = [&] {
        const json::value status = get("/api/v1/status");
        const json::value& reload = status.at("reload");
        return std::pair(reload.at("accepted_total").to_number<uint64_t>(),
                         reload.at("refused_total").to_number<uint64_t>());
    };
    const auto before = done();
    daemon_->reload(text);
    if (!lab::wait_until([&] { return done() != before; }, kSoon))
        lab::give_up("the daemon does not reload:\n{}", daemon_->log());
    return done().first > before.first;
}

json::value Site::get(const std::string& path) {
    return lab::must(daemon_->get(path));
}

lab::Finished Site::weir(std::vector<std::string> words) {
    words.insert(words.begin(), {WEIR_BINARY, "--socket", daemon_->socket()});
    return lab::run(balancer(), std::move(words));
}

json::object Site::row(const std::string& address) {
    const json::value backends = get("/api/v1/backends");
    for (const json::value& row : backends.as_array())
        if (text_of(row.at("address")) == address) return row.as_object();
    return {};
}

std::string Site::reason(const std::string& address) {
    const json::object found = row(address);
    return found.empty() ? "no such backend" : text_of(found.at("reason"));
}

bool Site::await(const std::string& address, const std::string& health) {
    return lab::wait_until(
        [&] {
            const Result<json::value> plan = daemon_->get("/api/v1/plan");
            if (!plan) return false;
            size_t seen = 0;
            for (const json::value& frontend : plan->at("frontends").as_array())
                for (const json::value& target : frontend.at("targets").as_array()) {
                    if (text_of(target.at("address")) != address) continue;
                    if (text_of(target.at("health")) != health) return false;
                    ++seen;
                }
            return seen > 0;
        },
        kSoon);
}

Answers Site::ask(const std::string& to, size_t requests) {
    Answers answers;
    for (const lab::Answer& answer : lab::burst(client(), lab::endpoint(to), requests, 8, 5s))
        ++answers[answer.text];
    return answers;
}

void SiteTest::SetUp() {
    if (const std::string why = lab::why_no_lab(); !why.empty()) GTEST_SKIP() << why;
    if (const std::string why = lab::Nginx::why_not(); !why.empty()) GTEST_SKIP() << why;
}

testing::AssertionResult answered_by(const Answers& answers, const std::vector<std::string>& backends) {
    std::string seen;
    for (const auto& [who, count] : answers) seen += fmt::format("{} × {}; ", count, who);
    for (const auto& [who, count] : answers)
        if (std::ranges::find(backends, who) == backends.end())
            return testing::AssertionFailure() << "not to be expected: " << who << " (" << seen << ")";
    if (answers.size() < backends.size())
        return testing::AssertionFailure() << "somebody is missing: " << seen;
    return testing::AssertionSuccess() << seen;
}

}  // namespace weir::e2e
