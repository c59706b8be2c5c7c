#include "app/takeover.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace weir::app {
namespace {

constexpr auto kSayWho = std::chrono::seconds(2);
constexpr auto kPause = std::chrono::milliseconds(100);
constexpr size_t kLongestRequest = 1024;

std::string path_of(const std::string& path) {
    return path + ".takeover";
}

bool is_friend(int peer) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return false;
    return who.uid == 0 || who.uid == ::geteuid();
}

/// To the running daemon; none where none runs.
Result<UniqueFd> connect(const std::string& path) {
    auto address = admin::unix_address(path_of(path));
    if (!address) return propagate(address);
    UniqueFd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!peer) return fail_with(errno, "cannot open a unix socket");
    if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        peer.reset();
    return peer;
}

/// Until something comes, or the other end closes.
bool is_readable(const UniqueFd& peer, std::chrono::steady_clock::time_point until) {
    for (;;) {
        auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd wanted{.fd = peer.get(), .events = POLLIN, .revents = 0};
        auto ready = ::poll(&wanted, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

}  // namespace

Handover::Handover(const boost::asio::any_io_executor& executor, Daemon daemon)
    : listening_(executor), next_(executor), timer_(executor), daemon_(std::move(daemon)) {}

Status Handover::listen(const std::string& path, const std::string& pins) {
    auto file = admin::UnixListener::open(path_of(path));
    if (!file) return propagate(file);
    listening_.assign(file->take_socket().release());
    file_.emplace(std::move(*file));
    pins_ = pins;
    wait();
    return {};
}

void Handover::wait() {
    next_.close();
    listening_.async_wait(Descriptor::wait_read, [this](boost::system::error_code error) {
        if (error) return;
        int peer = ::accept4(listening_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0) return pause();
        next_.assign(peer);
        is_friend(peer) ? meet() : wait();
    });
}

/// Most likely no descriptors are left: to try again at once would only spin.
void Handover::pause() {
    timer_.expires_after(kPause);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) wait();
    });
}

/// Whoever says nothing must not keep others from taking over.
void Handover::meet() {
    timer_.expires_after(kSayWho);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) next_.cancel(error);
    });
    next_.async_wait(Descriptor::wait_read, [this](boost::system::error_code error) {
        timer_.cancel();
        error ? wait() : answer();
    });
}

void Handover::answer() {
    std::array<char, kLongestRequest> request{};
    auto received = ::recv(next_.native_handle(), request.data(), request.size(), 0);
    if (received <= 0) return wait();
    if (std::string_view(request.data(), static_cast<size_t>(received)) != pins_) {
        admin::send_refusal(
            next_.native_handle(),
            fmt::format("another daemon runs with `--pin {}`; stop it, or use its --pin", pins_));
        return wait();
    }
    auto sockets = daemon_.give();
    if (auto sent = admin::send_sockets(next_.native_handle(), sockets); !sent) {
        spdlog::error("another daemon asked to take over, and this one goes on: {}", sent.error().message);
        daemon_.take_back(std::move(sockets));
        return wait();
    }
    sockets.clear();
    daemon_.leave();
}

bool can_take_over(const std::string& path) {
    return connect(path).value_or(UniqueFd()).get() >= 0;
}

Result<std::optional<std::vector<admin::Handed>>> take_over(const std::string& path, const std::string& pins,
                                                            std::chrono::milliseconds limit) {
    auto peer = connect(path);
    if (!peer) return propagate(peer);
    if (!*peer) return std::nullopt;
    if (::send(peer->get(), pins.data(), pins.size(), MSG_NOSIGNAL) < 0)
        return fail_with(errno, "cannot ask the daemon at {} to hand over", path);
    auto until = std::chrono::steady_clock::now() + limit;
    auto late = [&] {
        return fail("the daemon at {} does not give way within {} s; stop it first", path,
                    std::chrono::duration_cast<std::chrono::seconds>(limit).count());
    };
    if (!is_readable(*peer, until)) return late();
    auto sockets = admin::receive_sockets(*peer);
    if (!sockets) return propagate(sockets);
    spdlog::info("taking over from the daemon at {}", path);
    if (!is_readable(*peer, until)) return late();
    return *std::move(sockets);
}

}  // namespace weir::app
