// What a probe's connection and its datagrams have in common: a passage's socket, one deadline, and how it
// ends.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <cstring>
#include <memory>

#include "health/connection.h"
#include "net/passage.h"

namespace weir::health {

/// Shared by its owner and the deadline's timer. `Socket` is Asio's for TCP or UDP.
template <class Socket>
struct Line {
    using Code = boost::system::error_code;
    using Endpoint = typename Socket::endpoint_type;
    using Protocol = typename Socket::protocol_type;

    Line(const boost::asio::any_io_executor& executor, net::Passage way)
        : passage(std::move(way)), socket(executor), timer(executor) {}

    /// Gives the passage's socket to Asio, to be closed at the deadline. `line` is this one's owner.
    static Status watch(const std::shared_ptr<Line>& line, std::chrono::steady_clock::time_point deadline) {
        Code code;
        auto protocol = line->passage.connect_to.address.is_v4() ? Protocol::v4() : Protocol::v6();
        line->socket.assign(protocol, line->passage.socket.get(), code);
        if (code) return fail("cannot watch the probe's socket: {}", text_of(code));
        line->passage.socket.release();
        line->timer.expires_at(deadline);
        line->timer.async_wait([line](Code cancelled) {
            // Closed rather than cancelled, so that an operation about to start fails as well.
            if (!cancelled && line->socket.is_open()) {
                line->expired = true;
                line->close();
            }
        });
        return {};
    }

    /// The socket closes before the passage is undone.
    void end() {
        close();
        passage = net::Passage();
        try {
            timer.cancel();
        } catch (const boost::system::system_error&) {
            // It comes later, then, and finds the socket closed.
        }
    }

    Endpoint peer() const {
        auto address = net::to_socket_address(passage.connect_to);
        Endpoint out;
        std::memcpy(out.data(), address.get(), address.size);
        out.resize(address.size);
        return out;
    }

    /// What an operation on the line came to.
    Code judge(Code code) const {
        if (expired) return boost::asio::error::timed_out;
        if (code == boost::asio::error::operation_aborted) throw boost::system::system_error(code);
        return code;
    }

    net::Passage passage;  // before the socket, so that it is undone behind it
    Socket socket;
    boost::asio::steady_timer timer;
    bool expired = false;

  private:
    void close() {
        Code ignored;
        socket.close(ignored);
    }
};

}  // namespace weir::health
