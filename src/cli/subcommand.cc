#include "cli/subcommand.h"

#include <boost/json.hpp>
#include <iostream>

#include "admin/client.h"
#include "config/load.h"

namespace weir::cli {

int complain(const Error& error) {
    std::cerr << "weir: " << error.message << '\n';
    return kFailed;
}

int refuse(const Error& error) {
    complain(error);
    return kBadInput;
}

int refuse(const std::string& file, const std::vector<config::Mistake>& mistakes) {
    std::cerr << config::describe(file, mistakes);
    return kBadInput;
}

namespace {

int pass_on_refusal(const boost::json::object& answer, const std::string& file) {
    std::vector<config::Mistake> mistakes;
    for (const auto& each : answer.at("mistakes").as_array())
        mistakes.push_back({each.at("line").to_number<int>(), each.at("column").to_number<int>(),
                            std::string(each.at("message").as_string())});
    return refuse(file.empty() ? std::string(answer.at("config").as_string()) : file, mistakes);
}

Result<admin::Response> call(const Context& context, const admin::Request& request) {
    auto client = admin::Client::connect(context.socket);
    if (!client) return propagate(client);
    return client->call(request);
}

}  // namespace

Result<std::string> ask(const Context& context, const admin::Request& request) {
    auto response = call(context, request);
    if (!response) return propagate(response);
    if (response->status == 200) return std::move(response->body);
    return fail("{}", admin::complaint_in(*response));
}

std::expected<std::string, int> ask_about_config(const Context& context, const admin::Request& request,
                                                 const std::string& file) {
    auto response = call(context, request);
    if (!response) return std::unexpected(complain(response.error()));
    if (response->status == 200) return std::move(response->body);
    boost::system::error_code code;
    auto answer = boost::json::parse(response->body, code);
    if (code || !answer.is_object() || !answer.get_object().contains("mistakes"))
        return std::unexpected(complain({admin::complaint_in(*response)}));
    return std::unexpected(pass_on_refusal(answer.get_object(), file));
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
