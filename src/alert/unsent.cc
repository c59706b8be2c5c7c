#include "alert/unsent.h"

#include <boost/json.hpp>

#include "alert/post.h"
#include "model/kind_names.h"

namespace weir::alert {
namespace {

namespace json = boost::json;
using std::chrono::nanoseconds;

constexpr int kVersion = 1;

std::string_view view(const json::value& value) {
    const auto& text = value.as_string();
    return {text.data(), text.size()};
}

json::value frontend_row(const model::FrontendKey& key) {
    return {{"vip", key.vips().text()},
            {"port", key.port.value()},
            {"more_ports", key.more_ports},
            {"protocol", static_cast<unsigned>(key.protocol)}};
}

json::value event_row(const control::Event& event) {
    auto kind = model::to_text(event.kind);
    return {{"id", event.id},
            {"at_ns", std::chrono::duration_cast<nanoseconds>(event.at.time_since_epoch()).count()},
            {"kind", json::string(kind.data(), kind.size())},
            {"message", event.message},
            {"service", event.service},
            {"backend", event.backend ? json::value(event.backend->text()) : nullptr},
            {"peer", event.peer ? json::value(event.peer->text()) : nullptr},
            {"frontend", event.frontend ? frontend_row(*event.frontend) : nullptr}};
}

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

/// These throw where the row is not as unsent_text() makes it.
model::FrontendKey read_frontend(const json::value& row) {
    auto vips = must(net::Prefix::parse(view(row.at("vip"))));
    auto protocol = row.at("protocol").to_number<uint8_t>();
    return {vips.address, net::Port(row.at("port").to_number<uint16_t>()),
            static_cast<model::Protocol>(protocol), row.at("more_ports").to_number<uint16_t>(),
            net::free_bits(vips)};
}

control::Event read_event(const json::value& row) {
    auto kind = model::kind_named(view(row.at("kind")));
    if (!kind) throw std::runtime_error("it has an unknown kind of event");
    control::Event event{*kind, std::string(view(row.at("message"))), std::string(view(row.at("service")))};
    if (!row.at("backend").is_null()) event.backend = must(net::Ip::parse(view(row.at("backend"))));
    // Files of a version without BGP have none.
    if (const auto* peer = row.as_object().if_contains("peer"); peer && !peer->is_null())
        event.peer = must(net::Ip::parse(view(*peer)));
    if (!row.at("frontend").is_null()) event.frontend = read_frontend(row.at("frontend"));
    event.id = row.at("id").to_number<uint64_t>();
    event.at = control::SystemTime(nanoseconds(row.at("at_ns").to_number<int64_t>()));
    return event;
}

}  // namespace

std::string unsent_text(const Unsent& unsent) {
    json::object alerts;
    for (const auto& [name, events] : unsent) {
        auto& rows = alerts[name].emplace_array();
        for (const auto& event : events) rows.push_back(event_row(event));
    }
    return json::serialize(json::object{{"version", kVersion}, {"alerts", std::move(alerts)}}) + "\n";
}

Result<Unsent> read_unsent(std::string_view text, control::SystemTime now) {
    try {
        auto document = json::parse(json::string_view(text.data(), text.size()));
        if (auto version = document.at("version").to_number<int>(); version != kVersion)
            return fail("its version is {}, and this weir knows {}", version, kVersion);
        Unsent unsent;
        for (const auto& [name, rows] : document.at("alerts").as_object())
            for (const auto& row : rows.as_array())
                if (auto event = read_event(row); event.at > now - Post::kOldest)
                    unsent[std::string(name)].push_back(std::move(event));
        return unsent;
    } catch (const std::exception& problem) {
        return fail("{}", problem.what());
    }
}

}  // namespace weir::alert
