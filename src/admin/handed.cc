#include "admin/handed.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

namespace weir::admin {
namespace {

constexpr size_t kMostSockets = 64;
constexpr size_t kLongestMessage = 1024;
constexpr std::string_view kLetters = "uci";  // of Origin

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

/// Those that came, whatever the text says, so that none stays open unseen.
std::vector<UniqueFd> descriptors_in(msghdr& message) {
    std::vector<UniqueFd> descriptors;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
            descriptors.emplace_back(descriptor);
        }
    }
    return descriptors;
}

}  // namespace

Status send_sockets(int peer, const std::vector<Handed>& sockets) {
    if (sockets.empty() || sockets.size() > kMostSockets)
        return fail("cannot hand {} sockets over; 1 to {} can be", sockets.size(), kMostSockets);
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
    auto sent = ::sendmsg(peer, &message.header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != static_cast<ssize_t>(letters.size())) return fail_with(errno, "cannot hand the sockets over");
    return {};
}

void send_refusal(int peer, std::string_view why) {
    auto text = "!" + std::string(why.substr(0, kLongestMessage - 1));
    if (::send(peer, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        spdlog::warn("another daemon asked to take over, and went away");
}

Result<std::vector<Handed>> receive_sockets(const UniqueFd& peer) {
    std::array<char, kLongestMessage> text{};
    Message message(text.data(), text.size());
    auto received = ::recvmsg(peer.get(), &message.header, MSG_CMSG_CLOEXEC);
    if (received < 0) return fail_with(errno, "cannot take the sockets over");
    auto descriptors = descriptors_in(message.header);
    std::string_view letters(text.data(), static_cast<size_t>(received));
    if (letters.starts_with('!')) return fail("{}", letters.substr(1));
    bool cut = message.header.msg_flags & MSG_CTRUNC;
    if (letters.empty() || letters.find_first_not_of(kLetters) != letters.npos ||
        (cut ? descriptors.size() > letters.size() : descriptors.size() != letters.size()))
        return fail("the running daemon does not hand over to this version; stop it first");
    std::vector<Handed> sockets;
    sockets.reserve(descriptors.size());
    for (size_t i = 0; i < descriptors.size(); ++i)
        sockets.push_back({static_cast<Origin>(kLetters.find(letters[i])), std::move(descriptors[i])});
    if (cut)
        spdlog::error("only {} of {} sockets could be taken over: too many open files", sockets.size(),
                      letters.size());
    return sockets;
}

}  // namespace weir::admin
