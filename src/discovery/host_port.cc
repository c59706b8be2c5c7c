#include "discovery/host_port.h"

#include <algorithm>

namespace weir::discovery {
namespace {

/// As DNS knows them, and with the underscore that some networks' names have.
bool is_host_name(std::string_view text) {
    auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '.' || c == '_';
    };
    return !text.empty() && text.size() <= 253 && text.front() != '-' && std::ranges::all_of(text, fits);
}

}  // namespace

Result<HostPort> HostPort::parse(std::string_view text) {
    if (auto endpoint = net::Endpoint::parse(text)) return HostPort{endpoint->address.text(), endpoint->port};
    auto colon = text.rfind(':');
    if (colon == text.npos) return fail("'{}' has no port; write HOST:PORT", text);
    auto port = net::Port::parse(text.substr(colon + 1));
    if (!port || !is_host_name(text.substr(0, colon)))
        return fail("'{}' is no HOST:PORT; write a name or an address, an IPv6 one in brackets", text);
    return HostPort{std::string(text.substr(0, colon)), *port};
}

std::string HostPort::text() const {
    auto format = host.find(':') == host.npos ? "{}:{}" : "[{}]:{}";
    return fmt::format(fmt::runtime(format), host, port.value());
}

}  // namespace weir::discovery
