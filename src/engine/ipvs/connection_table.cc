#include "engine/ipvs/connection_table.h"

#include <netinet/in.h>

#include <charconv>
#include <sstream>

namespace weir::engine::ipvs {
namespace {

std::optional<uint32_t> read_hexadecimal(std::string_view text) {
    uint32_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<net::Ip> read_address(std::string_view text) {
    if (text.find(':') != std::string_view::npos) {
        auto ip = net::Ip::parse(text);
        return ip ? std::optional(*ip) : std::nullopt;
    }
    auto number = read_hexadecimal(text);
    if (!number || text.size() != 8) return std::nullopt;
    return net::Ip::v4({static_cast<uint8_t>(*number >> 24), static_cast<uint8_t>(*number >> 16),
                        static_cast<uint8_t>(*number >> 8), static_cast<uint8_t>(*number)});
}

std::optional<net::Endpoint> read_endpoint(std::istringstream& words) {
    std::string address, port;
    if (!(words >> address >> port)) return std::nullopt;
    auto ip = read_address(address);
    auto number = read_hexadecimal(port);
    if (!ip || !number || *number > 0xffff) return std::nullopt;
    return net::Endpoint{*ip, net::Port(static_cast<uint16_t>(*number))};
}

std::optional<uint8_t> read_protocol(std::string_view text) {
    if (text == "TCP") return IPPROTO_TCP;
    if (text == "UDP") return IPPROTO_UDP;
    if (text == "SCTP") return IPPROTO_SCTP;
    return std::nullopt;
}

}  // namespace

std::optional<Connection> read_connection(std::string_view line) {
    std::istringstream words{std::string(line)};
    std::string name;
    words >> name;
    auto protocol = read_protocol(name);
    if (!protocol) return std::nullopt;
    auto client = read_endpoint(words);
    auto service = client ? read_endpoint(words) : std::nullopt;
    auto destination = service ? read_endpoint(words) : std::nullopt;
    if (!destination) return std::nullopt;
    return Connection{*protocol, *client, *service, *destination};
}

}  // namespace weir::engine::ipvs
