#include "discovery/dns_channel.h"

#include <arpa/nameser.h>
#include <algorithm>

#include <boost/asio/this_coro.hpp>

#include "discovery/value.h"

namespace weir::discovery {

namespace asio = boost::asio;

namespace {

constexpr size_t kAtOnce = 32;

std::string why(int status) {
    switch (status) {
        case ARES_ETIMEOUT:
            return "no answer";
        case ARES_ECONNREFUSED:
            return "it cannot be reached";
        default:
            return ares_strerror(status);
    }
}

int number_of(std::string_view type) {
    return type == "A" ? ns_t_a : type == "AAAA" ? ns_t_aaaa : ns_t_srv;
}

}  // namespace

/// Questions on their way. Nothing of it is outstanding any more once it is gone.
class DnsChannel::Batch {
  public:
    Batch(DnsChannel& channel, std::span<const proto::DnsQuestion> questions)
        : channel_(channel),
          questions_(questions),
          answers_(questions.size()),
          places_(questions.size(), nullptr),
          changed_(channel.executor_) {
        std::ranges::fill(places_, this);
    }
    ~Batch() {
        asked_ = questions_.size();
        ares_cancel(channel_.cares_->get());
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    asio::awaitable<Result<std::vector<proto::DnsAnswer>>> run() {
        ask_more();
        while (!failure_ && answered_ < questions_.size()) {
            co_await changed_.until(channel_.clock_, Clock::Time::max());
            auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) co_return fail("given up");
        }
        if (failure_) co_return std::unexpected(*failure_);
        co_return std::move(answers_);
    }

  private:
    void ask_more();
    void take(size_t place, int status, std::span<const uint8_t> bytes);
    Result<proto::DnsAnswer> read(size_t place, int status, std::span<const uint8_t> bytes) const;

    DnsChannel& channel_;
    std::span<const proto::DnsQuestion> questions_;
    std::vector<proto::DnsAnswer> answers_;
    std::vector<Batch*> places_;  // where a callback's argument points, says to which question it belongs
    Sleep changed_;
    size_t asked_ = 0, answered_ = 0;
    bool asking_ = false;
    std::optional<Error> failure_;
};

void DnsChannel::Batch::ask_more() {
    if (asking_) return;  // a callback that came at once
    asking_ = true;
    auto on_answer = [](void* place, int status, int, unsigned char* bytes, int size) {
        auto* batch = *static_cast<Batch**>(place);
        auto index = static_cast<size_t>(static_cast<Batch**>(place) - batch->places_.data());
        batch->take(index, status, {bytes, bytes ? static_cast<size_t>(size) : 0});
    };
    while (!failure_ && asked_ < questions_.size() && asked_ - answered_ < kAtOnce) {
        auto place = asked_++;
        const auto& question = questions_[place];
        ares_query(channel_.cares_->get(), question.name.c_str(), ns_c_in, number_of(question.type),
                   on_answer, static_cast<void*>(&places_[place]));
    }
    asking_ = false;
    channel_.cares_->watch();
}

void DnsChannel::Batch::take(size_t place, int status, std::span<const uint8_t> bytes) {
    answered_++;
    if (status == ARES_ECANCELLED || status == ARES_EDESTRUCTION) return;
    if (auto answer = read(place, status, bytes))
        answers_[place] = *std::move(answer);
    else if (!failure_)
        failure_ = answer.error();
    if (failure_ || answered_ == questions_.size())
        changed_.wake();
    else
        ask_more();
}

Result<proto::DnsAnswer> DnsChannel::Batch::read(size_t place, int status,
                                                 std::span<const uint8_t> bytes) const {
    const auto& question = questions_[place];
    auto about = fmt::format("{} {} from {}", question.type, excerpt(question.name), channel_.server_.text());
    if (bytes.size() < 2) return fail("{}: {}", about, why(status));
    auto id = static_cast<uint16_t>(bytes[0] << 8 | bytes[1]);  // c-ares has held it against the question's
    auto answer = proto::read_dns_answer(bytes, question, id);
    if (!answer) return propagate(answer, about);
    if (answer->truncated) return fail("{}: the answer is truncated", about);
    if (answer->rcode != "NOERROR" && answer->rcode != "NXDOMAIN")
        return fail("{}: {}", about, answer->rcode);
    return answer;
}

Result<DnsChannel> DnsChannel::open(asio::any_io_executor executor, Clock& clock, const net::Endpoint& server,
                                    std::chrono::milliseconds timeout, bool tcp) {
    auto cares = Cares::open(executor, clock,
                             {.servers = {server}, .timeout = timeout, .tcp = tcp, .as_received = true});
    if (!cares) return propagate(cares);
    return DnsChannel(std::move(executor), clock, *std::move(cares), server);
}

asio::awaitable<Result<std::vector<proto::DnsAnswer>>> DnsChannel::ask(
    std::span<const proto::DnsQuestion> questions) {
    Batch batch(*this, questions);
    co_return co_await batch.run();
}

}  // namespace weir::discovery
