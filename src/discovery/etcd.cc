// The source `etcd`: the keys with a prefix, by the JSON gateway of etcd 3.4 and later. All of them are asked
// for once, and from the revision of that answer on a watch tells what changes, so nothing is missed between
// the two. A watch says nothing while nothing changes, so one that is silent for a while is begun again,
// behind the last revision that it told of: that the server takes it shows that it is alive and has a leader.
#include <map>

#include "discovery/etcd_messages.h"
#include "discovery/http_client.h"
#include "discovery/json_stream.h"
#include "discovery/kinds.h"
#include "discovery/search.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr Setting kSettings[] = {
    required({"endpoints", Takes::list, "of URLs"}),
    required({"prefix", Takes::text, "what the keys begin with"}),
    {"user", Takes::text, "a user's name"},
    {"password_file", Takes::secret},
    {"tls", Takes::tls},
};
const Section kSection{"etcd", kSettings};

constexpr auto kPatience = 10s;  // for an answer
constexpr auto kQuiet = 15s;     // before a watch is begun again
constexpr auto kSettle = 50ms;   // in which changes are gathered
constexpr auto kSteady = 5s;     // a watch that has lasted so long works
constexpr size_t kPage = 2000;   // keys in an answer

class Etcd final : public Search {
  public:
    Etcd(const Surroundings& around, const model::SourceSpec& spec, Listener& listener);

  private:
    using Members = std::map<std::string, Result<Found>>;  // by key

    /// How a watch has ended.
    struct Watch {
        std::optional<Clock::Time> begun{};
        bool compacted = false;  // what it should begin with is no longer known to the server
        bool refused = false;    // maybe for want of a token that is still good
        std::string reason{};
    };

    asio::awaitable<void> run() override;
    asio::awaitable<Error> follow(HttpClient& server);
    asio::awaitable<Status> load(HttpClient& server);
    asio::awaitable<Status> watch(HttpClient& server);
    asio::awaitable<Status> log_in(HttpClient& server);
    asio::awaitable<Result<etcd::Range>> ask(HttpClient& server, const std::string& request);
    HttpRequest request(std::string target, std::string body) const;
    Status take(const boost::json::value& message, Watch& watch);
    Status put(std::string key, std::string_view value, Members& into) const;
    void publish();

    const std::string prefix_;
    const std::string user_;
    const std::string password_;
    std::vector<HttpClient> servers_;
    size_t tries_ = 0;  // in a row that failed, since the last pause
    std::string token_;
    int64_t revision_ = 0;  // that members_ is of
    Members members_;
    Clock::Alarm due_;  // until then changes are gathered
};

Etcd::Etcd(const Surroundings& around, const model::SourceSpec& spec, Listener& listener)
    : Search(around, listener),
      prefix_(spec.text("prefix")),
      user_(spec.text("user")),
      password_(spec.find<model::FileText>("password_file")
                    ? spec.find<model::FileText>("password_file")->view()
                    : std::string_view()) {
    for (const auto& endpoint : spec.list("endpoints"))
        servers_.emplace_back(around.clock, *HttpUrl::parse(endpoint), spec.find<model::Tls>("tls"));
}

/// One server after the other; only when none of them helps it has failed.
asio::awaitable<void> Etcd::run() {
    for (size_t next = 0;; next = (next + 1) % servers_.size()) {
        auto why = co_await follow(servers_[next]);
        if (due_) publish();
        if (++tries_ < servers_.size()) continue;
        failed(Error{fmt::format("etcd: {}", why.message)});
        tries_ = 0;
        co_await wait_for_next_try();
    }
}

/// For as long as the server answers as it should; why it does not any longer.
asio::awaitable<Error> Etcd::follow(HttpClient& server) {
    for (;;) {
        auto loaded = co_await load(server);
        if (!loaded) co_return loaded.error();
        publish();
        auto watched = co_await watch(server);
        if (!watched) co_return watched.error();
        co_await wait(kSettle);  // the history was compacted: all of it anew
    }
}

HttpRequest Etcd::request(std::string target, std::string body) const {
    HttpRequest request{.target = std::move(target), .body = std::move(body)};
    if (!token_.empty()) request.headers.emplace_back("Authorization", token_);
    return request;
}

asio::awaitable<Status> Etcd::log_in(HttpClient& server) {
    token_.clear();
    auto answer = co_await server.ask(request("/v3/auth/authenticate", etcd::login_request(user_, password_)),
                                      kPatience);
    if (!answer) co_return propagate(answer);
    auto where = server.server().server();
    if (!answer->ok())
        co_return fail("{}: it does not let '{}' in: {}; check 'user' and 'password_file'", where, user_,
                       etcd::read_complaint(answer->body));
    auto token = etcd::read_token(answer->body);
    if (!token) co_return propagate(token, where);
    if (!is_header_text(*token)) co_return fail("{}: its token is none", where);
    token_ = *std::move(token);
    co_return Status();
}

