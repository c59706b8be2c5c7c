#include "control/flow.h"

namespace weir::control {
namespace {

Result<net::Endpoint> read_end(std::string_view text, bool with_port) {
    if (with_port) {
        auto end = net::Endpoint::parse(text);
        return end ? end : fail("{}; ADDRESS:PORT is wanted", end.error().message);
    }
    auto address = net::Ip::parse(text);
    if (!address) return fail("{}; ADDRESS is wanted, the protocol has no ports", address.error().message);
    return net::Endpoint{*address, net::Port(0)};
}

}  // namespace

Result<engine::Flow> read_flow(std::string_view source, std::string_view vip, std::string_view protocol) {
    auto of = protocol.empty() ? model::Protocol::tcp : model::read_protocol(protocol);
    if (!of) return propagate(of, "protocol");
    if (*of == model::Protocol::any) return fail("protocol: a packet has one, such as tcp");
    auto from = read_end(source, model::has_ports(*of));
    if (!from) return propagate(from, "src");
    auto to = read_end(vip, model::has_ports(*of));
    if (!to) return propagate(to, "vip");
    if (from->address.family() != to->address.family())
        return fail("src and vip must be of one address family");
    return engine::Flow{*from, {to->address, to->port, *of}};
}

}  // namespace weir::control
