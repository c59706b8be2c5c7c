// Datagrams by the dozen: read by recvmmsg, sent by sendmmsg, and where several of one size follow each
// other, as one message each way (UDP_GRO and UDP_SEGMENT, where the kernel has them). Of one thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <vector>

#include "net/ip.h"

namespace weir::engine::proxy {

inline constexpr size_t kUdpBatch = 64;

/// One datagram, or several of one size (the last may be shorter) that the kernel has put together.
struct Arrival {
    std::span<std::byte> bytes;
    size_t segment = 0;  // the size of each
    const sockaddr_storage* source = nullptr;
    bool in_fragments = false;  // it came so

    /// An empty datagram is one too.
    size_t datagrams() const { return bytes.size() <= segment ? 1 : (bytes.size() + segment - 1) / segment; }
    /// The first `size` bytes' whole datagrams.
    Arrival first(size_t size) const;
};

/// Room for what is read: so many messages of the greatest size. Memory that was never written to costs none.
class UdpInbox {
  public:
    UdpInbox();

    /// Into the places [first, first + most): how many came, or errno. Fewer than `most`: there are no more
    /// now, unless the socket has an error, which it tells next time.
    std::expected<size_t, int> receive(int socket, size_t first, size_t most);
    Arrival at(size_t place) const;

  private:
    static constexpr size_t kControl = 64;
    struct Place {
        iovec bytes;
        sockaddr_storage source;
        alignas(cmsghdr) std::array<std::byte, kControl> control;
    };
    std::unique_ptr<std::byte[]> memory_;
    std::unique_ptr<std::array<Place, kUdpBatch>> places_;
    std::array<mmsghdr, kUdpBatch> headers_{};
};

/// What is to be sent, in its order. The bytes are borrowed until they are sent or cleared.
class UdpOutbox {
  public:
    struct Amount {
        size_t datagrams = 0;
        size_t bytes = 0;
        Amount operator-(const Amount& other) const {
            return {datagrams - other.datagrams, bytes - other.bytes};
        }
    };

    /// `to`: nothing for a connected socket.
    void add(const Arrival& arrival, const net::Endpoint* to);

    /// 0 once all is sent; else the error of the message in front, which stays there with all behind it. A
    /// message of several datagrams that the way out cannot take as one is sent again as single ones first.
    int send(int socket);

    /// Of the message in front: what one of its datagrams has.
    size_t front_size() const { return messages_[next_].segment; }
    /// Lets the message in front go.
    void skip();
    void clear();
    bool empty() const { return next_ == messages_.size(); }
    Amount left() const { return left_; }

  private:
    struct Message {
        size_t first_piece;
        size_t pieces;
        size_t size;
        size_t segment;
        size_t datagrams;
        net::Endpoint to;
        bool has_to;
    };
    bool join(std::span<std::byte> bytes, size_t segment, size_t datagrams, const net::Endpoint* to);
    void add_one(std::span<std::byte> bytes, size_t segment, size_t datagrams, const net::Endpoint* to);
    int send_one(int socket, const Message& message);
    int send_some(int socket);
    void prepare(size_t place, const Message& message);
    void split_front();

    std::vector<iovec> pieces_;
    std::vector<Message> messages_;
    size_t next_ = 0;
    Amount left_;
    std::array<mmsghdr, kUdpBatch> headers_{};
    std::array<net::SocketAddress, kUdpBatch> names_;
    struct alignas(cmsghdr) Control {
        std::array<std::byte, CMSG_SPACE(sizeof(uint16_t))> bytes;
    };
    std::array<Control, kUdpBatch> controls_{};
};

}  // namespace weir::engine::proxy
