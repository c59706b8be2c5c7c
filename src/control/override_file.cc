#include "control/override_file.h"

#include <boost/json.hpp>

namespace weir::control {
namespace {

namespace json = boost::json;
using model::Override;

constexpr int kVersion = 1;

json::value unix_milliseconds(const std::optional<Override::Time>& time) {
    if (!time) return nullptr;
    return std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count();
}

std::optional<Override::Time> read_time(const json::value& value) {
    if (value.is_null()) return std::nullopt;
    constexpr auto kLatest =
        std::chrono::floor<std::chrono::milliseconds>(Override::Time::max().time_since_epoch()).count();
    auto since = value.to_number<int64_t>();
    if (since < 0 || since > kLatest) throw std::runtime_error("a time is out of range");
    return Override::Time(std::chrono::milliseconds(since));
}

/// Throws where the row is not as override_file_text() makes it.
std::pair<model::OverrideKey, Override> read_row(const json::value& row) {
    auto text = [&](const char* name) { return std::string(row.at(name).as_string()); };
    auto backend = net::Ip::parse(text("backend"));
    if (!backend) throw std::runtime_error(backend.error().message);
    Override read;
    if (!row.at("state").is_null()) {
        auto state = model::read_admin_state(text("state"));
        if (!state) throw std::runtime_error(state.error().message);
        read.state = *state;
    }
    if (!row.at("weight").is_null()) read.weight = row.at("weight").to_number<uint32_t>();
    if (read.weight > model::kLargestWeight) throw std::runtime_error("a weight is too large");
    read.by = text("by");
    read.at = read_time(row.at("at")).value_or(Override::Time());
    read.deadline = read_time(row.at("deadline"));
    if (!row.at("flows_cut").is_null()) read.flows_cut = row.at("flows_cut").to_number<uint64_t>();
    return {{*backend, text("service")}, read};
}

}  // namespace

std::string override_file_text(const model::Overrides& overrides) {
    json::array rows;
    for (const auto& [key, each] : overrides) {
        auto state = each.state ? model::to_text(*each.state) : "";
        rows.push_back(
            {{"backend", key.backend.text()},
             {"service", key.service},
             {"state", each.state ? json::value(json::string(state.data(), state.size())) : nullptr},
             {"weight", each.weight ? json::value(*each.weight) : nullptr},
             {"by", each.by},
             {"at", unix_milliseconds(each.at)},
             {"deadline", unix_milliseconds(each.deadline)},
             {"flows_cut", each.flows_cut ? json::value(*each.flows_cut) : nullptr}});
    }
    return json::serialize(json::object{{"version", kVersion}, {"overrides", std::move(rows)}}) + "\n";
}

Result<model::Overrides> read_override_file(std::string_view text) {
    try {
        auto document = json::parse(json::string_view(text.data(), text.size()));
        if (auto version = document.at("version").to_number<int>(); version != kVersion)
            return fail("its version is {}, and this weir knows {}", version, kVersion);
        model::Overrides overrides;
        for (const auto& row : document.at("overrides").as_array()) overrides.insert(read_row(row));
        return overrides;
    } catch (const std::exception& problem) {
        return fail("{}", problem.what());
    }
}

Result<model::Overrides> OverrideFile::load() {
    model::Overrides overrides;
    auto loaded = file_.load([&](std::string_view text) -> Status {
        auto read = read_override_file(text);
        if (!read) return propagate(read);
        overrides = std::move(*read);
        return {};
    });
    if (!loaded) return propagate(loaded);
    return overrides;
}

Status OverrideFile::save(const model::Overrides& overrides) const {
    return file_.save(override_file_text(overrides));
}

}  // namespace weir::control
