#include "admin/api.h"

#include "admin/routes.h"

namespace weir::admin {
namespace {

Rendering dispatch(const Parts& parts, const Request& request) {
    std::string allowed;
    for (const auto& route : routes()) {
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
