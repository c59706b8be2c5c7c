#include "control/supply_file.h"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>

#include "model/source_text.h"

namespace weir::control {
namespace {

namespace json = boost::json;
using discovery::Found;

constexpr int kVersion = 1;

json::string to_json(std::string_view text) {
    return json::string(text.data(), text.size());
}

json::value found_json(const Found& found) {
    json::array tags;
    for (const auto& tag : found.tags) tags.push_back(to_json(tag));
    return {{"address", found.address.text()},
            {"port", found.port ? json::value(found.port->value()) : nullptr},
            {"weight", found.weight},
            {"priority", found.priority},
            {"tags", std::move(tags)}};
}

/// Throws where it is not as found_json() makes it.
Found read_found(const json::value& row) {
    auto address = net::Ip::parse(std::string_view(row.at("address").as_string()));
    if (!address) throw std::runtime_error(address.error().message);
    Found found{*address};
    if (const auto& port = row.at("port"); !port.is_null())
        found.port = net::Port(port.to_number<uint16_t>());
    found.weight = row.at("weight").to_number<uint32_t>();
    found.priority = row.at("priority").to_number<uint16_t>();
    for (const auto& tag : row.at("tags").as_array()) found.tags.emplace_back(tag.as_string());
    return found;
}

std::string file_text(const Supplies& supplies) {
    json::array rows;
    for (const auto& [pool, all] : supplies)
        for (const auto& [by, members] : all) {
            json::array found;
            for (const auto& [address, member] : members) found.push_back(found_json(member));
            rows.push_back(
                {{"pool", to_json(pool)}, {"source", to_json(model::text_of(by))}, {"members", found}});
        }
    return json::serialize(json::object{{"version", kVersion}, {"sources", std::move(rows)}}) + "\n";
}

using Known = std::map<std::pair<std::string, std::string>, Feed::Members>;

Result<Known> read_file(std::string_view text) {
    try {
        auto document = json::parse(json::string_view(text.data(), text.size()));
        if (auto version = document.at("version").to_number<int>(); version != kVersion)
            return fail("its version is {}, and this weir knows {}", version, kVersion);
        Known known;
        for (const auto& row : document.at("sources").as_array()) {
            auto& members =
                known[{std::string(row.at("pool").as_string()), std::string(row.at("source").as_string())}];
            for (const auto& each : row.at("members").as_array()) {
                auto found = read_found(each);
                members.emplace(found.address, found);
            }
        }
        return known;
    } catch (const std::exception& exception) {
        return fail("it is not what weir writes: {}", exception.what());
    }
}

}  // namespace

SupplyFile::SupplyFile(const std::string& path) : path_(path), file_(path) {}

Supplies SupplyFile::load(const model::Config& config) {
    Supplies supplies;
    if (path_.empty()) return supplies;
    Known known;
    auto loaded = file_.load([&](std::string_view text) -> Status {
        auto read = read_file(text);
        if (!read) return propagate(read);
        known = *std::move(read);
        return {};
    });
    if (!loaded) spdlog::warn("pools begin without what sources had found: {}", loaded.error().message);
    for (const auto& [name, pool] : config.pools)
        for (const auto& spec : pool.sources)
            supplies[name].push_back({spec, std::move(known[{name, model::text_of(spec)}])});
    return supplies;
}

Status SupplyFile::save(const Supplies& supplies) const {
    return path_.empty() ? Status() : file_.save(file_text(supplies));
}

}  // namespace weir::control
