#include "control/health_file.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace weir::control {
namespace {

namespace json = boost::json;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr int kVersion = 2;
constexpr nanoseconds kLongestRamp = std::chrono::hours(1);  // the most that `slow_start` may be

constexpr std::array<std::string_view, std::variant_size_v<model::Check::Kind>> kKinds{
    "tcp", "http", "https", "dns", "exec", "syn", "udp", "icmp"};

json::string to_json(std::string_view text) {
    return json::string(text.data(), text.size());
}

std::string_view view(const json::value& value) {
    const auto& text = value.as_string();
    return {text.data(), text.size()};
}

int64_t count(FileTime time) {
    return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
}

FileTime read_time(const json::value& value) {
    return FileTime(nanoseconds(value.to_number<int64_t>()));
}

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

/// Outcomes as in doc/checks.md, the newest last.
std::string letters(const health::Tally& tally) {
    std::string text;
    for (bool ok : tally.seen()) text += ok ? 'P' : 'F';
    return text;
}

json::value check_json(const health::Remembered& check) {
    json::value last = nullptr;
    if (check.last)
        last = {{"ok", check.last->ok},
                {"message", check.last->message},
                {"latency_us", check.last->latency.count()},
                {"at_ns", count(check.last->at)},
                {"expiring", check.last->expiring}};
    return {{"kind", to_json(kKinds.at(check.kind))},
            {"up", check.tally.up()},
            {"seen", letters(check.tally)},
            {"probes", check.probes},
            {"last", std::move(last)}};
}

json::object target_json(const model::TargetKey& key) {
    return {{"vip", key.frontend.vips().text()},
            {"port", key.frontend.port.value()},
            {"more_ports", key.frontend.more_ports},
            {"protocol", static_cast<unsigned>(key.frontend.protocol)},
            {"backend", key.backend.text()}};
}

json::array holds_json(const Holds& holds) {
    json::array rows;
    for (const auto& [key, held] : holds) {
        auto row = target_json(key);
        row["ramping_ns"] = held.ramping ? json::value(held.ramping->count()) : json::value(nullptr);
        row["correction"] = held.correction;
        rows.push_back(std::move(row));
    }
    return rows;
}

/// These throw where the text is not as health_file_text() makes it.
health::Remembered read_check(const json::value& row) {
    auto kind = std::ranges::find(kKinds, view(row.at("kind")));
    if (kind == kKinds.end()) throw std::runtime_error("it has an unknown kind of check");
    std::vector<bool> seen;
    for (char letter : view(row.at("seen"))) seen.push_back(letter == 'P');
    health::Remembered check{static_cast<size_t>(kind - kKinds.begin()),
                             health::Tally(row.at("up").as_bool(), std::move(seen)),
                             {},
                             row.at("probes").to_number<unsigned>()};
    if (const auto& last = row.at("last"); !last.is_null())
        check.last = {last.at("ok").as_bool(), std::string(view(last.at("message"))),
                      microseconds(last.at("latency_us").to_number<int64_t>()), read_time(last.at("at_ns")),
                      std::string(view(last.at("expiring")))};
    return check;
}

model::TargetKey read_target(const json::value& row) {
    auto vips = must(net::Prefix::parse(view(row.at("vip"))));
    return {{vips.address, net::Port(row.at("port").to_number<uint16_t>()),
             static_cast<model::Protocol>(row.at("protocol").to_number<uint8_t>()),
             row.at("more_ports").to_number<uint16_t>(), net::free_bits(vips)},
            must(net::Ip::parse(view(row.at("backend"))))};
}

Held read_held(const json::value& row, nanoseconds since) {
    Held held;
    held.correction = row.at("correction").to_number<uint32_t>();
    if (held.correction == 0 || held.correction > model::kWhole)
        throw std::runtime_error("a correction is out of range");
    if (const auto& ramping = row.at("ramping_ns"); !ramping.is_null()) {
        auto then = std::clamp(nanoseconds(ramping.to_number<int64_t>()), nanoseconds(0), kLongestRamp);
        held.ramping = std::min(then + since, kLongestRamp);
    }
    return held;
}

}  // namespace

std::string health_file_text(const Legacy& legacy, FileTime now) {
    json::array targets;
    for (const auto& [key, past] : legacy.checks) {
        json::array checks;
        for (const auto& check : past.checks) checks.push_back(check_json(check));
        auto row = target_json(key);
        row["changed_at_ns"] = count(past.changed_at);
        row["checks"] = std::move(checks);
        targets.push_back(std::move(row));
    }
    return json::serialize(json::object{{"version", kVersion},
                                        {"saved_at_ns", count(now)},
                                        {"targets", std::move(targets)},
                                        {"holds", holds_json(legacy.holds)}}) +
           "\n";
}

Result<Legacy> read_health_file(std::string_view text, FileTime now) {
    try {
        auto document = json::parse(json::string_view(text.data(), text.size()));
        if (auto version = document.at("version").to_number<int>(); version != kVersion)
            return fail("its version is {}, and this weir knows {}", version, kVersion);
        Legacy legacy;
        auto saved_at = read_time(document.at("saved_at_ns"));
        if (saved_at > now || now - saved_at > kHealthFileHolds) return legacy;
        for (const auto& row : document.at("targets").as_array()) {
            auto& past = legacy.checks[read_target(row)];
            past.changed_at = read_time(row.at("changed_at_ns"));
            for (const auto& check : row.at("checks").as_array()) past.checks.push_back(read_check(check));
        }
        // An older weir, which an upgrade takes over from, writes none.
        if (const auto* holds = document.as_object().if_contains("holds"))
            for (const auto& row : holds->as_array())
                legacy.holds[read_target(row)] = read_held(row, now - saved_at);
        return legacy;
    } catch (const std::exception& problem) {
        return fail("{}", problem.what());
    }
}

Result<Legacy> HealthFile::take(FileTime now) {
    Legacy legacy;
    auto loaded = file_.load([&](std::string_view text) -> Status {
        auto read = read_health_file(text, now);
        if (!read) return propagate(read);
        legacy = std::move(*read);
        return {};
    });
    if (!loaded) return propagate(loaded);
    // Should this daemon be killed, the datapath knows better.
    if (auto removed = file_.remove(); !removed) return propagate(removed);
    return legacy;
}

Status HealthFile::save(const Legacy& legacy, FileTime now) const {
    return file_.save(health_file_text(legacy, now));
}

}  // namespace weir::control
