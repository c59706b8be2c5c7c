#include "admin/http.h"

#include <boost/json.hpp>
#include <boost/url.hpp>

#include "net/ip.h"

namespace weir::admin {
namespace {

/// `localhost`, an address, or an address in brackets; a port may follow.
bool names_no_domain(std::string_view host) {
    if (net::Endpoint::parse(host) || net::Ip::parse(host)) return true;
    if (host.starts_with('[') && host.ends_with(']')) return true;
    return host == "localhost" || host.starts_with("localhost:");
}

}  // namespace

Response error(unsigned status, std::string_view message) {
    boost::json::object object{{"error", boost::json::string_view(message.data(), message.size())}};
    return {status, boost::json::serialize(object) + "\n"};
}

Result<Request> parse_target(std::string_view target) {
    std::string encoded;
    for (char c : target) encoded += c == '[' ? "%5B" : c == ']' ? "%5D" : std::string(1, c);
    auto url = boost::urls::parse_origin_form(encoded);
    if (!url) return fail("bad request target: {}", url.error().message());
    Request request;
    request.path = url->path();
    for (auto parameter : url->params()) request.query[parameter.key] = parameter.value;
    return request;
}

std::string target_of(const Request& request) {
    boost::urls::url url;
    url.set_path(request.path);
    for (const auto& [key, value] : request.query) url.params().append({key, value});
    // The library writes a plus as it is, and reads it as a blank.
    std::string target;
    for (char c : url.encoded_target()) target += c == '+' ? "%2B" : std::string(1, c);
    return target;
}

Response guard(const Request& request) {
    if (!request.over_tcp) return {0, ""};
    if (!names_no_domain(request.host))
        return error(403,
                     "the Host header must be an address or localhost, so that no web page gets here by its "
                     "own name");
    if (request.method != "GET" && !request.marked)
        return error(403, "over TCP, requests that change something need the header 'X-Weir: 1'");
    return {0, ""};
}

Rendering at_once(Response response) {
    return [response = std::move(response)]() mutable { return std::move(response); };
}

}  // namespace weir::admin
