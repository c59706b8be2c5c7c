#include "admin/routes.h"

#include <boost/json.hpp>

#include "admin/captures.h"
#include "admin/event_stream.h"
#include "admin/flows.h"
#include "admin/metrics.h"
#include "admin/openapi.h"
#include "admin/overrides.h"
#include "admin/query.h"
#include "control/config_json.h"
#include "control/controller.h"
#include "control/difference.h"
#include "control/flow.h"
#include "control/json.h"
#include "control/pools.h"
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

Rendering get_status(const Parts& parts, const Request&) {
    return [report = parts.controller.status()] { return reply(control::status_json(report)); };
}

Rendering get_services(const Parts& parts, const Request&) {
    return [report = parts.controller.status()] { return reply(control::services_json(report.services)); };
}

Rendering get_backends(const Parts& parts, const Request&) {
    return [report = parts.controller.status()] { return reply(control::backends_json(report.backends)); };
}

Rendering get_pools(const Parts& parts, const Request&) {
    auto rows = control::pool_rows(parts.controller.config(), parts.controller.status());
    return [rows = std::move(rows)] { return reply(control::pools_json(rows)); };
}

Rendering get_bgp(const Parts& parts, const Request&) {
    return [report = parts.controller.bgp()] { return reply(control::bgp_json(report)); };
}

Rendering get_sync(const Parts& parts, const Request&) {
    return [report = parts.controller.sync()] { return reply(control::sync_json(report)); };
}

Rendering get_config(const Parts& parts, const Request&) {
    return [config = parts.controller.declared()] { return reply(control::config_json(config)); };
}

