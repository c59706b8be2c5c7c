#include "cli/override.h"

#include <boost/json.hpp>
#include <iostream>

#include "net/ip.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

std::string_view text_at(const json::value& of, const char* name) {
    return of.at(name).as_string();
}

/// An override for everywhere does not count in a service that has one of its own.
void tell_of_others(const Context& context, const Whom& whom, const json::object& body) {
    if (!whom.service.empty()) return;
    admin::Request request;
    request.path = "/api/v1/overrides";
    auto answer = ask(context, request);
    if (!answer) return;
    const json::value rows = json::parse(*answer);
    for (const auto& row : rows.as_array()) {
        if (text_at(row, "backend") != whom.backend || row.at("service").is_null()) continue;
        for (const char* field : {"state", "weight"})
            if (body.contains(field) && !row.at(field).is_null() && row.at(field) != body.at(field))
                std::cerr << fmt::format("weir: in service {} an override of its own wins: {} {}\n",
                                         text_at(row, "service"), field, json::serialize(row.at(field)));
    }
}

}  // namespace

void declare_whom(Options& options, Whom& whom) {
    options.argument("BACKEND", whom.backend, "The backend's address");
    options.option("--service", whom.service, "In this service only; otherwise in all that have the backend");
}

std::string text_of(const Whom& whom) {
    return whom.service.empty() ? whom.backend : whom.backend + " in service " + whom.service;
}

void warn(const json::value& answer) {
    if (auto warning = text_at(answer, "warning"); !warning.empty()) std::cerr << "weir: " << warning << '\n';
}

int check(Whom& whom) {
    auto address = net::Ip::parse(whom.backend);
    if (!address) return refuse(address.error());
    whom.backend = address->text();
    return kDone;
}

int change(const Context& context, Whom& whom, json::object body) {
    if (int status = check(whom); status != kDone) return status;
    body["backend"] = whom.backend;
    if (!whom.service.empty()) body["service"] = whom.service;
    admin::Request request;
    request.method = "POST";
    request.path = "/api/v1/overrides";
    request.body = json::serialize(body);
    auto answer = ask(context, request);
    if (!answer) return complain(answer.error());
    warn(json::parse(*answer));
    tell_of_others(context, whom, body);
    return kDone;
}

int change_until_lifted(const Context& context, Whom& whom, json::object body, const std::string& what) {
    int status = change(context, whom, std::move(body));
    if (status == kDone)
        std::cout << fmt::format("{}: {}; `weir lift` goes back to the configuration\n", text_of(whom), what);
    return status;
}

Result<std::optional<json::object>> override_now(const Context& context, const Whom& whom) {
    admin::Request request;
    request.path = "/api/v1/overrides";
    auto answer = ask(context, request);
    if (!answer) return propagate(answer);
    const json::value rows = json::parse(*answer);
    for (const auto& row : rows.as_array()) {
        std::string_view service = row.at("service").is_null() ? "" : text_at(row, "service");
        if (text_at(row, "backend") == whom.backend && service == whom.service) return row.as_object();
    }
    return std::nullopt;
}

}  // namespace weir::cli
