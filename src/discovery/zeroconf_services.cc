#include "discovery/zeroconf_services.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "discovery/value.h"

namespace weir::discovery {
namespace {

constexpr double kMostAnnounced = 1e6;  // what other readers of `weight` take
constexpr size_t kMostTags = 16;

bool same_key(std::string_view a, std::string_view b) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c; };
    return std::ranges::equal(a, b, {}, lower, lower);
}

/// RFC 6763, section 6.4: the first string with the key counts.
std::optional<std::string_view> find(const std::vector<std::string>& txt, std::string_view key) {
    for (std::string_view string : txt) {
        auto equals = string.find('=');
        if (same_key(string.substr(0, equals), key))
            return equals == string.npos ? std::string_view() : string.substr(equals + 1);
    }
    return std::nullopt;
}

Result<uint32_t> read_weight(std::string_view text) {
    double weight = -1;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
    bool whole = error == std::errc{} && end == text.data() + text.size();
    if (!whole || !(weight >= 0 && weight <= kMostAnnounced))
        return fail("its 'weight' is '{}', not a number from 0 to 1000000", excerpt(text));
    if (weight == 0) return 0;
    return static_cast<uint32_t>(std::clamp<double>(std::round(weight), 1, kMostWeight));
}

std::vector<std::string> read_tags(std::string_view text) {
    std::vector<std::string> tags;
    while (!text.empty() && tags.size() < kMostTags) {
        auto comma = std::min(text.find(','), text.size());
        if (comma > 0) tags.push_back(excerpt(text.substr(0, comma)));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return tags;
}

Found merge(Found a, const Found& b) {
    a.weight = std::max(a.weight, b.weight);
    for (const auto& tag : b.tags)
        if (std::ranges::find(a.tags, tag) == a.tags.end()) a.tags.push_back(tag);
    return a;
}

}  // namespace

Result<Found> read_announced(const Announced& announced) {
    if (!announced.address.is_v4() && announced.address.is_link_local())
        return fail("{} is of one link only, which a backend's address cannot be; give the host another one",
                    announced.address.text());
    if (auto good = check_address(announced.address); !good) return propagate(good);
    if (announced.port == 0) return fail("it has port 0, which says that it is not there");
    Found found{announced.address, net::Port(announced.port)};
    if (auto text = find(announced.txt, "weight")) {
        auto weight = read_weight(*text);
        if (!weight) return propagate(weight);
        found.weight = *weight;
    }
    if (auto text = find(announced.txt, "tag")) found.tags = read_tags(*text);
    return found;
}

void ZeroconfServices::take(const ServiceEvent& event) {
    if (const auto* appeared = std::get_if<Appeared>(&event)) {
        if (all_.size() < 2 * kMostMembers)
            all_.try_emplace(appeared->id);
        else
            ++too_many_;
    } else if (const auto* vanished = std::get_if<Vanished>(&event)) {
        all_.erase(vanished->id);
    } else if (const auto* resolved = std::get_if<Resolved>(&event)) {
        if (auto known = all_.find(resolved->id); known != all_.end()) known->second = resolved->is;
    } else {
        all_for_now_ = true;
    }
}

bool ZeroconfServices::settled() const {
    return all_for_now_ &&
           std::ranges::all_of(all_, [](const auto& each) { return each.second.has_value(); });
}

Set ZeroconfServices::set() const {
    std::map<net::Endpoint, Found> found;
    std::set<std::string_view> usable;                              // names that lead somewhere
    std::vector<std::pair<std::string_view, std::string>> refused;  // and names that, one way, do not
    for (const auto& [id, announced] : all_) {
        if (!announced) continue;
        auto member = *announced ? read_announced(**announced) : Result<Found>(propagate(*announced));
        if (member) {
            usable.insert(id.name);
            auto [at, is_new] = found.try_emplace({member->address, *member->port}, *member);
            if (!is_new) at->second = merge(at->second, *member);
        } else {
            refused.emplace_back(id.name, fmt::format("{}: {}", excerpt(id.name), member.error().message));
        }
    }
    Set set;
    for (auto& [endpoint, member] : found)
        if (set.members.size() < kMostMembers) set.members.push_back(std::move(member));
    if (found.size() > kMostMembers || too_many_ > 0)
        set.refused.push_back(fmt::format("there are more than {} backends", kMostMembers));
    std::set<std::string> said;  // a name on several interfaces has the same to say
    for (auto& [name, why] : refused)
        if (!usable.contains(name) && said.insert(why).second) set.refused.push_back(std::move(why));
    return set;
}

}  // namespace weir::discovery
