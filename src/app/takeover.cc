#include "app/takeover.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace weir::app {
namespace {

constexpr auto kSayWho = std::chrono::seconds(2);
constexpr auto kPause = std::chrono::milliseconds(100);
constexpr size_t kMostSockets = 64;
constexpr size_t kLongestAnswer = 1024;
constexpr std::string_view kLetters = "uci";  // of admin::Origin

std::string path_of(const std::string& path) {
    return path + ".takeover";
}

/// A message with room for descriptors beside its text, which outlives it.
class Message {
  public:
    Message(char* text, size_t size) : text_{text, size} {
        header.msg_iov = &text_;
        header.msg_iovlen = 1;
        header.msg_control = control_.data();
        header.msg_controllen = control_.size();
    }
    Message(const Message&) = delete;

    msghdr header{};

  private:
    iovec text_;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostSockets * sizeof(int))> control_{};
};

bool is_friend(int peer) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return false;
    return who.uid == 0 || who.uid == ::geteuid();
}

Status send_sockets(int peer, const std::vector<admin::Handed>& sockets) {
    if (sockets.size() > kMostSockets) return fail("more than {} sockets", kMostSockets);
    std::string letters;
    std::vector<int> descriptors;
    for (const auto& each : sockets) {
        letters += kLetters[static_cast<size_t>(each.origin)];
        descriptors.push_back(each.socket.get());
    }
    Message message(letters.data(), letters.size());
    message.header.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message.header);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
    auto sent = ::sendmsg(peer, &message.header, MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(letters.size())) return fail_with(errno, "cannot hand the sockets over");
    return {};
}

Result<std::vector<admin::Handed>> receive_sockets(const UniqueFd& peer) {
    std::array<char, kLongestAnswer> letters{};
    Message message(letters.data(), letters.size());
    auto received = ::recvmsg(peer.get(), &message.header, MSG_CMSG_CLOEXEC);
    if (received < 0) return fail_with(errno, "cannot take the sockets over");
    std::string_view text_of(letters.data(), static_cast<size_t>(received));
    if (text_of.starts_with('!')) return fail("{}", text_of.substr(1));
    std::vector<admin::Handed> sockets;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message.header); header;
         header = CMSG_NXTHDR(&message.header, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
            auto origin = kLetters.find(i < text_of.size() ? text_of[i] : '?');
            sockets.push_back({static_cast<admin::Origin>(origin), UniqueFd(descriptor)});
        }
    }
    bool known = std::ranges::all_of(
        sockets, [](const auto& each) { return static_cast<size_t>(each.origin) < kLetters.size(); });
    if (sockets.empty() || !known)
        return fail("the running daemon does not hand over to this version; stop it first");
    return sockets;
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

Handover::Handover(boost::asio::any_io_executor executor, std::function<std::vector<admin::Handed>()> give,
                   std::function<void()> leave)
    : listening_(executor),
      next_(executor),
      timer_(executor),
      give_(std::move(give)),
      leave_(std::move(leave)) {}

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
    std::array<char, kLongestAnswer> request{};
    auto received = ::recv(next_.native_handle(), request.data(), request.size(), 0);
    if (received <= 0) return wait();
    if (std::string_view(request.data(), static_cast<size_t>(received)) != pins_) {
        auto refusal = fmt::format("!another daemon runs with `--pin {}`; stop it, or use its --pin", pins_);
        if (::send(next_.native_handle(), refusal.data(), refusal.size(), MSG_NOSIGNAL) < 0)
            spdlog::warn("another daemon asked to take over, and went away");
        return wait();
    }
    if (auto sent = send_sockets(next_.native_handle(), give_()); !sent)
        spdlog::error("{}; stopping all the same, because nothing listens any more", sent.error().message);
    leave_();
}

Result<std::vector<admin::Handed>> take_over(const std::string& path, const std::string& pins,
                                             std::chrono::milliseconds limit) {
    auto address = admin::unix_address(path_of(path));
    if (!address) return propagate(address);
    UniqueFd peer(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!peer) return fail_with(errno, "cannot open a unix socket");
    if (::connect(peer.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
        return std::vector<admin::Handed>();
    if (::send(peer.get(), pins.data(), pins.size(), MSG_NOSIGNAL) < 0)
        return fail_with(errno, "cannot ask the daemon at {} to hand over", path);
    auto until = std::chrono::steady_clock::now() + limit;
    auto late = [&] {
        return fail("the daemon at {} does not give way within {} s; stop it first", path,
                    std::chrono::duration_cast<std::chrono::seconds>(limit).count());
    };
    if (!is_readable(peer, until)) return late();
    auto sockets = receive_sockets(peer);
    if (!sockets) return sockets;
    spdlog::info("taking over from the daemon at {}", path);
    if (!is_readable(peer, until)) return late();
    return sockets;
}

}  // namespace weir::app
