#include "control/override_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>

#include "base/unique_fd.h"

namespace weir::control {
namespace {

namespace json = boost::json;
using model::Override;

constexpr int kVersion = 1;
constexpr size_t kLargest = 64 << 20;

json::value unix_milliseconds(const std::optional<Override::Time>& time) {
    if (!time) return nullptr;
    return std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count();
}

std::optional<Override::Time> read_time(const json::value& value) {
    if (value.is_null()) return std::nullopt;
    return Override::Time(std::chrono::milliseconds(value.to_number<int64_t>()));
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

Result<std::string> OverrideFile::read() const {
    UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail_with(errno, "cannot open it");
    std::string text;
    char bytes[65536];
    ssize_t got = 0;
    while ((got = ::read(file.get(), bytes, sizeof bytes)) > 0) {
        text.append(bytes, static_cast<size_t>(got));
        if (text.size() > kLargest) return fail("it is too large");
    }
    if (got < 0) return fail_with(errno, "cannot read it");
    return text;
}

Result<model::Overrides> OverrideFile::load() const {
    struct stat found{};
    if (::lstat(path_.c_str(), &found) != 0 && errno == ENOENT) return model::Overrides{};
    auto text = read();
    auto overrides = text ? read_override_file(*text) : propagate(text);
    if (overrides) return overrides;
    auto aside = path_ + ".bad";
    if (::rename(path_.c_str(), aside.c_str()) != 0)
        return fail_with(errno, "{} is of no use ({}), and cannot be set aside", path_,
                         overrides.error().message);
    return fail("{} was of no use ({}); it is set aside as {}, and no override of it is in force", path_,
                overrides.error().message, aside);
}

Status OverrideFile::save(const model::Overrides& overrides) const {
    std::error_code code;
    auto folder = std::filesystem::path(path_).parent_path();
    std::filesystem::create_directories(folder, code);
    if (code) return fail("cannot make {}: {}", folder.string(), code.message());
    if (auto done = replace_with(override_file_text(overrides)); !done) return done;
    // The name is durable only when its folder is.
    UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        return fail_with(errno, "cannot sync {}", folder.string());
    return {};
}

Status OverrideFile::replace_with(std::string_view text) const {
    auto fresh = path_ + ".new";
    UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return fail_with(errno, "cannot create {}", fresh);
    for (size_t done = 0; done < text.size();) {
        auto written = ::write(file.get(), text.data() + done, text.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail_with(errno, "cannot write {}", fresh);
        done += static_cast<size_t>(written);
    }
    if (::fsync(file.get()) != 0) return fail_with(errno, "cannot sync {}", fresh);
    if (::rename(fresh.c_str(), path_.c_str()) != 0) return fail_with(errno, "cannot replace {}", path_);
    return {};
}

}  // namespace weir::control
