// HTTP requests and answers as values, between the sockets (server.h, client.h) and what is done with them
// (api.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::admin {

/// What a client may do: look, or change things too.
enum class Role : uint8_t { none, views, operates };

struct Request {
    std::string method = "GET";
    std::string path;
    std::map<std::string, std::string> query;
    std::string body;
    std::string from;  // who asks: a user of this machine, or an address; only where it may change something
    Role role = Role::none;
    std::string last_event_id;  // of a stream of events that is taken up again
    // Of a request over TCP, which a web page may have sent:
    bool over_tcp = false;
    std::string host;           // the Host header
    bool marked = false;        // it has the header X-Weir, which no page of another origin can set
    std::string authorization;  // the header, as it is
};

class Source;

struct Response {
    unsigned status = 200;
    std::string body;
    std::string content_type = "application/json";
    std::map<std::string, std::string> headers{};  // further ones
    std::shared_ptr<Source> source{};  // instead of the body: what it gives is sent as it comes (source.h)
};

/// Makes the answer from values of its own: it may run in any thread.
using Rendering = std::move_only_function<Response()>;

/// Of an answer that is there already.
Rendering at_once(Response response);

/// Takes what the answer needs from the daemon, on the control thread, and leaves the slow part to the
/// rendering.
using Handler = std::function<Rendering(const Request&)>;

/// {"error": message}.
Response error(unsigned status, std::string_view message);

/// Path and query, decoded; brackets of IPv6 addresses need not be encoded.
Result<Request> parse_target(std::string_view target);
/// The reverse.
std::string target_of(const Request& request);

/// The answer to a request that is not to be served: over TCP, a Host that is a name (DNS rebinding), or
/// anything but GET without the mark (cross-site requests). Otherwise status 0.
Response guard(const Request& request);

}  // namespace weir::admin
