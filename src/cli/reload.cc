// weir reload: the daemon reads its configuration again; a refused one changes nothing.
#include <boost/json.hpp>
#include <iostream>

#include "cli/subcommand.h"

namespace weir::cli {
namespace {

int reload(const Context& context) {
    admin::Request request;
    request.method = "POST";
    request.path = "/api/v1/reload";
    auto answer = ask_about_config(context, request, "");
    if (!answer) return answer.error();
    std::cout << "reloaded: plan " << boost::json::parse(*answer).at("plan") << " is in force\n";
    return kDone;
}

}  // namespace

Run declare_reload(Options&, const Context& context) {
    return [&context] { return reload(context); };
}

}  // namespace weir::cli