/// With a token that is good: one that is not is replaced once.
asio::awaitable<Result<etcd::Range>> Etcd::ask(HttpClient& server, const std::string& body) {
    for (bool fresh = false;; fresh = true) {
        if (!user_.empty() && (token_.empty() || fresh))
            if (auto in = co_await log_in(server); !in) co_return propagate(in);
        auto answer = co_await server.ask(request("/v3/kv/range", body), kPatience);
        if (!answer) co_return propagate(answer);
        auto where = server.server().server();
        if (answer->ok()) {
            auto range = etcd::read_range(answer->body);
            if (!range) co_return propagate(range, where);
            co_return range;
        }
        if (!user_.empty() && !fresh && answer->status / 100 == 4) continue;
        auto said = etcd::read_complaint(answer->body);
        co_return fail("{}: {}", where, said.empty() ? answer->complaint() : said);
    }
}

/// A page after the other, all of one revision.
asio::awaitable<Status> Etcd::load(HttpClient& server) {
    Members members;
    int64_t revision = 0;
    auto end = etcd::end_of(prefix_);
    for (auto from = prefix_;;) {
        auto page = co_await ask(server, etcd::range_request(from, end, kPage, revision));
        if (!page) co_return propagate(page);
        if (revision == 0) revision = page->revision;
        for (auto& pair : page->pairs) {
            from = pair.key + '\0';
            if (auto done = put(std::move(pair.key), pair.value, members); !done) co_return done;
        }
        if (!page->more || page->pairs.empty()) break;
    }
    members_ = std::move(members);
    revision_ = revision;
    co_return Status();
}

/// An empty value has its backend in its key's last part.
Status Etcd::put(std::string key, std::string_view value, Members& into) const {
    auto name = std::string_view(key).substr(key.rfind('/') + 1);
    if (value.empty() && name.empty()) return {};
    auto member = read_value(value.empty() ? name : value);
    into.insert_or_assign(std::move(key), std::move(member));
    if (into.size() <= kMostMembers) return {};
    return fail("there are more than {} keys that begin with '{}'; take a longer prefix", kMostMembers,
                prefix_);
}

void Etcd::publish() {
    due_.reset();
    Set set;
    for (const auto& [key, member] : members_) discovery::take(member, excerpt(key), set);
    found(std::move(set), "etcd");
}

Status Etcd::take(const boost::json::value& message, Watch& watch) {
    auto notice = etcd::read_notice(message);
    if (!notice) return propagate(notice);
    if (notice->canceled) {
        watch.compacted = notice->compacted > 0;
        watch.refused = !watch.compacted;
        watch.reason = notice->reason.empty() ? "it has ended the watch" : notice->reason;
        return fail("{}", watch.reason);
    }
    if (notice->created) watch.begun = clock_.now();
    if (notice->is_progress()) revision_ = std::max(revision_, notice->revision);
    for (auto& change : notice->changes) {
        revision_ = std::max(revision_, change.revision);
        if (!change.value)
            members_.erase(change.key);
        else if (auto done = put(std::move(change.key), *change.value, members_); !done)
            return done;
    }
    if (!notice->changes.empty() && !due_) due_ = clock_.after(kSettle, [this] { publish(); });
    return {};
}

/// Until the connection fails; without an error when all has to be asked for anew.
asio::awaitable<Status> Etcd::watch(HttpClient& server) {
    for (bool fresh = false;;) {
        Watch watch;
        JsonStream messages(HttpClient::kMostBody);
        auto take_piece = [&](std::string_view piece) {
            return messages.put(piece, [&](const boost::json::value& value) { return take(value, watch); });
        };
        auto asked = request("/v3/watch", etcd::watch_request(prefix_, revision_ + 1));
        asked.headers.emplace_back("Grpc-Metadata-hasleader", "true");
        auto answer = co_await server.follow(asked, kPatience, kQuiet, take_piece);
        if (watch.begun && clock_.now() - *watch.begun >= kSteady) {
            tries_ = 0;
            calm_down();
            fresh = false;
        }
        if (watch.compacted) co_return Status();
        if (!user_.empty() && !fresh && (watch.refused || (answer && answer->status / 100 == 4))) {
            if (auto in = co_await log_in(server); !in) co_return in;
            fresh = true;
            continue;
        }
        if (!answer) co_return propagate(answer);
        auto where = server.server().server();
        if (!answer->ok()) co_return fail("{}: {}", where, answer->complaint());
        if (!watch.begun) co_return fail("{}: it begins no watch", where);
    }
}

Status check(const model::SourceSpec& spec) {
    auto endpoints = spec.list("endpoints");
    if (endpoints.empty()) return fail("'endpoints' is empty; write [http://HOST:2379]");
    bool secure = false;
    for (const auto& endpoint : endpoints) {
        auto url = HttpUrl::parse(endpoint);
        if (!url) return propagate(url);
        if (url->target != "/") return fail("'{}' has a path; write only http://HOST:PORT", endpoint);
        secure |= url->secure;
    }
    if (spec.text("prefix").empty()) return fail("'prefix' is empty; write what the keys begin with");
    if (spec.settings.contains("user") != spec.settings.contains("password_file"))
        return fail("'user' and 'password_file' go together");
    if (spec.settings.contains("tls") && !secure) return fail("'tls' is of no use without an https endpoint");
    return {};
}

}  // namespace

Kind etcd_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return Search::start(around, std::make_shared<Etcd>(around, spec, listener));
            }};
}

}  // namespace weir::discovery
