// weir reload: the daemon reads its configuration again; a refused one changes nothing.
#include <boost/json.hpp>
#include <iostream>

#include "admin/client.h"
#include "cli/subcommand.h"
#include "config/load.h"

namespace weir::cli {
namespace {

/// FILE:LINE:COL: …, as `weir check` has it.
void show_mistakes(const boost::json::object& answer) {
    std::vector<config::Mistake> mistakes;
    for (const auto& each : answer.at("mistakes").as_array())
        mistakes.push_back({each.at("line").to_number<int>(), each.at("column").to_number<int>(),
                            std::string(each.at("message").as_string())});
    std::cerr << config::describe(std::string(answer.at("config").as_string()), mistakes);
}

int reload(const Context& context) {
    auto client = admin::Client::connect(context.socket);
    if (!client) return complain(client.error());
    admin::Request request;
    request.method = "POST";
    request.path = "/api/v1/reload";
    auto response = client->call(request);
    if (!response) return complain(response.error());
    auto answer = boost::json::parse(response->body).as_object();
    if (response->status == 200) {
        std::cout << "reloaded: plan " << answer.at("plan") << " is in force\n";
        return kDone;
    }
    if (answer.contains("mistakes")) {
        show_mistakes(answer);
        return kBadInput;
    }
    return complain({std::string(answer.at("error").as_string())});
}

}  // namespace

Run declare_reload(Options&, const Context& context) {
    return [&context] { return reload(context); };
}

}  // namespace weir::cli
