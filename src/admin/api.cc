#include "admin/api.h"

#include <boost/json.hpp>

#include "admin/captures.h"
#include "admin/event_stream.h"
#include "admin/metrics.h"
#include "admin/overrides.h"
#include "control/difference.h"
#include "control/flow.h"
#include "control/json.h"
#include "control/controller.h"
#include "control/preview.h"

namespace weir::admin {
namespace {

namespace json = boost::json;

Response reply(const json::value& value, unsigned status = 200) {
    return {status, json::serialize(value) + "\n"};
}

Response refused(const std::string& file, const std::vector<config::Mistake>& mistakes) {
    json::object object{{"error", "the configuration is refused; nothing was changed"},
                        {"config", file},
                        {"mistakes", control::mistakes_json(mistakes)}};
    return reply(object, 400);
}

Rendering at_once(Response response) {
    return [response = std::move(response)]() mutable { return std::move(response); };
}

Rendering get_status(const Parts& parts, const Request&) {
    return [report = parts.controller.status()] { return reply(control::status_json(report)); };
}

Rendering get_services(const Parts& parts, const Request&) {
    return [report = parts.controller.status()] { return reply(control::services_json(report.services)); };
}

Rendering get_backends(const Parts& parts, const Request&) {
    return [report = parts.controller.status()] { return reply(control::backends_json(report.backends)); };
}

Rendering get_plan(const Parts& parts, const Request&) {
    auto plan = parts.controller.applied();
    if (!plan) return at_once(error(503, "no plan is in force yet; see /api/v1/status"));
    return [plan, number = parts.controller.applied_number()] {
        return reply(control::plan_json(*plan, number));
    };
}

Rendering post_plan(const Parts& parts, const Request& request) {
    auto applied = parts.controller.applied();
    if (!applied) applied = std::make_shared<const model::Plan>();
    return [applied, known = parts.controller.health(), allowances = parts.controller.allowances(),
            overrides = parts.controller.overrides().all(), yaml = request.body] {
        auto planned = control::preview(yaml, known, allowances, overrides);
        if (!planned) return refused("", planned.error());
        return reply(control::difference_json(control::difference(*applied, *planned)));
    };
}

Rendering post_reload(const Parts& parts, const Request&) {
    auto done = parts.controller.reload();
    if (!done.accepted()) return at_once(refused(parts.controller.config_path(), done.mistakes));
    if (!done.not_applied.empty())
        return at_once(
            error(500, "the configuration was accepted but could not be applied yet: " + done.not_applied));
    return at_once(reply(json::object{{"plan", parts.controller.applied_number()}}));
}

Result<engine::Flow> flow_of(const Request& request) {
    auto parameter = [&](const char* name) {
        auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    return control::read_flow(parameter("src"), parameter("vip"), parameter("protocol"));
}

Rendering get_trace(const Parts& parts, const Request& request) {
    auto flow = flow_of(request);
    if (!flow) return at_once(error(400, flow.error().message));
    auto verdict = parts.controller.trace(*flow);
    if (!verdict) return at_once(error(500, verdict.error().message));
    return at_once(reply(control::trace_json(*flow, *verdict)));
}

Rendering get_metrics(const Parts& parts, const Request&) {
    Measured measured{parts.controller.status(), parts.tally};
    return [measured = std::move(measured)] {
        return Response{200, metrics_text(measured), "text/plain; version=0.0.4; charset=utf-8"};
    };
}

/// The daemon's own health: whether what it wants is in force. Services may be down all the same. Why not is
/// for those who may look.
Rendering get_healthz(const Parts& parts, const Request& request) {
    std::string problem = parts.controller.not_in_force();
    if (!problem.empty() && request.role == Role::none) problem = "not in force";
    return at_once({problem.empty() ? 200u : 503u, problem.empty() ? "ok\n" : problem + "\n", "text/plain"});
}

Rendering get_events(const Parts& parts, const Request& request) {
    return at_once(list_events(*parts.controller.events(), request));
}

Rendering get_event_stream(const Parts& parts, const Request& request) {
    return at_once(stream_events(parts.controller.events(), request));
}

Rendering post_capture(const Parts& parts, const Request& request) {
    return at_once(parts.captures.start(request));
}

struct Route {
    std::string_view method;
    std::string_view path;
    Rendering (*run)(const Parts&, const Request&);
};

template <auto Run>
Rendering with_controller(const Parts& parts, const Request& request) {
    return Run(parts.controller, request);
}

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/status", get_status},
    {"GET", "/api/v1/services", get_services},
    {"GET", "/api/v1/backends", get_backends},
    {"GET", "/api/v1/plan", get_plan},
    {"POST", "/api/v1/plan", post_plan},
    {"POST", "/api/v1/reload", post_reload},
    {"GET", "/api/v1/trace", get_trace},
    {"GET", "/api/v1/overrides", with_controller<get_overrides>},
    {"POST", "/api/v1/overrides", with_controller<post_overrides>},
    {"DELETE", "/api/v1/overrides", with_controller<delete_overrides>},
    {"GET", "/api/v1/events", get_events},
    {"GET", "/api/v1/events/stream", get_event_stream},
    {"POST", "/api/v1/capture", post_capture},
    {"GET", "/metrics", get_metrics},
    {"GET", "/healthz", get_healthz},
};

Rendering dispatch(const Parts& parts, const Request& request) {
    std::string allowed;
    for (const auto& route : kRoutes) {
        if (route.path != request.path) continue;
        if (route.method == request.method) return route.run(parts, request);
        allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    }
    if (allowed.empty()) return at_once(error(404, "there is nothing at " + request.path));
    auto answer = error(405, request.path + " knows " + allowed);
    answer.headers["Allow"] = allowed;
    return at_once(std::move(answer));
}

}  // namespace

Handler api(const Parts& parts) {
    return [parts](const Request& request) { return dispatch(parts, request); };
}

}  // namespace weir::admin
