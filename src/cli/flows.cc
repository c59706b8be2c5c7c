// weir flows: what the flow table is full of, and a line for each backend of each service that has flows.
#include <boost/json.hpp>
#include <iostream>

#include "admin/flows.h"
#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"
#include "net/ip.h"

namespace weir::cli {
namespace {

struct Asked {
    std::string service;
    std::string backend;
    size_t limit = 1000;
    bool json = false;
};

int flows(const Context& context, const Asked& asked) {
    admin::Request request;
    request.path = "/api/v1/flows";
    request.query["limit"] = std::to_string(asked.limit);
    if (!asked.service.empty()) request.query["service"] = asked.service;
    if (!asked.backend.empty()) {
        auto address = net::Ip::parse(asked.backend);
        if (!address) return refuse({"--backend: " + address.error().message});
        request.query["backend"] = address->text();
    }
    auto answer = ask(context, request);
    if (!answer) return complain(answer.error());
    if (asked.json)
        std::cout << *answer;
    else
        show_flows(std::cout, boost::json::parse(*answer), coloured_output());
    return kDone;
}

}  // namespace

Run declare_flows(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    options.option("--service", asked->service, "Only of this service");
    options.option("--backend", asked->backend, "Only of the backend with this address");
    options.number("--limit", asked->limit, 1, admin::kMostHolders,
                   "So many lines at most, those with the most flows");
    options.flag("--json", asked->json, "Print what the API returns");
    return [asked, &context] { return flows(context, *asked); };
}

}  // namespace weir::cli
