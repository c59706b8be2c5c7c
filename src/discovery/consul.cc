// The source `consul`: the instances of a service that pass their checks, by blocking queries. The server
// answers when there is something newer than the index that the query has, or after the time that it names.
#include <algorithm>

#include "discovery/consul_answer.h"
#include "discovery/http_client.h"
#include "discovery/kinds.h"
#include "discovery/search.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr Setting kSettings[] = {
    required({"address", Takes::text, "a URL"}),
    required({"service", Takes::text, "a service's name"}),
    {"tags", Takes::list, "of words"},
    {.name = "datacenter",
     .takes = Takes::text,
     .what = "a datacenter's name",
     .fallback = "that of the agent"},
    {"token_file", Takes::secret},
    {"tls", Takes::tls},
};
const Section kSection{"consul", kSettings};

constexpr auto kPatience = 10s;  // for an answer that is not waited for
constexpr auto kWait = 30s;      // what the server is asked to wait; it adds up to a sixteenth
constexpr auto kLongest = kWait + kWait / 16 + kPatience;

/// Queries while the service changes all the time, or the server does not block: some at once, then one a
/// second. Each that is asked takes one of those that may be.
class Allowance {
  public:
    /// How long to wait before the next query.
    Clock::Duration take(Clock::Time now) {
        full_at_ = std::max(full_at_, now) + kEach;
        return std::max(full_at_ - now - kMost * kEach, Clock::Duration());
    }

  private:
    static constexpr int kMost = 5;
    static constexpr Clock::Duration kEach = 1s;

    Clock::Time full_at_{};
};

class Consul final : public Search {
  public:
    Consul(const Surroundings& around, const model::SourceSpec& spec, Listener& listener);

  private:
    asio::awaitable<void> run() override;
    asio::awaitable<Status> query();
    HttpRequest request() const;

    HttpClient server_;
    std::string target_;
    std::string token_;
    uint64_t index_ = 0;  // 0: answer at once
    Allowance allowance_;
};

Consul::Consul(const Surroundings& around, const model::SourceSpec& spec, Listener& listener)
    : Search(around, listener),
      server_(around.clock, *HttpUrl::parse(spec.text("address")), spec.find<model::Tls>("tls")) {
    auto base = server_.server().target;
    base.erase(base.find_last_not_of('/') + 1);
    target_ = consul::target_of({.base = base,
                                 .service = spec.text("service"),
                                 .tags = spec.list("tags"),
                                 .datacenter = spec.text("datacenter")});
    if (const auto* token = spec.find<model::FileText>("token_file")) token_ = token->view();
}

asio::awaitable<void> Consul::run() {
    for (;;) {
        auto done = co_await query();
        if (done) {
            calm_down();
            co_await wait(allowance_.take(clock_.now()));
        } else {
            index_ = 0;  // whoever answers next may be another server
            failed(done.error());
            co_await wait_for_next_try();
        }
    }
}

HttpRequest Consul::request() const {
    HttpRequest request{.target = target_};
    if (index_ > 0) request.target += fmt::format("&index={}&wait={}s", index_, kWait / 1s);
    if (!token_.empty()) request.headers.emplace_back("X-Consul-Token", token_);
    return request;
}

asio::awaitable<Status> Consul::query() {
    auto answer = co_await server_.ask(request(), index_ > 0 ? kLongest : kPatience);
    if (!answer) co_return propagate(answer, "consul");
    auto where = fmt::format("consul: {}", server_.server().server());
    if (answer->status == 403)
        co_return fail("{}: {}; check 'token_file' and what its token may read", where, answer->complaint());
    if (!answer->ok()) co_return fail("{}: {}", where, answer->complaint());
    auto former = std::exchange(index_, consul::next_index(index_, answer->header("x-consul-index")));
    if (index_ == former && index_ > 0) co_return Status();  // nothing is new
    auto set = consul::read_instances(answer->body);
    if (!set) co_return propagate(set, where);
    found(*std::move(set), where);
    co_return Status();
}

Status check(const model::SourceSpec& spec) {
    auto url = HttpUrl::parse(spec.text("address"));
    if (!url) return propagate(url);
    if (url->target.contains('?')) return fail("'{}' has a query; leave it out", spec.text("address"));
    if (spec.text("service").empty()) return fail("'service' is empty; write a service's name");
    if (spec.settings.contains("tls") && !url->secure)
        return fail("'tls' is of no use without an https address");
    const auto* token = spec.find<model::FileText>("token_file");
    if (token && !is_header_text(token->view())) return fail("'token_file' does not hold one line of text");
    return {};
}

}  // namespace

Kind consul_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return Search::start(around, std::make_shared<Consul>(around, spec, listener));
            }};
}

}  // namespace weir::discovery
