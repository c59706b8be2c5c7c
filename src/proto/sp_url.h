// Where a queue is, as nanomsg and nng write it.
#pragma once

#include <string>
#include <string_view>

#include "net/ip.h"
#include "proto/sp_wire.h"

namespace weir::proto::sp {

/// `tcp://192.0.2.1:1024`, `tcp://[2001:db8::1]:1024`, `tcp://name:1024`, `tcp://*:1024` (to listen on every
/// address) or `ipc:///run/queue`.
struct Url {
    Transport transport = Transport::tcp;
    std::string host{};  // without brackets; "*": every address
    net::Port port{1};   // of TCP
    std::string path{};  // of a unix socket

    static Result<Url> parse(std::string_view text);
    std::string text() const;
    bool operator==(const Url&) const = default;
};

}  // namespace weir::proto::sp
