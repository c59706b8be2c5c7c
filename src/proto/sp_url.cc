#include "proto/sp_url.h"

#include <sys/un.h>

#include <algorithm>
#include <cctype>

namespace weir::proto::sp {
namespace {

constexpr size_t kLongestHost = 253;

bool is_host(std::string_view host) {
    auto allowed = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("-._").contains(c);
    };
    return host == "*" ||
           (!host.empty() && host.size() <= kLongestHost && std::ranges::all_of(host, allowed));
}

Result<Url> parse_ipc(std::string_view path) {
    if (!path.starts_with('/') || path.size() >= sizeof(sockaddr_un::sun_path) || path.contains('\0'))
        return fail("'ipc://{}' is no queue; write ipc:// and a socket's absolute path of at most {} bytes",
                    path, sizeof(sockaddr_un::sun_path) - 1);
    return Url{.transport = Transport::ipc, .path = std::string(path)};
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    constexpr std::string_view kTcp = "tcp://", kIpc = "ipc://";
    if (text.starts_with(kIpc)) return parse_ipc(text.substr(kIpc.size()));
    auto wrong = fail("'{}' is no queue; write tcp://HOST:PORT, tcp://*:PORT or ipc:///PATH", text);
    if (!text.starts_with(kTcp)) return wrong;
    auto rest = text.substr(kTcp.size());
    if (auto endpoint = net::Endpoint::parse(rest))
        return Url{.host = endpoint->address.text(), .port = endpoint->port};
    auto colon = rest.rfind(':');
    if (colon == rest.npos) return wrong;
    auto port = net::Port::parse(rest.substr(colon + 1));
    auto host = rest.substr(0, colon);
    if (!port || !is_host(host)) return wrong;
    return Url{.host = std::string(host), .port = *port};
}

std::string Url::text() const {
    if (transport == Transport::ipc) return "ipc://" + path;
    const bool is_v6 = host.contains(':');
    return fmt::format("tcp://{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port.value());
}

}  // namespace weir::proto::sp
