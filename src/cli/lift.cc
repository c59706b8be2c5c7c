// weir lift: what was changed of a backend by hand is no more; the configuration counts again.
#include <boost/json.hpp>
#include <iostream>

#include "cli/override.h"

namespace weir::cli {

Run declare_lift(Options& options, const Context& context) {
    auto whom = std::make_shared<Whom>();
    options.argument("BACKEND", whom->backend, "The backend's address");
    options.option("--service", whom->service, "The override of this service; otherwise that for all");
    return [whom, &context] {
        if (int status = check(*whom); status != kDone) return status;
        admin::Request request;
        request.method = "DELETE";
        request.path = "/api/v1/overrides";
        request.query["backend"] = whom->backend;
        if (!whom->service.empty()) request.query["service"] = whom->service;
        auto answer = ask(context, request);
        if (!answer) return complain(answer.error());
        warn(boost::json::parse(*answer));
        std::cout << text_of(*whom) << ": as the configuration says\n";
        return int{kDone};
    };
}

}  // namespace weir::cli
