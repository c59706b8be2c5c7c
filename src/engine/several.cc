#include "engine/several.h"

#include <algorithm>

namespace weir::engine {
namespace {

using model::EngineKind, model::Plan;

bool has_frontend(const Plan& plan, EngineKind kind) {
    return std::ranges::any_of(plan.frontends,
                               [kind](const auto& frontend) { return frontend.engine == kind; });
}

void add(Observation& all, Observation part) {
    std::ranges::move(part.interfaces, std::back_inserter(all.interfaces));
    std::ranges::move(part.claims, std::back_inserter(all.claims));
    all.targets.merge(part.targets);
    for (auto& each : part.not_forwarded) {
        auto same = std::ranges::find_if(all.not_forwarded, [&](const auto& known) {
            return known.reason == each.reason && known.verdict == each.verdict;
        });
        if (same == all.not_forwarded.end())
            all.not_forwarded.push_back(std::move(each));
        else
            same->packets_total += each.packets_total;
    }
    if (all.flow_table.capacity == 0) all.flow_table = part.flow_table;
}

/// Those that failed, in one sentence.
class Failures {
  public:
    void note(const Status& done) {
        if (done) return;
        if (!text_.empty()) text_ += "; ";
        text_ += done.error().message;
    }
    Status status() const { return text_.empty() ? Status() : fail("{}", text_); }

  private:
    std::string text_;
};

}  // namespace

bool needs(const Plan& plan, EngineKind kind) {
    if (has_frontend(plan, kind)) return true;
    switch (kind) {
        case EngineKind::xdp:
            return plan.frontends.empty() && !plan.interfaces.empty();
        case EngineKind::ipvs:
            return plan.ipvs_sync || plan.ipvs_timeouts;
        case EngineKind::proxy:
            return false;
    }
    return false;
}

Plan part_of(const Plan& plan, EngineKind kind) {
    if (std::ranges::all_of(plan.frontends, [kind](const auto& each) { return each.engine == kind; }))
        return plan;
    Plan part = plan;
    std::vector<SharedList<model::Frontend>::Item> own;
    for (size_t i = 0; i < plan.frontends.size(); ++i)
        if (plan.frontends[i].engine == kind) own.push_back(plan.frontends.item(i));
    part.frontends = SharedList<model::Frontend>(std::move(own));
    return part;
}

Several::Several(std::vector<Member> members, std::function<void()> on_change)
    : on_change_(std::move(on_change)) {
    for (auto& member : members) parts_.push_back({std::move(member)});
}

Status Several::start(Part& part) {
    auto started = part.member.start([this] {
        look_around();
        on_change_();
    });
    part.failure = started ? "" : started.error().message;
    if (!started) return propagate(started);
    part.engine = std::move(*started);
    return {};
}

Status Several::start(const Plan& plan) {
    Failures failures;
    bool any = false, all = true;
    for (auto& part : parts_) {
        if (!needs(plan, part.member.kind)) continue;
        auto done = start(part);
        failures.note(done);
        (done ? any : all) = done.has_value();
    }
    return any || all ? Status() : failures.status();
}

Status Several::apply(Part& part, const Plan& plan) {
    const bool needed = needs(plan, part.member.kind);
    if (!needed && !part.engine) {
        if (part.is_clean) return {};
        auto cleaned = part.member.clean_up();
        part.is_clean = cleaned.has_value();
        return cleaned;
    }
    part.is_clean = true;  // what is left is adopted
    if (!part.engine)
        if (auto started = start(part); !started) return started;
    return part.engine->apply(needed ? part_of(plan, part.member.kind) : Plan{});
}

Status Several::apply(const Plan& plan) {
    plan_ = plan;
    Failures failures;
    for (auto& part : parts_) {
        auto done = apply(part, plan);
        part.in_force = done.has_value();
        failures.note(done);
    }
    look_around();
    return failures.status();
}

bool Several::is_in_force(EngineKind kind) const {
    return std::ranges::any_of(
        parts_, [kind](const auto& part) { return part.member.kind == kind && part.in_force; });
}

void Several::look_around() {
    unreachable_.clear();
    for (const auto& part : parts_)
        if (part.engine)
            unreachable_.insert(part.engine->unreachable().begin(), part.engine->unreachable().end());
}

/// Null where none has started.
Several::Part* Several::of(const model::FrontendKey& key) {
    auto found = std::ranges::lower_bound(plan_.frontends, key, {}, &model::Frontend::key);
    if (found != plan_.frontends.end() && found->key == key) {
        auto own =
            std::ranges::find(parts_, found->engine, [](const auto& part) { return part.member.kind; });
        return own == parts_.end() ? nullptr : &*own;
    }
    auto first = std::ranges::find_if(parts_, [](const auto& part) { return part.engine != nullptr; });
    return first == parts_.end() ? nullptr : &*first;
}

/// One alone has its own count. Of several, each has to have counted twice: by then it has begun a count, and
/// ended it, since this number was last told.
uint64_t Several::count_in(const std::map<const Part*, Observation>& seen) {
    if (seen.size() == 1) return counts_ = std::max(counts_, seen.begin()->second.flow_table.counts_total);
    const bool all = std::ranges::all_of(
        seen, [](const auto& each) { return each.second.flow_table.counts_total >= each.first->counts + 2; });
    if (!all) return counts_;
    for (auto& part : parts_)
        if (auto own = seen.find(&part); own != seen.end()) part.counts = own->second.flow_table.counts_total;
    return ++counts_;
}

Observation Several::merge(std::map<const Part*, Observation> seen) {
    const auto counts = count_in(seen);
    Observation all;
    for (const auto& part : parts_)
        if (auto own = seen.find(&part); own != seen.end()) add(all, std::move(own->second));
    all.flow_table.counts_total = counts;
    return all;
}

Observation Several::observe() {
    std::map<const Part*, Observation> seen;
    for (auto& part : parts_)
        if (part.engine) seen.emplace(&part, part.engine->observe());
    return merge(std::move(seen));
}

Observation Several::observe(const std::vector<model::TargetKey>& targets) {
    std::map<const Part*, std::vector<model::TargetKey>> own;
    for (const auto& target : targets) own[of(target.frontend)].push_back(target);
    std::map<const Part*, Observation> seen;
    for (auto& part : parts_)
        if (part.engine) seen.emplace(&part, part.engine->observe(own[&part]));
    return merge(std::move(seen));
}

Result<Verdict> Several::trace(const Flow& flow) {
    auto* part = of(flow.frontend);
    if (!part) return fail("no engine has been started");
    if (!part->engine) return fail("{}", part->failure);
    return part->engine->trace(flow);
}

net::Opened Several::open_passage(const model::TargetKey& target, net::Carrier carrier, net::Port port) {
    auto* part = of(target.frontend);
    if (!part) return std::unexpected(net::NoPassage(Error{"no engine has been started"}, true));
    if (!part->engine) return std::unexpected(net::NoPassage(Error{part->failure}, true));
    return part->engine->open_passage(target, carrier, port);
}

}  // namespace weir::engine
