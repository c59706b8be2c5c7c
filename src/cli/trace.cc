// weir trace: which backend a flow gets and why, from the datapath itself; nothing is changed by asking.
#include <boost/json.hpp>
#include <iostream>

#include "cli/subcommand.h"
#include "control/flow.h"

namespace weir::cli {
namespace {

struct Asked {
    std::string source;
    std::string frontend;
    bool json = false;
};

/// Both are checked here, so that a slip is bad usage and no failure of the daemon.
Result<admin::Request> request_for(const Asked& asked) {
    auto slash = asked.frontend.find('/');
    auto protocol = slash == std::string::npos ? "tcp" : asked.frontend.substr(slash + 1);
    auto vip = asked.frontend.substr(0, slash);
    if (auto flow = control::read_flow(asked.source, vip, protocol); !flow) return propagate(flow);
    admin::Request request;
    request.path = "/api/v1/trace";
    request.query["src"] = asked.source;
    request.query["vip"] = vip;
    request.query["protocol"] = protocol;
    return request;
}

int trace(const Context& context, const Asked& asked) {
    auto request = request_for(asked);
    if (!request) return refuse(request.error());
    auto answer = ask(context, *request);
    if (!answer) return complain(answer.error());
    if (asked.json) {
        std::cout << *answer;
        return kDone;
    }
    auto verdict = boost::json::parse(*answer).as_object();
    auto text = [&](const char* name) { return std::string_view(verdict.at(name).as_string()); };
    std::cout << text("action");
    if (verdict.at("backend").is_string()) std::cout << " to " << text("backend");
    std::cout << " (" << text("reason") << ")\n";
    return kDone;
}

}  // namespace

Run declare_trace(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    options.argument("SRC:PORT", asked->source, "The client");
    options.argument("VIP:PORT[/PROTO]", asked->frontend, "Whom it calls; tcp unless it says otherwise");
    options.flag("--json", asked->json, "Print what the API returns");
    return [asked, &context] { return trace(context, *asked); };
}

}  // namespace weir::cli
