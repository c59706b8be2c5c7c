#include "engine/proxy/udp_batch.h"

#include <netinet/udp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::engine::proxy {
namespace {

constexpr size_t kGreatest = 65536;  // no datagram has more, nor what the kernel puts together
/// Between one place and the next: not a power of two, so that the beginnings do not all share one set of the
/// cache.
constexpr size_t kStride = kGreatest + 192;
constexpr size_t kMostSegments = 64;     // of every kernel that has UDP_SEGMENT
constexpr size_t kMostTogether = 65507;  // bytes of one IPv4 packet, less its headers

/// What the kernel says to datagrams that it cannot send as one: a device without checksums, a socket without
/// them, a path too narrow for the size of one.
bool refuses_segments(int error) {
    return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP ||
           error == ENOPROTOOPT;
}

bool is_fragment_size(const cmsghdr& control) {
    return (control.cmsg_level == IPPROTO_IP && control.cmsg_type == IP_RECVFRAGSIZE) ||
           (control.cmsg_level == IPPROTO_IPV6 && control.cmsg_type == IPV6_RECVFRAGSIZE);
}

/// What the kernel has said beside the bytes.
void read_control(msghdr& header, Arrival& arrival) {
    for (auto* each = CMSG_FIRSTHDR(&header); each; each = CMSG_NXTHDR(&header, each)) {
        if (is_fragment_size(*each)) arrival.in_fragments = true;
        if (each->cmsg_level != IPPROTO_UDP || each->cmsg_type != UDP_GRO) continue;
        int segment = 0;
        std::memcpy(&segment, CMSG_DATA(each), sizeof segment);
        if (segment > 0) arrival.segment = static_cast<size_t>(segment);
    }
}

}  // namespace

Arrival Arrival::first(size_t size) const {
    if (size >= bytes.size()) return *this;
    return {bytes.first(segment == 0 ? 0 : size / segment * segment), segment, source};
}

UdpInbox::UdpInbox()
    : memory_(std::make_unique_for_overwrite<std::byte[]>(kStride * kUdpBatch)),
      places_(std::make_unique<std::array<Place, kUdpBatch>>()) {
    for (size_t i = 0; i < kUdpBatch; ++i) {
        auto& place = (*places_)[i];
        place.bytes = {.iov_base = memory_.get() + i * kStride, .iov_len = kGreatest};
        headers_[i].msg_hdr.msg_iov = &place.bytes;
        headers_[i].msg_hdr.msg_iovlen = 1;
        headers_[i].msg_hdr.msg_name = &place.source;
        headers_[i].msg_hdr.msg_control = place.control.data();
    }
}

