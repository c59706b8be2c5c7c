#include "net/netlink.h"

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <new>

namespace weir::net {
namespace {

constexpr size_t kLargestDatagram = size_t{64} * 1024;  // the kernel fills at most 32 KiB
constexpr int kEventBuffer = 1024 * 1024;
constexpr int kDatagramsAtOnce =
    64;  // so that a flood of events does not keep the thread from its other work

/// The explanation behind an error message, as NETLINK_EXT_ACK adds it.
std::string explain(nlmsghdr* header, int code) {
    std::string text = std::generic_category().message(code);
    auto* error = static_cast<nlmsgerr*>(nlmsg_data(header));
    if (!(header->nlmsg_flags & NLM_F_ACK_TLVS)) return text;
    size_t offset = sizeof *error;
    if (!(header->nlmsg_flags & NLM_F_CAPPED)) offset += error->msg.nlmsg_len - sizeof error->msg;
    auto size = static_cast<size_t>(nlmsg_datalen(header));
    if (offset >= size) return text;
    auto* first = reinterpret_cast<nlattr*>(static_cast<uint8_t*>(nlmsg_data(header)) + NLMSG_ALIGN(offset));
    auto* found = nla_find(first, static_cast<int>(size - offset), NLMSGERR_ATTR_MSG);
    if (found)
        text += fmt::format(
            " ({})", std::string_view(nla_get_string(found),
                                      strnlen(nla_get_string(found), static_cast<size_t>(nla_len(found)))));
    return text;
}

}  // namespace

void Message::Free::operator()(nl_msg* message) const {
    nlmsg_free(message);
}

Message::Message(uint16_t type, uint16_t flags, const void* header, size_t size)
    : message_(nlmsg_alloc_simple(type, flags)) {
    if (!message_ || nlmsg_append(message_.get(), const_cast<void*>(header), size, NLMSG_ALIGNTO) < 0)
        throw std::bad_alloc();
}

Message& Message::put(int attribute, std::span<const uint8_t> bytes) {
    if (nla_put(message_.get(), attribute, static_cast<int>(bytes.size()), bytes.data()) < 0)
        throw std::bad_alloc();
    return *this;
}

Message& Message::put(int attribute, uint32_t value) {
    return put(attribute, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}

Message& Message::nest(int attribute, const std::function<void(Message&)>& fill) {
    auto* begun = nla_nest_start(message_.get(), attribute);
    if (!begun) throw std::bad_alloc();
    fill(*this);
    nla_nest_end(message_.get(), begun);
    return *this;
}

void Netlink::Free::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

Result<Netlink> Netlink::open(int protocol) {
    Netlink netlink(nl_socket_alloc());
    if (!netlink.socket_) throw std::bad_alloc();
    if (int error = nl_connect(netlink.socket_.get(), protocol); error < 0)
        return fail("cannot open a netlink socket: {}", nl_geterror(error));
    int on = 1;  // an older kernel does without the explanations
    setsockopt(netlink.fd(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    netlink.buffer_.resize(kLargestDatagram);
    return netlink;
}

int Netlink::fd() const {
    return nl_socket_get_fd(socket_.get());
}

/// The datagram's size, or a negative errno.
int Netlink::receive(int flags) {
    for (;;) {
        auto size = recv(fd(), buffer_.data(), buffer_.size(), flags | MSG_TRUNC);
        if (size >= 0)
            return static_cast<size_t>(size) <= buffer_.size() ? static_cast<int>(size) : -EMSGSIZE;
        if (errno != EINTR) return -errno;
    }
}

std::expected<void, Refusal> Netlink::ask(const Message& message, const Visitor& visit) {
    auto refuse = [](int code) {
        return std::unexpected(Refusal{code, std::generic_category().message(code)});
    };
    if (nl_send_auto(socket_.get(), message.get()) < 0) return refuse(errno);
    const uint32_t sequence = nlmsg_hdr(message.get())->nlmsg_seq;
    for (;;) {
        int left = receive(0);
        if (left < 0) return refuse(-left);
        auto* header = reinterpret_cast<nlmsghdr*>(buffer_.data());
        for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
            if (header->nlmsg_seq != sequence) continue;
            if (header->nlmsg_type == NLMSG_DONE) return {};
            if (header->nlmsg_type != NLMSG_ERROR) {
                if (visit) visit(*header);
                continue;
            }
            if (nlmsg_datalen(header) < static_cast<int>(sizeof(nlmsgerr))) return refuse(EBADMSG);
            int code = -static_cast<nlmsgerr*>(nlmsg_data(header))->error;
            if (code == 0) return {};
            return std::unexpected(Refusal{code, explain(header, code)});
        }
    }
}

Status Netlink::subscribe(std::initializer_list<int> groups) {
    // Past the limit of net.core.rmem_max with CAP_NET_ADMIN; without it, lost events only cost a second
    // reading.
    setsockopt(fd(), SOL_SOCKET, SO_RCVBUFFORCE, &kEventBuffer, sizeof kEventBuffer);
    for (int group : groups)
        if (int error = nl_socket_add_memberships(socket_.get(), group, 0); error < 0)
            return fail("cannot subscribe to netlink group {}: {}", group, nl_geterror(error));
    return {};
}

Result<Netlink::Events> Netlink::read_events(const Visitor& visit) {
    for (int i = 0; i < kDatagramsAtOnce; i++) {
        int left = receive(MSG_DONTWAIT);
        if (left == -EAGAIN) break;
        if (left == -ENOBUFS || left == -EMSGSIZE) return Events::lost;
        if (left < 0) return fail_with(left, "cannot read netlink events");
        auto* header = reinterpret_cast<nlmsghdr*>(buffer_.data());
        for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) visit(*header);
    }
    return Events::read;
}

}  // namespace weir::net
