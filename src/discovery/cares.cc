#include "discovery/cares.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstring>
#include <map>

namespace weir::discovery {

namespace asio = boost::asio;

/// One of c-ares's sockets, which closes it itself.
struct Cares::Socket : std::enable_shared_from_this<Socket> {
    Socket(const asio::any_io_executor& executor, ares_socket_t of) : fd(of), descriptor(executor) {
        boost::system::error_code error;
        descriptor.assign(fd, error);  // what cannot be waited for times out
    }
    ~Socket() { let_go(); }
    void let_go() {
        if (descriptor.is_open()) descriptor.release();
    }

    struct Direction {
        bool wanted = false;
        bool waiting = false;
    };

    const ares_socket_t fd;
    asio::posix::stream_descriptor descriptor;
    Direction reading, writing;
};

struct Cares::Sockets {
    std::map<ares_socket_t, std::shared_ptr<Socket>> open;
};

Cares::Cares(asio::any_io_executor executor, Clock& clock)
    : executor_(std::move(executor)), clock_(clock), sockets_(std::make_unique<Sockets>()) {}

Cares::~Cares() {
    next_.reset();
    if (channel_) ares_destroy(channel_);
}

Result<std::unique_ptr<Cares>> Cares::open(asio::any_io_executor executor, Clock& clock,
                                           const CaresOptions& options) {
    static const int ready = ares_library_init(ARES_LIB_INIT_ALL);
    if (ready != ARES_SUCCESS) return fail("c-ares does not start: {}", ares_strerror(ready));
    std::unique_ptr<Cares> made(new Cares(std::move(executor), clock));
    if (auto begun = made->begin(options); !begun) return propagate(begun);
    return made;
}

Status Cares::begin(const CaresOptions& options) {
    constexpr int kMostDatagram = 1232;  // arrives in one piece nearly everywhere
    ares_options with{};
    with.flags = ARES_FLAG_EDNS | (options.tcp ? ARES_FLAG_USEVC : 0) |
                 (options.as_received ? ARES_FLAG_NOCHECKRESP : 0);
    with.timeout = static_cast<int>(options.timeout.count());
    with.tries = 2;
    with.ednspsz = kMostDatagram;
    with.sock_state_cb_data = this;
    with.sock_state_cb = [](void* self, ares_socket_t fd, int reads, int writes) {
        static_cast<Cares*>(self)->note(fd, reads != 0, writes != 0);
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    int status = ares_init_options(&channel_, &with, mask);
    if (status != ARES_SUCCESS) {
        channel_ = nullptr;
        return fail("c-ares does not start: {}", ares_strerror(status));
    }
    return options.servers.empty() ? Status() : use(options.servers);
}

Status Cares::use(const std::vector<net::Endpoint>& servers) {
    std::vector<ares_addr_port_node> nodes(servers.size());
    for (size_t i = 0; i < servers.size(); i++) {
        const auto& [address, port] = servers[i];
        nodes[i].next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
        nodes[i].family = address.is_v4() ? AF_INET : AF_INET6;
        nodes[i].udp_port = nodes[i].tcp_port = port.value();
        std::memcpy(&nodes[i].addr, address.bytes().data(), address.bytes().size());
    }
    int status = ares_set_servers_ports(channel_, nodes.data());
    if (status != ARES_SUCCESS) return fail("c-ares does not take its servers: {}", ares_strerror(status));
    return {};
}

std::vector<net::Endpoint> Cares::servers() const {
    std::vector<net::Endpoint> servers;
    ares_addr_port_node* nodes = nullptr;
    if (ares_get_servers_ports(channel_, &nodes) != ARES_SUCCESS) return servers;
    constexpr uint16_t kDnsPort = 53;
    for (auto* node = nodes; node; node = node->next) {
        net::Port port(node->udp_port ? static_cast<uint16_t>(node->udp_port) : kDnsPort);
        std::array<uint8_t, 4> v4;
        std::array<uint8_t, 16> v6;
        std::memcpy(v4.data(), &node->addr, v4.size());
        std::memcpy(v6.data(), &node->addr, v6.size());
        servers.push_back({node->family == AF_INET ? net::Ip::v4(v4) : net::Ip::v6(v6), port});
    }
    ares_free_data(nodes);
    return servers;
}

/// c-ares says what it waits for; for nothing when it is about to close the socket.
void Cares::note(ares_socket_t fd, bool reads, bool writes) {
    auto& open = sockets_->open;
    auto found = open.find(fd);
    if (!reads && !writes) {
        if (found == open.end()) return;
        found->second->let_go();
        open.erase(found);
        return;
    }
    if (found == open.end()) found = open.emplace(fd, std::make_shared<Socket>(executor_, fd)).first;
    found->second->reading.wanted = reads;
    found->second->writing.wanted = writes;
}

void Cares::wait(Socket& socket, bool to_read) {
    auto& direction = to_read ? socket.reading : socket.writing;
    if (!direction.wanted || direction.waiting || !socket.descriptor.is_open()) return;
    direction.waiting = true;
    auto ready = [this, to_read, weak = socket.weak_from_this()](boost::system::error_code error) {
        auto self = weak.lock();
        if (!self || error) return;
        (to_read ? self->reading : self->writing).waiting = false;
        process(to_read ? self->fd : ARES_SOCKET_BAD, to_read ? ARES_SOCKET_BAD : self->fd);
    };
    using Descriptor = asio::posix::stream_descriptor;
    socket.descriptor.async_wait(to_read ? Descriptor::wait_read : Descriptor::wait_write, std::move(ready));
}

void Cares::process(ares_socket_t to_read, ares_socket_t to_write) {
    ares_process_fd(channel_, to_read, to_write);
    watch();
}

void Cares::watch() {
    for (auto& [fd, socket] : sockets_->open)
        for (bool to_read : {true, false}) wait(*socket, to_read);
    timeval span{};
    next_.reset();
    if (!ares_timeout(channel_, nullptr, &span)) return;
    // Rounded up: c-ares does nothing a moment too early.
    auto due = std::chrono::seconds(span.tv_sec) + std::chrono::microseconds(span.tv_usec) +
               std::chrono::milliseconds(1);
    next_ = clock_.after(due, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
}

}  // namespace weir::discovery