Rendering get_openapi(const Parts&, const Request&) {
    return [] { return reply(openapi(routes())); };
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
            overrides = parts.controller.overrides().all(), supplies = parts.controller.supplies(),
            parse = parts.controller.parser(), yaml = request.body] {
        auto config = parse(yaml);
        if (!config) return refused("", config.error());
        auto filled = control::fill(*config, control::carried_over(supplies, *config)).config;
        auto planned = control::preview(filled, known, allowances, overrides);
        return reply(control::difference_json(control::difference(*applied, planned)));
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
    return control::read_flow(parameter(request, "src"), parameter(request, "vip"),
                              parameter(request, "protocol"));
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

template <auto Run>
Rendering with_controller(const Parts& parts, const Request& request) {
    return Run(parts.controller, request);
}

constexpr Parameter kBackendParameters[] = {
    {"backend", "The backend's address", true},
    {"service", "The service, where the override is for one"},
};
constexpr Parameter kEventsParameters[] = {
    {"after", "Those behind this id", false, 0, kLastId},
    {"limit", "So many at most", false, 1, kMostListed},
};
constexpr Parameter kFlowsParameters[] = {
    {"service", "Only of this service"},
    {"backend", "Only of the backend with this address"},
    {"limit", "So many backends at most; default 1000", false, 1, kMostHolders},
};
constexpr Parameter kStreamParameters[] = {
    {"after", "Begin behind this id; the header Last-Event-ID goes before it", false, 0, kLastId},
};
constexpr Parameter kTraceParameters[] = {
    {"src", "ADDRESS:PORT of the client", true},
    {"vip", "ADDRESS:PORT that it calls", true},
    {"protocol", "A name or a number; default tcp"},
};
constexpr Parameter kCaptureParameters[] = {
    {"service", "Only packets that it takes"},
    {"client", "Only packets of this address or prefix"},
    {"count", "So many packets; default 1000", false, 1, 1'000'000},
    {"seconds", "So long; default 60", false, 1, 3600},
    {"snaplen", "Bytes of each; default 9216", false, engine::kShortestSnap, engine::kLongestSnap},
};
constexpr Other kNotYet[] = {{503}};
constexpr Other kBad[] = {{400}};
constexpr Other kRefusedFile[] = {{400, {.schema = "Refusal"}}};
constexpr Other kReloadAnswers[] = {{400, {.schema = "Refusal"}}, {500}};
constexpr Other kNotFound[] = {{400}, {404}};
constexpr Other kTraceAnswers[] = {{400}, {500}};
constexpr Other kOverrideAnswers[] = {{400}, {404}, {500}};
constexpr Other kStreamAnswers[] = {{400}, {503}};
constexpr Other kCaptureAnswers[] = {{400}, {409}};
constexpr Other kSick[] = {{503, {"text/plain"}}};
constexpr Content kYaml{"application/yaml"};

constexpr Route kRoutes[] = {
    {"GET",
     "/api/v1/status",
     get_status,
     "The daemon, what is wrong with it, and its services",
     {.schema = "Status"}},
    {"GET", "/api/v1/services", get_services, "Services with their frontends", {.schema = "Services"}},
    {"GET",
     "/api/v1/backends",
     get_backends,
     "A row for each backend behind each frontend",
     {.schema = "Backends"}},
    {"GET", "/api/v1/pools", get_pools, "Pools with their backends, and who uses them", {.schema = "Pools"}},
    {"GET", "/api/v1/bgp", get_bgp, "BGP peers, and what each is told", {.schema = "Bgp"}},
    {"GET",
     "/api/v1/sync",
     get_sync,
     "The balancers that flows are shared with, and how that goes",
     {.schema = "Sync"}},
    {"GET",
     "/api/v1/flows",
     with_controller<get_flows>,
     "What the flow table is full of, and which backends have how many flows",
     {.schema = "Flows"},
     kNotFound,
     kFlowsParameters},
    {"GET",
     "/api/v1/config",
     get_config,
     "The configuration in force, without its secrets",
     {.schema = "Config"}},
    {"GET", "/api/v1/plan", get_plan, "The plan in force", {.schema = "Plan"}, kNotYet},
    {"POST",
     "/api/v1/plan",
     post_plan,
     "What a configuration would change",
     {.schema = "Difference"},
     kRefusedFile,
     {},
     kYaml},
    {"POST",
     "/api/v1/reload",
     post_reload,
     "Read the configuration file again",
     {.schema = "Reloaded"},
     kReloadAnswers},
    {"GET",
     "/api/v1/trace",
     get_trace,
     "What the datapath does with a flow",
     {.schema = "Trace"},
     kTraceAnswers,
     kTraceParameters},
    {"GET",
     "/api/v1/overrides",
     with_controller<get_overrides>,
     "What was changed by hand",
     {.schema = "Overrides"}},
    {"POST",
     "/api/v1/overrides",
     with_controller<post_overrides>,
     "Change a backend by hand",
     {.schema = "Overridden"},
     kOverrideAnswers,
     {},
     Content{.schema = "Wish"}},
    {"DELETE",
     "/api/v1/overrides",
     with_controller<delete_overrides>,
     "Undo that",
     {.schema = "Overridden"},
     kOverrideAnswers,
     kBackendParameters},
    {"GET", "/api/v1/events", get_events, "What has happened", {.schema = "Events"}, kBad, kEventsParameters},
    {"GET",
     "/api/v1/events/stream",
     get_event_stream,
     "What happens, as server-sent events of Event",
     {"text/event-stream"},
     kStreamAnswers,
     kStreamParameters},
    {"POST",
     "/api/v1/capture",
     post_capture,
     "Packets with what was decided of them",
     {"application/x-pcapng"},
     kCaptureAnswers,
     kCaptureParameters},
    {"GET", "/api/v1/openapi.json", get_openapi, "This description", {.schema = "Anything"}},
    {"GET", "/metrics", get_metrics, "Metrics in Prometheus' text format", {"text/plain"}},
    {"GET",
     "/healthz",
     get_healthz,
     "Whether what the daemon wants is in force",
     {"text/plain"},
     kSick,
     {},
     {},
     true},
};

}  // namespace

std::span<const Route> routes() {
    return kRoutes;
}

}  // namespace weir::admin