std::expected<size_t, int> UdpInbox::receive(int socket, size_t first, size_t most) {
    for (size_t i = first; i < first + most; ++i) {
        headers_[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
        headers_[i].msg_hdr.msg_controllen = kControl;
    }
    int count;
    do {
        count = ::recvmmsg(socket, &headers_[first], static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return std::unexpected(errno);
    return static_cast<size_t>(count);
}

Arrival UdpInbox::at(size_t place) const {
    auto header = headers_[place];
    const auto& here = (*places_)[place];
    Arrival arrival{.bytes = {static_cast<std::byte*>(here.bytes.iov_base), header.msg_len},
                    .segment = header.msg_len,
                    .source = &here.source};
    if (header.msg_hdr.msg_controllen != 0) read_control(header.msg_hdr, arrival);
    return arrival;
}

void UdpOutbox::add(const Arrival& arrival, const net::Endpoint* to) {
    left_.datagrams += arrival.datagrams();
    left_.bytes += arrival.bytes.size();
    if (arrival.datagrams() == 1) {
        add_one(arrival.bytes, arrival.bytes.size(), 1, to);
        return;
    }
    const size_t most = std::min(kMostSegments, kMostTogether / arrival.segment) * arrival.segment;
    for (auto rest = arrival.bytes; !rest.empty();) {
        const auto part = rest.first(std::min(rest.size(), most));
        rest = rest.subspan(part.size());
        const Arrival piece{part, arrival.segment};
        add_one(part, std::min(arrival.segment, part.size()), piece.datagrams(), to);
    }
}

void UdpOutbox::add_one(std::span<std::byte> bytes, size_t segment, size_t datagrams,
                        const net::Endpoint* to) {
    if (join(bytes, segment, datagrams, to)) return;
    messages_.push_back({.first_piece = pieces_.size(),
                         .pieces = 1,
                         .size = bytes.size(),
                         .segment = segment,
                         .datagrams = datagrams,
                         .to = to ? *to : net::Endpoint{},
                         .has_to = to != nullptr});
    pieces_.push_back({.iov_base = bytes.data(), .iov_len = bytes.size()});
}

/// To the message that was added last, if it is one of full datagrams of this size: a shorter one is the
/// last.
bool UdpOutbox::join(std::span<std::byte> bytes, size_t segment, size_t datagrams, const net::Endpoint* to) {
    if (empty() || bytes.empty()) return false;
    auto& last = messages_.back();
    const bool fits = segment == last.segment || (datagrams == 1 && segment < last.segment);
    if (!fits || last.size == 0 || last.size % last.segment != 0) return false;
    if (last.datagrams + datagrams > kMostSegments || last.size + bytes.size() > kMostTogether) return false;
    if (to && *to != last.to) return false;
    pieces_.push_back({.iov_base = bytes.data(), .iov_len = bytes.size()});
    ++last.pieces;
    last.size += bytes.size();
    last.datagrams += datagrams;
    return true;
}

int UdpOutbox::send(int socket) {
    while (!empty()) {
        const int error = send_some(socket);
        if (error == 0 || error == EINTR) continue;
        if (messages_[next_].datagrams == 1 || !refuses_segments(error)) return error;
        split_front();
    }
    clear();
    return 0;
}

int UdpOutbox::send_some(int socket) {
    const size_t count = std::min(messages_.size() - next_, kUdpBatch);
    if (count == 1 && messages_[next_].datagrams == 1) return send_one(socket, messages_[next_]);
    for (size_t i = 0; i < count; ++i) prepare(i, messages_[next_ + i]);
    const int sent = ::sendmmsg(socket, headers_.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent < 0) return errno;
    for (int i = 0; i < sent; ++i) skip();
    return 0;
}

int UdpOutbox::send_one(int socket, const Message& message) {
    const auto& bytes = pieces_[message.first_piece];
    if (message.has_to) names_[0] = net::to_socket_address(message.to);
    const auto sent =
        ::sendto(socket, bytes.iov_base, bytes.iov_len, MSG_DONTWAIT,
                 message.has_to ? names_[0].get() : nullptr, message.has_to ? names_[0].size : 0);
    if (sent < 0) return errno;
    skip();
    return 0;
}

void UdpOutbox::prepare(size_t place, const Message& message) {
    auto& header = headers_[place].msg_hdr;
    header = {};
    header.msg_iov = &pieces_[message.first_piece];
    header.msg_iovlen = message.pieces;
    if (message.has_to) {
        names_[place] = net::to_socket_address(message.to);
        header.msg_name = &names_[place].storage;
        header.msg_namelen = names_[place].size;
    }
    if (message.datagrams == 1) return;
    header.msg_control = &controls_[place];
    header.msg_controllen = sizeof(Control);
    auto* control = CMSG_FIRSTHDR(&header);
    control->cmsg_level = IPPROTO_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const auto segment = static_cast<uint16_t>(message.segment);
    std::memcpy(CMSG_DATA(control), &segment, sizeof segment);
}

/// Each piece holds whole datagrams: they are cut where they begin.
void UdpOutbox::split_front() {
    const auto whole = messages_[next_];
    std::vector<Message> singles;
    for (size_t i = whole.first_piece; i < whole.first_piece + whole.pieces; ++i) {
        auto* start = static_cast<std::byte*>(pieces_[i].iov_base);
        const size_t end = pieces_[i].iov_len;
        for (size_t at = 0; at < end; at += whole.segment) {
            const size_t size = std::min(whole.segment, end - at);
            singles.push_back({pieces_.size(), 1, size, size, 1, whole.to, whole.has_to});
            pieces_.push_back({.iov_base = start + at, .iov_len = size});
        }
    }
    const auto place = messages_.begin() + static_cast<ptrdiff_t>(next_);
    *place = singles.front();
    messages_.insert(place + 1, singles.begin() + 1, singles.end());
}

void UdpOutbox::skip() {
    const auto& gone = messages_[next_++];
    left_ = left_ - Amount{gone.datagrams, gone.size};
}

void UdpOutbox::clear() {
    pieces_.clear();
    messages_.clear();
    next_ = 0;
    left_ = {};
}

}  // namespace weir::engine::proxy
