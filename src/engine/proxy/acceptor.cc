#include "engine/proxy/acceptor.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "engine/proxy/tcp_socket.h"

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;

constexpr int kAtOnce = 64;  // connections, before others have their turn
constexpr auto kPause = 100ms;

}  // namespace

Acceptor::Acceptor(const Around& around, UniqueFd listener, Take take)
    : around_(around),
      listener_(std::move(listener)),
      take_(std::move(take)),
      alarm_(around.loop, [this] { go_on(); }) {}

Status Acceptor::open() {
    return around_.loop.watch_level(listener_.get(), *this, EPOLLIN);
}

void Acceptor::close() {
    alarm_.clear();
    listener_.reset();
}

void Acceptor::pause() {
    around_.shared.count(Reason::no_descriptors);
    if (!listener_ || alarm_.is_set()) return;
    around_.loop.forget(listener_.get());
    alarm_.set(around_.loop.now() + kPause);
}

void Acceptor::go_on() {
    if (!open()) alarm_.set(around_.loop.now() + kPause);
}

void Acceptor::ready(uint32_t) {
    for (int left = kAtOnce; left > 0; --left)
        if (!listener_ || alarm_.is_set() || !take_one()) return;
}

/// False: there is none.
bool Acceptor::take_one() {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    UniqueFd client(
        ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client && is_out_of_resources(errno)) pause();
    if (!client)
        return errno != EAGAIN && errno != EWOULDBLOCK;  // others are of the one connection, which has gone
    if (auto endpoint = net::from_socket_address(from)) take_(std::move(client), *endpoint);
    return true;
}

}  // namespace weir::engine::proxy
