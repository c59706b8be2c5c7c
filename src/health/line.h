// What a probe's connection and its datagrams have in common: a passage's socket, one deadline, and how it
// ends.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "base/clock.h"
#include "health/connection.h"
#include "net/asio_endpoint.h"
#include "net/passage.h"

namespace weir::health {

/// `Socket` is Asio's for TCP or UDP.
template <class Socket>
struct Line {
    using Code = boost::system::error_code;
    using Endpoint = typename Socket::endpoint_type;
    using Protocol = typename Socket::protocol_type;

    Line(const boost::asio::any_io_executor& executor, net::Passage way)
        : passage(std::move(way)), socket(executor) {}

    /// Gives the passage's socket to Asio, to be closed at the deadline.
    Status watch(Clock& clock, Clock::Time deadline) {
        Code code;
        auto protocol = passage.connect_to.address.is_v4() ? Protocol::v4() : Protocol::v6();
        socket.assign(protocol, passage.socket.get(), code);
        if (code) return fail("cannot watch the probe's socket: {}", text_of(code));
        passage.socket.release();
        alarm = clock.at(deadline, [this] {
            // Closed rather than cancelled, so that an operation about to start fails as well.
            expired = true;
            close();
        });
        return {};
    }

    /// The socket closes before the passage is undone.
    void end() {
        close();
        passage = net::Passage();
        alarm.reset();
    }

    Endpoint peer() const { return net::to_asio<Endpoint>(passage.connect_to); }

    /// What an operation on the line came to.
    Code judge(Code code) const {
        if (expired) return boost::asio::error::timed_out;
        if (code == boost::asio::error::operation_aborted) throw boost::system::system_error(code);
        return code;
    }

    net::Passage passage;  // before the socket, so that it is undone behind it
    Socket socket;
    Clock::Alarm alarm;
    bool expired = false;

  private:
    void close() {
        Code ignored;
        socket.close(ignored);
    }
};

}  // namespace weir::health
