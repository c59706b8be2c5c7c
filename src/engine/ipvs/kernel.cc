#include "engine/ipvs/kernel.h"

#include <fmt/format.h>

namespace weir::engine::ipvs {
namespace {

struct Words {
    std::string operator()(const AddService& change) const {
        return fmt::format("adds the service {} ({})", change.key.text(), change.settings.text());
    }
    std::string operator()(const EditService& change) const {
        return fmt::format("makes the service {} {}", change.key.text(), change.settings.text());
    }
    std::string operator()(const RemoveService& change) const {
        return fmt::format("removes the service {}", change.key.text());
    }
    std::string operator()(const AddDestination& change) const {
        return fmt::format("adds {} to {} ({})", change.at.text(), change.key.text(), change.settings.text());
    }
    std::string operator()(const EditDestination& change) const {
        return fmt::format("makes {} of {} {}", change.at.text(), change.key.text(), change.settings.text());
    }
    std::string operator()(const RemoveDestination& change) const {
        return fmt::format("removes {} from {}", change.at.text(), change.key.text());
    }
    std::string operator()(const AddAddress& change) const {
        return fmt::format("adds {} to lo", change.address.text());
    }
    std::string operator()(const RemoveAddress& change) const {
        return fmt::format("removes {} from lo", change.address.text());
    }
    std::string operator()(const StartDaemon& change) const {
        return fmt::format("starts the sync daemon ({}) on {}", role(change.role), change.settings.interface);
    }
    std::string operator()(const StopDaemon& change) const {
        return fmt::format("stops the sync daemon ({})", role(change.role));
    }
    std::string operator()(const SetTimeouts&) const { return "sets the timeouts"; }

    static const char* role(Role role) { return role == Role::master ? "master" : "backup"; }
};

}  // namespace

std::string text_of(const Change& change) {
    return std::visit(Words(), change);
}

}  // namespace weir::engine::ipvs
