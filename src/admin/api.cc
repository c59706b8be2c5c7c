#include "admin/api.h"

#include <boost/json.hpp>

#include "admin/event_stream.h"
#include "admin/metrics.h"
#include "admin/overrides.h"
#include "control/controller.h"
#include "control/difference.h"
#include "control/flow.h"
#include "control/json.h"
#include "control/preview.h"

namespace weir::admin {
namespace {

namespace json = boost::json;
using control::Controller;

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

Rendering get_status(Controller& controller, const Request&) {
    return [report = controller.status()] { return reply(control::status_json(report)); };
}

Rendering get_services(Controller& controller, const Request&) {
    return [report = controller.status()] { return reply(control::services_json(report.services)); };
}

Rendering get_backends(Controller& controller, const Request&) {
    return [report = controller.status()] { return reply(control::backends_json(report.backends)); };
}

Rendering get_plan(Controller& controller, const Request&) {
    auto plan = controller.applied();
    if (!plan) return at_once(error(503, "no plan is in force yet; see /api/v1/status"));
    return [plan, number = controller.applied_number()] { return reply(control::plan_json(*plan, number)); };
}

Rendering post_plan(Controller& controller, const Request& request) {
    auto applied = controller.applied();
    if (!applied) applied = std::make_shared<const model::Plan>();
    return [applied, known = controller.health(), allowances = controller.allowances(),
            overrides = controller.overrides().all(), yaml = request.body] {
        auto planned = control::preview(yaml, known, allowances, overrides);
        if (!planned) return refused("", planned.error());
        return reply(control::difference_json(control::difference(*applied, *planned)));
    };
}

Rendering post_reload(Controller& controller, const Request&) {
    auto done = controller.reload();
    if (!done.accepted()) return at_once(refused(controller.config_path(), done.mistakes));
    if (!done.not_applied.empty())
        return at_once(
            error(500, "the configuration was accepted but could not be applied yet: " + done.not_applied));
    return at_once(reply(json::object{{"plan", controller.applied_number()}}));
}

Result<engine::Flow> flow_of(const Request& request) {
    auto parameter = [&](const char* name) {
        auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    return control::read_flow(parameter("src"), parameter("vip"), parameter("protocol"));
}

Rendering get_trace(Controller& controller, const Request& request) {
    auto flow = flow_of(request);
    if (!flow) return at_once(error(400, flow.error().message));
    auto verdict = controller.trace(*flow);
    if (!verdict) return at_once(error(500, verdict.error().message));
    return at_once(reply(control::trace_json(*flow, *verdict)));
}

Rendering get_metrics(Controller& controller, const Request&) {
    return [report = controller.status()] {
        return Response{200, metrics_text(report), "text/plain; version=0.0.4; charset=utf-8"};
    };
}

/// The daemon's own health: whether what it wants is in force. Services may be down all the same.
Rendering get_healthz(Controller& controller, const Request&) {
    auto problem = controller.not_in_force();
    return at_once({problem.empty() ? 200u : 503u, problem.empty() ? "ok\n" : problem + "\n", "text/plain"});
}

Rendering get_events(Controller& controller, const Request& request) {
    return at_once(list_events(*controller.events(), request));
}

Rendering get_event_stream(Controller& controller, const Request& request) {
    return at_once(stream_events(controller.events(), request));
}

struct Route {
    std::string_view method;
    std::string_view path;
    Rendering (*run)(Controller&, const Request&);
};

constexpr Route kRoutes[] = {
    {"GET", "/api/v1/status", get_status},
    {"GET", "/api/v1/services", get_services},
    {"GET", "/api/v1/backends", get_backends},
    {"GET", "/api/v1/plan", get_plan},
    {"POST", "/api/v1/plan", post_plan},
    {"POST", "/api/v1/reload", post_reload},
    {"GET", "/api/v1/trace", get_trace},
    {"GET", "/api/v1/overrides", get_overrides},
    {"POST", "/api/v1/overrides", post_overrides},
    {"DELETE", "/api/v1/overrides", delete_overrides},
    {"GET", "/api/v1/events", get_events},
    {"GET", "/api/v1/events/stream", get_event_stream},
    {"GET", "/metrics", get_metrics},
    {"GET", "/healthz", get_healthz},
};

Rendering dispatch(Controller& controller, const Request& request) {
    std::string allowed;
    for (const auto& route : kRoutes) {
        if (route.path != request.path) continue;
        if (route.method == request.method) return route.run(controller, request);
        allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    }
    if (allowed.empty()) return at_once(error(404, "there is nothing at " + request.path));
    auto answer = error(405, request.path + " knows " + allowed);
    answer.allow = allowed;
    return at_once(std::move(answer));
}

}  // namespace

Handler api(control::Controller& controller) {
    return [&controller](const Request& request) { return dispatch(controller, request); };
}

}  // namespace weir::admin
