#include "net/lookup.h"

#include <netdb.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstring>
#include <future>
#include <thread>

#include "base/unique_fd.h"
#include "net/answer.h"

namespace weir::net {

namespace asio = boost::asio;

namespace {

using Endpoints = std::vector<Endpoint>;

Result<Endpoints> ask(const std::string& host, Port port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    if (int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0)
        return fail("cannot look '{}' up: {}", host, ::gai_strerror(error));
    Endpoints endpoints;
    for (const auto* each = found; each; each = each->ai_next) {
        sockaddr_storage storage{};
        std::memcpy(&storage, each->ai_addr, std::min<size_t>(each->ai_addrlen, sizeof storage));
        if (auto endpoint = from_socket_address(storage)) endpoints.push_back({endpoint->address, port});
    }
    ::freeaddrinfo(found);
    if (endpoints.empty()) return fail("'{}' has no address", host);
    return endpoints;
}

}  // namespace

/// Shared by the thread and whoever waits for it. The descriptor is an event counter: written once.
struct Lookup::Question {
    UniqueFd answered{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::promise<Result<Endpoints>> answer;
};

asio::awaitable<Result<Endpoints>> Lookup::run(Clock& clock, Clock::Time deadline) {
    if (auto address = Ip::parse(host_)) co_return Endpoints{{*address, port_}};
    if (!asked_.expired()) co_return fail("cannot look '{}' up: the resolver has not answered yet", host_);
    auto question = std::make_shared<Question>();
    if (!question->answered) co_return fail_with(errno, "cannot look '{}' up", host_);
    asked_ = question;
    int watched = ::dup(question->answered.get());
    if (watched < 0) co_return fail_with(errno, "cannot look '{}' up", host_);
    auto executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor answered(executor, watched);
    try {
        std::thread([question, host = host_, port = port_] {
            question->answer.set_value(ask(host, port));
            ::eventfd_write(question->answered.get(), 1);
        }).detach();
    } catch (const std::system_error& error) {
        co_return fail("cannot look '{}' up: {}", host_, error.what());
    }
    auto alarm = clock.at(deadline, [&answered] { answered.cancel(); });
    auto [code] = co_await answered.async_wait(asio::posix::stream_descriptor::wait_read, kAnswer);
    if (code) co_return fail("cannot look '{}' up: the resolver does not answer", host_);
    asked_.reset();  // the thread may have it for a moment longer
    co_return question->answer.get_future().get();
}

}  // namespace weir::net
