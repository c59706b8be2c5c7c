// The source `zookeeper`: the children of a node, by watches. One session after the other
// (zookeeper_watch.h): when one has expired, or no server has answered for long, the servers' names are
// looked up again and another session reads everything anew. The last set stays in the meantime.
#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "discovery/host_port.h"
#include "discovery/kinds.h"
#include "discovery/zookeeper_watch.h"
#include "net/answer.h"
#include "net/lookup.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Setting kSettings[] = {
    required({"servers", Takes::list, "of HOST:PORT"}),
    required({"path", Takes::text, "the absolute path of a node"}),
    {"chroot", Takes::text, "the absolute path of a node", 0, 0, {}, "none"},
    {"user", Takes::text, "a user's name", 0, 0, {}, "none"},
    {"password_file", Takes::secret},
    {"session_timeout", Takes::milliseconds, "", 1000, 300'000, {}, "10s"},
};
const Section kSection{"zookeeper", kSettings};

constexpr auto kSessionTimeout = seconds(10);
constexpr auto kPatience = seconds(10);  // with the names of servers

struct Shared {
    Shared(const Surroundings& surroundings, Listener& listener)
        : around(surroundings), report(listener), sleep(surroundings.executor) {}

    const Surroundings around;
    std::vector<HostPort> servers;
    ZookeeperTerms terms;  // but for the servers' addresses
    std::string path;
    Report report;
    Sleep sleep;
    bool is_over = false;  // the session, so another is needed
    bool stopped = false;
    std::optional<ZookeeperWatch> watch;
    asio::cancellation_signal cancel;
};
using Common = std::shared_ptr<Shared>;

/// Of those servers that have any. Fails where none has.
awaitable<Result<std::vector<net::Endpoint>>> look_up(Common common, std::vector<net::Lookup>& lookups) {
    std::vector<net::Endpoint> endpoints;
    Error why;
    auto share = kPatience / lookups.size();
    for (auto& lookup : lookups) {
        auto found = co_await lookup.run(common->around.clock, common->around.clock.now() + share);
        if (found)
            std::ranges::copy(*found, std::back_inserter(endpoints));
        else
            why = found.error();
    }
    if (endpoints.empty()) co_return std::unexpected(why);
    co_return endpoints;
}

/// Lasts as long as its session.
awaitable<void> watch_over_a_session(Common common, std::vector<net::Endpoint> servers) {
    auto terms = common->terms;
    terms.servers = std::move(servers);
    common->is_over = false;
    auto over = [shared = common.get()] {
        shared->is_over = true;
        shared->sleep.wake();
    };
    common->watch.emplace(ZookeeperWatch::Means{common->around, common->report, over}, std::move(terms),
                          common->path);
    if (auto opened = common->watch->open(); !opened) {
        common->report.failed(opened.error());
        co_return;
    }
    while (!common->is_over) co_await common->sleep.until(common->around.clock, Clock::Time::max());
}

awaitable<void> keep_watching(Common common) {
    co_await asio::post(common->around.executor, net::kAnswer);  // nobody is told before make() has returned
    std::vector<net::Lookup> lookups;
    for (const auto& server : common->servers) lookups.emplace_back(server.host, server.port);
    Pauses pauses;
    while (!common->stopped) {
        auto servers = co_await look_up(common, lookups);
        bool was_of_use = false;
        if (servers) {
            co_await watch_over_a_session(common, *std::move(servers));
            was_of_use = common->watch->has_found();
            common->watch.reset();
        } else {
            common->report.failed(servers.error());
        }
        if (was_of_use)
            pauses.reset();
        else
            co_await common->sleep.until(common->around.clock, common->around.clock.now() + pauses.next());
    }
}

class Zookeeper final : public Source {
  public:
    explicit Zookeeper(Common common) : common_(std::move(common)) {
        auto ended = [shared = common_](const std::exception_ptr& thrown) {
            if (thrown && !shared->stopped) std::rethrow_exception(thrown);
        };
        asio::co_spawn(common_->around.executor, keep_watching(common_),
                       asio::bind_cancellation_slot(common_->cancel.slot(), std::move(ended)));
    }
    ~Zookeeper() override {
        common_->stopped = true;
        common_->report.stop();
        common_->watch.reset();
        common_->cancel.emit(asio::cancellation_type::terminal);
    }

  private:
    Common common_;
};

Status check_path(std::string_view name, const std::string& path, bool may_be_root) {
    bool is_root = path == "/";
    if (path.starts_with('/') && path.find("//") == path.npos && (is_root ? may_be_root : path.back() != '/'))
        return {};
    return fail("'{}' as '{}' is not the absolute path of a node; write it as in /services/web", path, name);
}

Status check(const model::SourceSpec& spec) {
    constexpr size_t kMostServers = 32;
    auto servers = spec.list("servers");
    if (servers.empty() || servers.size() > kMostServers)
        return fail("'servers' has {} items; name one to {} as HOST:PORT", servers.size(), kMostServers);
    for (const auto& server : servers)
        if (auto parsed = HostPort::parse(server); !parsed) return propagate(parsed, "servers");
    if (auto good = check_path("path", spec.text("path"), true); !good) return good;
    if (spec.find<std::string>("chroot"))
        if (auto good = check_path("chroot", spec.text("chroot"), false); !good) return good;
    bool has_user = spec.find<std::string>("user"),
         has_password = spec.find<model::FileText>("password_file");
    if (has_user != has_password)
        return fail("'user' and 'password_file' go together; give both or none of them");
    if (spec.text("user").find(':') != std::string::npos)
        return fail("'{}' as 'user' has a colon, behind which a digest has its password", spec.text("user"));
    return {};
}

Common shared_of(const Surroundings& around, const model::SourceSpec& spec, Listener& listener) {
    auto common = std::make_shared<Shared>(around, listener);
    for (const auto& server : spec.list("servers"))
        if (auto parsed = HostPort::parse(server)) common->servers.push_back(*parsed);
    common->path = spec.text("path");
    common->terms.chroot = spec.text("chroot");
    common->terms.timeout = spec.duration("session_timeout", kSessionTimeout);
    if (const auto* password = spec.find<model::FileText>("password_file"))
        common->terms.credentials = fmt::format("{}:{}", spec.text("user"), password->view());
    return common;
}

}  // namespace

Kind zookeeper_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return std::make_unique<Zookeeper>(shared_of(around, spec, listener));
            }};
}

}  // namespace weir::discovery
