#include "discovery/resolve.h"

#include <boost/asio/this_coro.hpp>
#include <cstring>

#include "discovery/cares.h"
#include "discovery/value.h"

namespace weir::discovery {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds kLongest{10};

/// One question on its way. It is answered before its channel is gone.
struct Search {
    Search(const asio::any_io_executor& executor, net::Port of) : port(of), changed(executor) {}

    void take(int code, ares_addrinfo* found) {
        status = code;
        for (auto* node = found ? found->nodes : nullptr; node; node = node->ai_next) {
            sockaddr_storage storage{};
            std::memcpy(&storage, node->ai_addr, std::min<size_t>(node->ai_addrlen, sizeof storage));
            if (auto endpoint = net::from_socket_address(storage))
                addresses.push_back({endpoint->address, port});
        }
        if (found) ares_freeaddrinfo(found);
        changed.wake();
    }

    const net::Port port;
    std::optional<int> status;
    std::vector<net::Endpoint> addresses;
    Sleep changed;
};

}  // namespace

Result<HostPort> HostPort::parse(std::string_view text) {
    if (auto endpoint = net::Endpoint::parse(text)) return HostPort{endpoint->address.text(), endpoint->port};
    auto colon = text.rfind(':');
    auto port = net::Port::parse(colon == text.npos ? "" : text.substr(colon + 1));
    auto host = text.substr(0, colon);
    if (!port || host.empty() || host.find_first_of(":[]/ \t") != host.npos)
        return fail("'{}' is no HOST:PORT", excerpt(text));
    return HostPort{std::string(host), *port};
}

asio::awaitable<Result<std::vector<net::Endpoint>>> resolve(HostPort server, Clock& clock) {
    if (auto address = net::Ip::parse(server.host))
        co_return std::vector{net::Endpoint{*address, server.port}};
    auto executor = co_await asio::this_coro::executor;
    Search search(executor, server.port);
    auto cares = Cares::open(executor, clock, {});
    if (!cares) co_return propagate(cares);
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    ares_getaddrinfo((*cares)->get(), server.host.c_str(), nullptr, &hints,
                     [](void* self, int status, int, ares_addrinfo* found) {
                         static_cast<Search*>(self)->take(status, found);
                     },
                     &search);
    (*cares)->watch();
    if (!search.status) co_await search.changed.until(clock, clock.now() + kLongest);
    if (!search.status) co_return fail("cannot resolve {}: no answer", server.host);
    if (*search.status != ARES_SUCCESS)
        co_return fail("cannot resolve {}: {}", server.host, ares_strerror(*search.status));
    if (search.addresses.empty()) co_return fail("cannot resolve {}: it has no address", server.host);
    co_return std::move(search.addresses);
}

}  // namespace weir::discovery
