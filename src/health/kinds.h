// What each kind of check does: one source file a kind.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <expected>
#include <string>

#include "health/connection.h"
#include "health/datagrams.h"
#include "health/probe.h"
#include "model/config.h"
#include "net/ip.h"

namespace weir::health {

struct Verdict {
    bool ok = false;
    std::string message;     // as Outcome's; where nothing was probed, why
    std::string expiring{};  // as Outcome's
    bool probed = true;
};

/// This host could not make a probe.
inline Verdict not_probed(std::string why) {
    return {.message = std::move(why), .probed = false};
}

/// What it means that there is no passage, or no connection by it: L4CON, or that nothing was probed.
Verdict no_way(const net::NoPassage& why);
Verdict no_way(const Connection::Code& code);

/// One probe's errand: whom it calls, by which way, and until when.
struct Errand {
    const model::TargetKey& target;
    net::Endpoint vip;  // at the check's port
    Path& path;
    Clock& clock;
    Clock::Time deadline;
};

/// `half`: the backend's part of it is enough. The connection is to be closed at once then, see syn.cc.
enum class Handshake : uint8_t { whole, half };

/// A connection to the VIP; else the verdict: no_way(), or L4TOUT. The kinds on top of TCP begin with it.
boost::asio::awaitable<std::expected<Connection, Verdict>> dial(const Errand& errand,
                                                                Handshake handshake = Handshake::whole);

/// A way to the VIP for datagrams or echoes; else the verdict, no_way().
std::expected<Datagrams, Verdict> reach(const Errand& errand, net::Carrier carrier,
                                        const boost::asio::any_io_executor& executor);

/// What it means that reading or writing failed before there was an answer: L7TOUT or L7RSP.
Verdict no_answer(const Connection::Code& code);

boost::asio::awaitable<Verdict> run(const model::TcpCheck& check, const Errand& errand);

/// Asks for the path; the VIP is the Host unless the check names one. Redirects are not followed.
boost::asio::awaitable<Verdict> run(const model::HttpCheck& check, const Errand& errand);

/// The same by TLS: L6TOUT and L6RSP say that there was no session.
boost::asio::awaitable<Verdict> run(const model::HttpsCheck& check, const Errand& errand);

boost::asio::awaitable<Verdict> run(const model::DnsCheck& check, const Errand& errand);
boost::asio::awaitable<Verdict> run(const model::SynCheck& check, const Errand& errand);
boost::asio::awaitable<Verdict> run(const model::UdpCheck& check, const Errand& errand);
boost::asio::awaitable<Verdict> run(const model::IcmpCheck& check, const Errand& errand);

/// Takes no way through the datapath: the program finds its own.
boost::asio::awaitable<Verdict> run(const model::ExecCheck& check, const Errand& errand);

}  // namespace weir::health
