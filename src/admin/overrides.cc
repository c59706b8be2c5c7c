#include "admin/overrides.h"

#include <algorithm>
#include <boost/json.hpp>

#include "admin/query.h"
#include "control/controller.h"
#include "control/json.h"

namespace weir::admin {
namespace {

namespace json = boost::json;
using control::Controller;

constexpr int64_t kLongestDrain = int64_t{7} * 24 * 3600;

struct Asked {
    model::OverrideKey key;
    control::Wish wish;
};

Status read_backend(const std::string& text, net::Ip& into) {
    auto address = net::Ip::parse(text);
    if (!address) return fail("backend: {}", address.error().message);
    into = *address;
    return {};
}

Result<std::string> text_in(std::string_view name, const json::value& value) {
    if (!value.is_string()) return fail("{} must be a text", name);
    return std::string(value.get_string());
}

Result<int64_t> number_in(std::string_view name, const json::value& value, int64_t least, int64_t most) {
    if (!value.is_int64() || value.get_int64() < least || value.get_int64() > most)
        return fail("{} must be a whole number from {} to {}", name, least, most);
    return value.get_int64();
}

Status take(Asked& asked, std::string_view name, const json::value& value) {
    if (value.is_null()) return {};
    if (name == "backend" || name == "service" || name == "state") {
        auto text = text_in(name, value);
        if (!text) return propagate(text);
        if (name == "backend") return read_backend(*text, asked.key.backend);
        if (name == "service") {
            asked.key.service = *text;
            return {};
        }
        auto state = model::read_admin_state(*text);
        if (!state) return propagate(state, "state");
        asked.wish.state = *state;
        return {};
    }
    if (name == "weight") {
        auto weight = number_in(name, value, 0, model::kLargestWeight);
        if (!weight) return propagate(weight);
        asked.wish.weight = static_cast<uint32_t>(*weight);
        return {};
    }
    if (name == "deadline_seconds") {
        auto seconds = number_in(name, value, 1, kLongestDrain);
        if (!seconds) return propagate(seconds);
        asked.wish.drain_for = std::chrono::seconds(*seconds);
        return {};
    }
    return fail("unknown field '{}'; there are backend, service, state, weight and deadline_seconds", name);
}

Result<Asked> read_asked(const std::string& body) {
    boost::system::error_code code;
    auto parsed = json::parse(body, code);
    if (code) return fail("the body is no JSON: {}", code.message());
    if (!parsed.is_object()) return fail("the body must be an object");
    const auto& object = parsed.get_object();
    Asked asked;
    for (const auto& [name, value] : object)
        if (auto done = take(asked, std::string_view(name.data(), name.size()), value); !done)
            return propagate(done);
    if (!object.contains("backend")) return fail("backend is missing: an address");
    if (!asked.wish.state && !asked.wish.weight) return fail("state or weight is missing");
    if (asked.wish.drain_for && asked.wish.state != model::AdminState::draining)
        return fail("only a drain has a deadline: state must be draining");
    return asked;
}

/// After a change: the override as it is now, null where it is gone.
Rendering changed(Controller& controller, const model::OverrideKey& key, const std::string& not_applied) {
    if (!not_applied.empty())
        return at_once(error(500, "accepted, but not in force yet; it is tried again: " + not_applied));
    auto rows = controller.override_rows();
    auto keeping = controller.keeping();
    json::object answer{{"plan", controller.applied_number()}, {"override", nullptr}, {"warning", ""}};
    auto row = std::ranges::find(rows, key, &control::OverrideRow::key);
    if (row != rows.end()) answer["override"] = control::override_json(*row);
    if (!keeping.saved) answer["warning"] = keeping.problem;
    return at_once({200, json::serialize(answer) + "\n"});
}

std::string where_else(const model::Overrides& overrides, const model::OverrideKey& key) {
    std::string places;
    for (const auto& [other, override] : overrides)
        if (other.backend == key.backend)
            places += (places.empty() ? "" : ", ") +
                      (other.service.empty() ? std::string("everywhere") : "in service " + other.service);
    return places.empty() ? "; `weir overrides` lists all" : "; it has one " + places;
}

}  // namespace

Rendering get_overrides(Controller& controller, const Request&) {
    return [rows = controller.override_rows()] {
        return Response{200, json::serialize(control::overrides_json(rows)) + "\n"};
    };
}

Rendering post_overrides(Controller& controller, const Request& request) {
    auto asked = read_asked(request.body);
    if (!asked) return at_once(error(400, asked.error().message));
    if (auto known = control::known(controller.config(), asked->key); !known)
        return at_once(error(404, known.error().message));
    auto not_applied = controller.set_override(asked->key, asked->wish, request.from);
    return changed(controller, asked->key, not_applied);
}

Rendering delete_overrides(Controller& controller, const Request& request) {
    model::OverrideKey key{{}, parameter(request, "service")};
    if (auto read = read_backend(parameter(request, "backend"), key.backend); !read)
        return at_once(error(400, read.error().message));
    auto not_applied = controller.lift_override(key, request.from);
    if (!not_applied)
        return at_once(error(404, "there is no override of " + text_of(key) +
                                      (key.service.empty() ? " for every service" : "") +
                                      where_else(controller.overrides().all(), key)));
    return changed(controller, key, *not_applied);
}

}  // namespace weir::admin
