#include "control/supplies.h"

#include <algorithm>
#include <set>

#include "control/fitting.h"

namespace weir::control {
namespace {

const Supplied* find(const std::vector<Supplied>& all, const model::SourceSpec& spec) {
    auto found = std::ranges::find(all, spec, &Supplied::by);
    return found == all.end() ? nullptr : &*found;
}

std::vector<Supplied> carried_over(const std::vector<Supplied>& former,
                                   const std::vector<model::SourceSpec>& specs) {
    std::vector<Supplied> now;
    Supplied* heir = nullptr;
    now.reserve(specs.size());
    for (const auto& spec : specs) {
        const auto* same = find(former, spec);
        auto& each = now.emplace_back(Supplied{spec, same ? same->members : Feed::Members()});
        if (!same && !heir) heir = &each;
    }
    if (!heir) return now;
    for (const auto& [spec, members] : former)
        if (std::ranges::find(specs, spec) == specs.end())
            heir->members.insert(members.begin(), members.end());
    return now;
}

/// What sources have found for one pool.
class Filling {
  public:
    Filling(const std::string& name, model::Pool& pool, const Fitting& fitting)
        : name_(name), pool_(pool), fitting_(fitting), with_ports_(fitting.uses_ports(name)) {
        for (const auto& backend : pool.backends) seen_.insert(backend.address);
    }

    /// Those that do not fit, and why.
    std::vector<std::string> add(const Feed::Members& members) {
        std::vector<std::string> left_out;
        for (const auto& [address, found] : members) {
            if (!seen_.insert(address).second) continue;
            auto why = fitting_.refusal(name_, address, pool_.backends.size());
            if (why.empty())
                pool_.backends.push_back({.address = address,
                                          .weight = found.weight,
                                          .port = with_ports_ ? found.port : std::nullopt,
                                          .priority = found.priority});
            else
                left_out.push_back(fmt::format("{}: {}", address.text(), why));
        }
        return left_out;
    }

  private:
    const std::string& name_;
    model::Pool& pool_;
    const Fitting& fitting_;
    const bool with_ports_;
    std::set<net::Ip> seen_;
};

}  // namespace

Supplies carried_over(const Supplies& former, const model::Config& config) {
    Supplies now;
    static const std::vector<Supplied> none;
    for (const auto& [name, pool] : config.pools) {
        if (pool.sources.empty()) continue;
        auto before = former.find(name);
        now.emplace(name, carried_over(before == former.end() ? none : before->second, pool.sources));
    }
    return now;
}

Filled fill(model::Config config, const Supplies& supplies) {
    Filled filled;
    const Fitting fitting(config);
    for (auto& [name, pool] : config.pools) {
        auto supplied = supplies.find(name);
        if (supplied == supplies.end()) continue;
        Filling filling(name, pool, fitting);
        for (const auto& each : supplied->second) filled.left_out[name].push_back(filling.add(each.members));
    }
    filled.config = std::move(config);
    return filled;
}

}  // namespace weir::control
