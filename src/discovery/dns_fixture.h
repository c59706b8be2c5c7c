// For tests of the source `dns`: name servers on loopback that say what they are told to.
#pragma once

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "discovery/kinds.h"
#include "discovery/source_fixture.h"
#include "net/answer.h"
#include "proto/dns_fixture.h"

namespace weir::discovery {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using proto::DnsReply;
using Bytes = DnsReply::Bytes;
using namespace std::chrono_literals;

constexpr uint16_t kA = 1, kCname = 5, kNs = 2, kSoa = 6, kAaaa = 28, kSrv = 33;
constexpr uint8_t kServfail = 2, kNxdomain = 3;

struct DnsAsked {
    Bytes bytes;       // the message, without EDNS
    std::string name;  // with its type, such as "www.example.org A"
    bool tcp = false;

    static DnsAsked read(const Bytes& message);
};

inline DnsAsked DnsAsked::read(const Bytes& message) {
    DnsAsked question;
    size_t at = 12;
    while (at < message.size() && message[at] != 0) {
        question.name.append(message.begin() + static_cast<long>(at) + 1,
                             message.begin() + static_cast<long>(at) + 1 + message[at]);
        question.name += '.';
        at += message[at] + 1u;
    }
    question.name.pop_back();
    question.bytes.assign(message.begin(), message.begin() + static_cast<long>(at) + 5);
    question.bytes[10] = question.bytes[11] = 0;
    auto type = question.bytes[at + 2];
    question.name += type == kA ? " A" : type == kAaaa ? " AAAA" : type == kSrv ? " SRV" : " ?";
    return question;
}

/// One name server, by UDP and TCP.
class NameServer {
  public:
    using Answer = std::function<Bytes(const DnsAsked&)>;  // empty: none

    NameServer(asio::io_context& context, Answer answer)
        : answer_(std::move(answer)),
          tcp_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          udp_(context, udp::endpoint(asio::ip::address_v4::loopback(), tcp_.local_endpoint().port())) {
        asio::co_spawn(context, serve_udp(), asio::detached);
        asio::co_spawn(context, serve_tcp(), asio::detached);
    }

    std::string address() const { return fmt::format("127.0.0.1:{}", udp_.local_endpoint().port()); }
    void close() {
        udp_.close();
        tcp_.close();
    }
    size_t asked(const std::string& what) const {
        return static_cast<size_t>(std::ranges::count(asked_, what, &DnsAsked::name));
    }
    const std::vector<DnsAsked>& asked() const { return asked_; }

  private:
    asio::awaitable<void> serve_udp() {
        for (;;) {
            Bytes message(4096);
            udp::endpoint client;
            auto [code, size] = co_await udp_.async_receive_from(asio::buffer(message), client, net::kAnswer);
            if (code) co_return;
            message.resize(size);
            auto reply = answer(message, false);
            if (!reply.empty()) co_await udp_.async_send_to(asio::buffer(reply), client, net::kAnswer);
        }
    }
    asio::awaitable<void> serve_tcp() {
        for (;;) {
            auto [code, client] = co_await tcp_.async_accept(net::kAnswer);
            if (code) co_return;
            asio::co_spawn(tcp_.get_executor(), converse(std::move(client)), asio::detached);
        }
    }
    asio::awaitable<void> converse(tcp::socket client) {
        for (;;) {
            Bytes length(2);
            auto [none, had] = co_await asio::async_read(client, asio::buffer(length), net::kAnswer);
            if (none) co_return;
            Bytes message(static_cast<size_t>(length[0] << 8 | length[1]));
            co_await asio::async_read(client, asio::buffer(message), net::kAnswer);
            auto reply = answer(message, true);
            Bytes front{static_cast<uint8_t>(reply.size() >> 8), static_cast<uint8_t>(reply.size())};
            co_await asio::async_write(client, asio::buffer(DnsReply::join(front, reply)), net::kAnswer);
        }
    }
    Bytes answer(const Bytes& message, bool by_tcp) {
        asked_.push_back(DnsAsked::read(message));
        asked_.back().tcp = by_tcp;
        return answer_(asked_.back());
    }

    Answer answer_;
    tcp::acceptor tcp_;  // first: many more ports of TCP are taken than of UDP
    udp::socket udp_;
    std::vector<DnsAsked> asked_;
};

class DnsSource : public SourceTest {
  protected:
    static Bytes nothing(const DnsAsked& question, uint8_t rcode = 0) {
        return DnsReply(question.bytes, rcode)
            .with_authority()
            .add_authority(kSoa, DnsReply::soa(60))
            .bytes();
    }
    static Bytes address(uint8_t last) { return {192, 0, 2, last}; }
    /// What answers to www.example.org A, and nothing else.
    NameServer::Answer only_www(std::function<Bytes(const DnsAsked&)> www) {
        return [www = std::move(www)](const DnsAsked& question) {
            return question.name == "www.example.org A" ? www(question) : nothing(question);
        };
    }
    model::SourceSpec spec(const std::vector<NameServer*>& servers, std::string name = "www.example.org") {
        std::vector<std::string> addresses;
        for (const auto* server : servers) addresses.push_back(server->address());
        return {"dns", {{"name", std::move(name)}, {"servers", addresses}}};
    }
    model::SourceSpec srv_spec(NameServer& server) {
        auto spec = this->spec({&server}, "_http._tcp.example.org");
        spec.settings["type"] = int64_t{3};
        return spec;
    }
    void make(const model::SourceSpec& spec) { ASSERT_TRUE(SourceTest::make(dns_kind(), spec)); }
};

}  // namespace weir::discovery
