#include "config/sections.h"
#include "model/plan.h"

namespace weir::config {
namespace {

constexpr net::Port kLowest{0};
constexpr uint16_t kEveryPort = 0xffff;  // behind the lowest

}  // namespace

Result<model::ServicePort> read_service_port(std::string_view text) {
    auto slash = text.find('/');
    auto ports = text.substr(0, slash);
    bool every = ports == "any";
    auto name = slash != text.npos ? text.substr(slash + 1) : every ? "any" : "tcp";
    auto protocol = model::read_protocol(name);
    if (every) {
        if (!protocol)
            return fail("unknown protocol '{}'; write any/tcp, any/gre or any/47, or any alone", name);
        return model::ServicePort{kLowest, *protocol, kEveryPort};
    }
    auto dash = ports.find('-');
    auto first = net::Port::parse(ports.substr(0, dash));
    auto last = dash == ports.npos ? first : net::Port::parse(ports.substr(dash + 1));
    if (!first || !last) return fail("'{}' is not a port; write one such as 80/tcp or 53/udp", text);
    if (dash != ports.npos && *first >= *last)
        return fail("the range '{}' does not rise; write the lower port before the higher", ports);
    if (!protocol) return fail("unknown protocol '{}'; write {}/tcp or {}/udp", name, ports, ports);
    if (!model::has_ports(*protocol))
        return fail("'{}' names a port, which only tcp, udp and sctp have; write {}{}", text,
                    *protocol == model::Protocol::any ? "" : "any/", name);
    return model::ServicePort{*first, *protocol, static_cast<uint16_t>(last->value() - first->value())};
}

}  // namespace weir::config
