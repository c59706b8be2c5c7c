// A netlink socket and its messages: requests that wait for the kernel's answer, and subscriptions to its
// events. libnl builds and parses; sending and reading are here, because libnl folds the kernel's error
// numbers together. A socket belongs to the network namespace of the thread that opened it, and to one thread
// at a time.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"

struct nl_msg;
struct nl_sock;

namespace weir::net {

/// A message under construction: netlink's header, the family's fixed header, then attributes.
class Message {
  public:
    template <class FamilyHeader>
        requires std::is_trivially_copyable_v<FamilyHeader>
    Message(uint16_t type, uint16_t flags, const FamilyHeader& header)
        : Message(type, flags, &header, sizeof header) {}

    Message& put(int attribute, std::span<const uint8_t> bytes);
    Message& put(int attribute, uint32_t value);
    /// An attribute of attributes: those that `fill` puts.
    Message& nest(int attribute, const std::function<void(Message&)>& fill);

    nl_msg* get() const { return message_.get(); }

  private:
    struct Free {
        void operator()(nl_msg* message) const;
    };
    Message(uint16_t type, uint16_t flags, const void* header, size_t size);

    std::unique_ptr<nl_msg, Free> message_;
};

/// The kernel's no: an errno value, and its text with the kernel's own explanation where it gave one.
struct Refusal {
    int code;
    std::string message;
};

class Netlink {
  public:
    using Visitor = std::function<void(const nlmsghdr&)>;
    enum class Events { read, lost };

    static Result<Netlink> open(int protocol = NETLINK_ROUTE);

    /// Sends, waits, and shows the answer's messages to `visit`. A dump (NLM_F_DUMP) that the kernel changed
    /// meanwhile may miss what a subscription then tells.
    std::expected<void, Refusal> ask(const Message& message, const Visitor& visit = {});

    Status subscribe(std::initializer_list<int> groups);
    /// Shows the events that have come, without waiting, at most some hundred at a time. `lost`: the kernel
    /// dropped events, read everything again.
    Result<Events> read_events(const Visitor& visit);
    /// Readable when there are events. Still owned by this object.
    int fd() const;

  private:
    struct Free {
        void operator()(nl_sock* socket) const;
    };
    explicit Netlink(nl_sock* socket) : socket_(socket) {}
    int receive(int flags);

    std::unique_ptr<nl_sock, Free> socket_;
    std::vector<uint8_t> buffer_;
};

}  // namespace weir::net
