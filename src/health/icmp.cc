// The ICMP check: an echo request to the VIP, and its reply (RFC 792, RFC 4443). The payload is random:
// nobody answers it who has not seen it.
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <random>
#include <span>

#include "health/kinds.h"
#include "net/checksum.h"

namespace weir::health {

namespace asio = boost::asio;

namespace {

constexpr size_t kChecksum = 2;  // where it begins
constexpr size_t kMessage = 64;
constexpr size_t kMostPacket = 60 + kMessage;  // with the longest IP header; longer ones are no answers

struct Types {
    char request, reply;
};

Types types_of(const net::Ip& address) {
    return address.is_v4() ? Types{8, 0} : Types{static_cast<char>(128), static_cast<char>(129)};
}

std::string make_request(const net::Endpoint& to) {
    uint16_t identifier = to.port.value();
    std::string request{types_of(to.address).request,  0, 0, 0, static_cast<char>(identifier >> 8),
                        static_cast<char>(identifier), 0, 1};
    std::random_device random;
    while (request.size() < kMessage) request += static_cast<char>(random());
    if (!to.address.is_v4()) return request;  // the kernel sums these up, with the addresses
    uint16_t sum =
        net::Checksum().add({reinterpret_cast<const uint8_t*>(request.data()), request.size()}).value();
    request[kChecksum] = static_cast<char>(sum >> 8);
    request[kChecksum + 1] = static_cast<char>(sum);
    return request;
}

/// `packet`: as a raw socket gives it, over IPv4 with the IP header.
bool answers(std::string_view packet, const std::string& request, const net::Ip& from) {
    if (from.is_v4()) {
        size_t header = packet.empty() ? 0 : (packet[0] & 0xf) * size_t{4};
        if (packet.size() < header) return false;
        packet.remove_prefix(header);
    }
    return packet.size() == request.size() && packet[0] == types_of(from).reply && packet[1] == 0 &&
           packet.substr(kChecksum + 2) == std::string_view(request).substr(kChecksum + 2);
}

}  // namespace

asio::awaitable<Verdict> run(const model::IcmpCheck&, const Errand& errand) {
    auto executor = co_await asio::this_coro::executor;
    auto echoes = reach(errand, net::Carrier::icmp, executor);
    if (!echoes) co_return echoes.error();
    auto request = make_request(echoes->peer());
    std::string packet(kMostPacket, '\0');
    size_t filled = 0;
    auto room = asio::buffer(packet);
    auto code = co_await echoes->send(request);
    do {
        if (!code) code = co_await echoes->receive(room, &filled);
        if (code == asio::error::timed_out) co_return Verdict{false, "L4TOUT"};
        if (code) co_return no_way(code);
    } while (!answers(std::string_view(packet).substr(0, filled), request, echoes->peer().address));
    co_return Verdict{true, "L4OK"};
}

}  // namespace weir::health
