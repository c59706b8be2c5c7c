#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "discovery/http_client.h"
#include "discovery/value.h"

namespace weir::discovery {

Result<HttpUrl> HttpUrl::parse(std::string_view text) {
    auto parsed = boost::urls::parse_uri(text);
    auto wrong = [&] {
        return fail("'{}' is not a URL; write http://HOST:PORT/ or https://…", excerpt(text));
    };
    if (parsed.has_error()) return wrong();
    const auto& url = parsed.value();
    bool secure = url.scheme_id() == boost::urls::scheme::https;
    if (!secure && url.scheme_id() != boost::urls::scheme::http) return wrong();
    if (url.host_address().empty()) return wrong();
    if (url.has_userinfo())
        return fail("the URL of '{}' has a user in it; leave that out", url.host_address());
    if (url.has_fragment()) return fail("'{}' has a fragment; leave out what begins with #", excerpt(text));
    HttpUrl out{.secure = secure, .host = url.host_address()};
    out.port = net::Port(secure ? 443 : 80);
    if (url.has_port()) {
        auto port = net::Port::parse(std::string_view(url.port().data(), url.port().size()));
        if (!port) return wrong();
        out.port = *port;
    }
    out.authority = std::string(url.encoded_host_and_port());
    out.target = std::string(url.encoded_target());
    if (!out.target.starts_with('/')) out.target.insert(0, "/");
    return out;
}

std::string HttpUrl::server() const {
    return fmt::format("{}://{}", secure ? "https" : "http", authority);
}

bool is_header_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string escape_for_query(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     std::string_view("-._~").contains(c);
        if (plain)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string HttpAnswer::header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
}

std::string HttpAnswer::complaint() const {
    auto end = body.find_last_not_of(" \r\n");
    auto said = excerpt(std::string_view(body).substr(0, end == body.npos ? 0 : end + 1));
    return said.empty() ? fmt::format("HTTP {}", status) : fmt::format("HTTP {}: {}", status, said);
}

}  // namespace weir::discovery
