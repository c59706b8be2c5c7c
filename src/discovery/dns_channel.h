// One name server, and questions to it: many at once, and what they have in answer. c-ares carries them
// (repeats, TCP for what is cut short, servers without EDNS), proto/dns.h reads them.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <span>
#include <vector>

#include "discovery/cares.h"
#include "proto/dns.h"

namespace weir::discovery {

class DnsChannel {
  public:
    static Result<DnsChannel> open(boost::asio::any_io_executor executor, Clock& clock,
                                   const net::Endpoint& server, std::chrono::milliseconds timeout, bool tcp);

    /// All the answers, in the questions' order, or why there is none to one of them. One call at a time.
    boost::asio::awaitable<Result<std::vector<proto::DnsAnswer>>> ask(
        std::span<const proto::DnsQuestion> questions);

    const net::Endpoint& server() const { return server_; }

  private:
    class Batch;
    DnsChannel(boost::asio::any_io_executor executor, Clock& clock, std::unique_ptr<Cares> cares,
               const net::Endpoint& server)
        : executor_(std::move(executor)), clock_(clock), cares_(std::move(cares)), server_(server) {}

    boost::asio::any_io_executor executor_;
    Clock& clock_;
    std::unique_ptr<Cares> cares_;
    net::Endpoint server_;
};

}  // namespace weir::discovery
