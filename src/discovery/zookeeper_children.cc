#include "discovery/zookeeper_children.h"

#include <algorithm>

#include "discovery/value.h"

namespace weir::discovery {

std::vector<std::string> ZookeeperChildren::list(std::vector<std::string> names) {
    std::ranges::sort(names);
    left_out_ = names.size() - std::min(names.size(), kMostMembers);
    names.resize(names.size() - left_out_);
    listed_ = true;
    std::erase_if(children_,
                  [&](const auto& child) { return !std::ranges::binary_search(names, child.first); });
    std::erase_if(names, [&](const auto& name) { return !children_.try_emplace(name).second; });
    return names;
}

void ZookeeperChildren::read(const std::string& name, std::string_view data) {
    auto found = children_.find(name);
    if (found != children_.end()) found->second = read_value(data.empty() ? name : data);
}

bool ZookeeperChildren::is_whole() const {
    return listed_ &&
           std::ranges::all_of(children_, [](const auto& child) { return child.second.has_value(); });
}

Set ZookeeperChildren::set() const {
    Set set;
    for (const auto& [name, child] : children_) {
        if (!child) continue;
        if (*child)
            set.members.push_back(**child);
        else
            set.refused.push_back(fmt::format("{}: {}", excerpt(path_of(name)), child->error().message));
    }
    if (left_out_ > 0)
        set.refused.push_back(fmt::format("{}: {} children are more than the {} that are read", path_,
                                          left_out_, kMostMembers));
    return set;
}

std::string ZookeeperChildren::path_of(std::string_view name) const {
    return fmt::format("{}/{}", path_ == "/" ? "" : path_, name);
}

std::optional<std::string> ZookeeperChildren::name_of(std::string_view path) const {
    auto slash = path.rfind('/');
    if (slash == path.npos || path_of(path.substr(slash + 1)) != path) return std::nullopt;
    return std::string(path.substr(slash + 1));
}

}  // namespace weir::discovery
