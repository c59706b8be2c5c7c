// weir plan: what a configuration would change in the running daemon; where none runs, all that would be
// programmed.
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "admin/client.h"
#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"
#include "config/load.h"
#include "control/json.h"
#include "control/preview.h"

namespace weir::cli {
namespace {

using Show = void (*)(std::ostream& out, const boost::json::value& value, bool coloured);

int print(const boost::json::value& value, bool json, Show show) {
    if (json)
        std::cout << boost::json::serialize(value) << '\n';
    else
        show(std::cout, value, coloured_output());
    return kDone;
}

int ask_daemon(const Context& context, const std::string& file, bool json) {
    std::ifstream in(file);
    std::ostringstream yaml;
    yaml << in.rdbuf();
    if (!in) return complain({"cannot read " + file});
    admin::Request request;
    request.method = "POST";
    request.path = "/api/v1/plan";
    request.body = std::move(yaml).str();
    auto answer = ask_about_config(context, request, file);
    if (!answer) return answer.error();
    return print(boost::json::parse(*answer), json, show_difference);
}

int plan(const Context& context, const std::string& file, bool json) {
    auto loaded = context.daemon->load(file);
    if (!loaded) return refuse(file, loaded.error());
    auto daemon = admin::Client::find(context.socket);
    if (!daemon) return complain(daemon.error());
    if (*daemon) return ask_daemon(context, file, json);
    return print(control::plan_json(control::preview(*loaded, {}), std::nullopt), json, show_plan);
}

}  // namespace

Run declare_plan(Options& options, const Context& context) {
    struct Asked {
        std::string file;
        bool json = false;
    };
    auto asked = std::make_shared<Asked>();
    options.argument("FILE", asked->file, "The configuration, weir.yaml(5)");
    options.flag("--json", asked->json, "Print it as JSON");
    return [asked, &context] { return plan(context, asked->file, asked->json); };
}

}  // namespace weir::cli
