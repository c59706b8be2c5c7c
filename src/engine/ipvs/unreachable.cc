#include "engine/ipvs/unreachable.h"

namespace weir::engine::ipvs {
namespace {

/// Of one frontend.
class Reasons {
  public:
    Reasons(const model::Frontend& frontend, const Contents& found, const Refusals& refusals)
        : frontend_(frontend), found_(found), refusals_(refusals) {}

    /// Nothing where the service is in force.
    std::string of_service(const Wanted& wanted, const std::set<ServiceKey>& foreign) const {
        if (auto why = wanted.impossible.find(frontend_.key); why != wanted.impossible.end())
            return why->second;
        const auto key = *service_key(frontend_.key);
        if (foreign.contains(key))
            return fmt::format(
                "IPVS has a service {} that weir did not make, and weir does not touch it: whoever made it "
                "has to remove it",
                key.text());
        if (auto why = refusals_.services.find(key); why != refusals_.services.end()) return why->second;
        auto why = key.mark == 0 ? refusals_.addresses.find(key.address) : refusals_.addresses.end();
        return why == refusals_.addresses.end() ? "" : why->second;
    }

    std::string of_target(const model::Target& target) const {
        const auto at = destination_of(frontend_, target.backend);
        if (auto why = refusals_.destinations.find({*service_key(frontend_.key), at});
            why != refusals_.destinations.end())
            return why->second;
        // Answers of this host's own servers need no forwarding.
        const auto family = at.address.family();
        if (frontend_.forward.kind != model::ForwardKind::nat || found_.forwards(family) ||
            found_.addresses.contains(at.address))
            return "";
        return fmt::format(
            "this host does not forward packets, so NAT's answers do not come back: set {} to 1",
            family == net::Family::v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding");
    }

  private:
    const model::Frontend& frontend_;
    const Contents& found_;
    const Refusals& refusals_;
};

}  // namespace

void Refusals::note(const Change& change, const std::string& why) {
    if (const auto* service = std::get_if<AddService>(&change)) services[service->key] = why;
    if (const auto* service = std::get_if<EditService>(&change)) services[service->key] = why;
    if (const auto* added = std::get_if<AddDestination>(&change)) destinations[{added->key, added->at}] = why;
    if (const auto* edited = std::get_if<EditDestination>(&change))
        destinations[{edited->key, edited->at}] = why;
    if (const auto* address = std::get_if<AddAddress>(&change)) addresses[address->address] = why;
}

std::map<model::TargetKey, std::string> unreachable_targets(const model::Plan& plan, const Wanted& wanted,
                                                            const Contents& found,
                                                            const std::set<ServiceKey>& foreign,
                                                            const Refusals& refusals) {
    std::map<model::TargetKey, std::string> unreachable;
    for (const auto& frontend : plan.frontends) {
        if (frontend.engine != model::EngineKind::ipvs) continue;
        const Reasons reasons(frontend, found, refusals);
        const auto shared = reasons.of_service(wanted, foreign);
        for (const auto& target : frontend.targets)
            if (auto why = shared.empty() ? reasons.of_target(target) : shared; !why.empty())
                unreachable.emplace(model::TargetKey{frontend.key, target.backend.address}, std::move(why));
    }
    return unreachable;
}

std::map<model::TargetKey, std::string> all_targets(const model::Plan& plan, const std::string& why) {
    std::map<model::TargetKey, std::string> unreachable;
    for (const auto& frontend : plan.frontends)
        if (frontend.engine == model::EngineKind::ipvs)
            for (const auto& target : frontend.targets)
                unreachable.emplace(model::TargetKey{frontend.key, target.backend.address}, why);
    return unreachable;
}

}  // namespace weir::engine::ipvs
