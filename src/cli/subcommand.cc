#include "cli/subcommand.h"

#include <boost/json.hpp>
#include <iostream>

#include "admin/client.h"

namespace weir::cli {

int complain(const Error& error) {
    std::cerr << "weir: " << error.message << '\n';
    return kFailed;
}

Result<std::string> ask(const Context& context, const admin::Request& request) {
    auto client = admin::Client::connect(context.socket);
    if (!client) return propagate(client);
    auto response = client->call(request);
    if (!response) return propagate(response);
    if (response->status == 200) return std::move(response->body);
    boost::system::error_code code;
    auto answer = boost::json::parse(response->body, code);
    if (!code && answer.is_object() && answer.get_object().contains("error"))
        return fail("{}", std::string_view(answer.at("error").as_string()));
    return fail("the daemon answered with status {}", response->status);
}

Run listing(Options& options, const Context& context, const std::string& path,
            void (*show)(const boost::json::value& answer)) {
    auto json = std::make_shared<bool>(false);
    options.flag("--json", *json, "Print what the API returns");
    return [json, &context, path, show] {
        admin::Request request;
        request.path = path;
        auto answer = ask(context, request);
        if (!answer) return complain(answer.error());
        if (*json)
            std::cout << *answer;
        else
            show(boost::json::parse(*answer));
        return int{kDone};
    };
}

}  // namespace weir::cli
