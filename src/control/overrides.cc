#include "control/overrides.h"

#include <spdlog/spdlog.h>

#include <map>

#include "config/nearest.h"
#include "model/tiers.h"

namespace weir::control {
namespace {

std::string hint(std::string_view word, const std::set<std::string>& known) {
    std::vector<std::string_view> words(known.begin(), known.end());
    auto nearest = config::nearest(word, words);
    return nearest ? fmt::format("; did you mean {}?", *nearest) : "";
}

}  // namespace

std::string text_of(const Wish& wish) {
    std::string text;
    if (wish.state) text = model::to_text(*wish.state);
    if (wish.drain_for) text += fmt::format(" for {}s", wish.drain_for->count());
    if (wish.weight) text += fmt::format("{}weight {}", text.empty() ? "" : ", ", *wish.weight);
    return text;
}

Overrides::Overrides(const std::string& path) {
    if (path.empty()) return;
    file_.emplace(path);
    auto loaded = file_->load();
    if (loaded) {
        all_ = std::move(*loaded);
        return;
    }
    not_read_ = loaded.error().message;
    spdlog::error("overrides: {}", not_read_);
}

void Overrides::set(const model::OverrideKey& key, const Wish& wish, const std::string& by, Time now) {
    auto& override = all_[key];
    bool keeps_a_state = override.state && !wish.state;
    if (wish.state) {
        override.state = wish.state;
        override.deadline.reset();
        override.flows_cut.reset();
    }
    if (wish.drain_for) override.deadline = now + *wish.drain_for;
    if (wish.weight) override.weight = wish.weight;
    if (!keeps_a_state) {
        override.by = by;
        override.at = now;
    }
    changed_ = true;
}

bool Overrides::lift(const model::OverrideKey& key) {
    if (all_.erase(key) == 0) return false;
    changed_ = true;
    return true;
}

void Overrides::expire(const model::OverrideKey& key, uint64_t flows_cut) {
    auto& override = all_.at(key);
    override.state = model::AdminState::disabled;
    override.deadline.reset();
    override.flows_cut = flows_cut;
    changed_ = true;
}

void Overrides::save() {
    changed_ = false;
    not_read_.clear();  // whoever has changed something since has seen it
    if (!file_) return;
    auto done = file_->save(all_);
    if (done) {
        not_saved_.clear();
        return;
    }
    ++save_failures_total_;
    if (not_saved_ != done.error().message)
        spdlog::error("overrides cannot be saved: {}", done.error().message);
    not_saved_ = done.error().message;
}

std::string Overrides::problem() const {
    if (!not_saved_.empty())
        return "overrides are in force but not saved, and would be lost at a restart: " + not_saved_;
    return not_read_;
}

std::set<std::string> services_of(const model::Config& config, const std::vector<model::OverrideKey>& keys) {
    // By pools, each looked through once however many services share it.
    std::multimap<net::Ip, std::string> wanted;
    for (const auto& key : keys) wanted.emplace(key.backend, key.service);
    std::map<std::string, std::set<std::string>> found;
    for (const auto& [name, pool] : config.pools)
        for (const auto& backend : pool.backends)
            for (auto [at, end] = wanted.equal_range(backend.address); at != end; ++at)
                found[name].insert(at->second);
    std::set<std::string> services;
    for (const auto& [name, service] : config.services)
        for (const auto& pool : model::pools_of(service))
            if (auto it = found.find(pool); it != found.end())
                if (it->second.contains("") || it->second.contains(name)) services.insert(name);
    return services;
}

Status known(const model::Config& config, const std::string& service) {
    if (config.services.contains(service)) return {};
    std::set<std::string> services;
    for (const auto& [name, each] : config.services) services.insert(name);
    return fail("there is no service '{}'{}", service, hint(service, services));
}

Status known(const model::Config& config, const model::OverrideKey& key) {
    if (!services_of(config, {key}).empty()) return {};
    auto concerned = [&](const std::string& name) { return key.service.empty() || name == key.service; };
    if (!key.service.empty())
        if (auto service = known(config, key.service); !service) return service;
    std::set<std::string> backends;
    for (const auto& [name, service] : config.services) {
        if (!concerned(name)) continue;
        for (const auto& member : model::members_of(config, service))
            backends.insert(member.backend->address.text());
    }
    auto whose = key.service.empty() ? "no service" : fmt::format("service {}", key.service);
    auto verb = key.service.empty() ? "has" : "does not have";
    auto address = key.backend.text();
    return fail("{} {} the backend {}{}", whose, verb, address, hint(address, backends));
}

}  // namespace weir::control
