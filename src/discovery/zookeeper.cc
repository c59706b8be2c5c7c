// The source `zookeeper`: the children of a node, by watches. One session after the other
// (zookeeper_watch.h): when one has expired, or no server has answered for long, the servers' names are
// looked up again and another session reads everything anew. The last set stays in the meantime.
#include <algorithm>

#include "discovery/host_port.h"
#include "discovery/kinds.h"
#include "discovery/search.h"
#include "discovery/zookeeper_watch.h"
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

class Zookeeper final : public Search {
  public:
    /// `terms`: but for the servers' addresses.
    Zookeeper(const Surroundings& around, const std::vector<HostPort>& servers, ZookeeperTerms terms,
              std::string path, Listener& listener)
        : Search(around, listener), around_(around), terms_(std::move(terms)), path_(std::move(path)) {
        for (const auto& server : servers) lookups_.emplace_back(server.host, server.port);
    }

  private:
    awaitable<void> run() override;
    /// The library calls from threads of its own, even when the executor has stopped.
    void end() override { watch_.reset(); }

    awaitable<Result<std::vector<net::Endpoint>>> look_up();
    awaitable<bool> watch_over_a_session(std::vector<net::Endpoint> servers);

    const Surroundings around_;
    std::vector<net::Lookup> lookups_;
    const ZookeeperTerms terms_;
    const std::string path_;
    bool is_over_ = false;  // the session, so another is needed
    std::optional<ZookeeperWatch> watch_;
};

/// Of those servers that have any address. Fails where none has.
awaitable<Result<std::vector<net::Endpoint>>> Zookeeper::look_up() {
    std::vector<net::Endpoint> endpoints;
    Error why;
    auto share = kPatience / lookups_.size();
    for (auto& lookup : lookups_) {
        auto found = co_await lookup.run(clock_, clock_.now() + share);
        if (found)
            std::ranges::copy(*found, std::back_inserter(endpoints));
        else
            why = found.error();
    }
    if (endpoints.empty()) co_return std::unexpected(why);
    co_return endpoints;
}

/// As long as the session lasts. Whether it was of use.
awaitable<bool> Zookeeper::watch_over_a_session(std::vector<net::Endpoint> servers) {
    auto terms = terms_;
    terms.servers = std::move(servers);
    is_over_ = false;
    ZookeeperWatch::Events events{.found = [this](Set set) { found(std::move(set)); },
                                  .failed = [this](const Error& why) { failed(why); },
                                  .over =
                                      [this] {
                                          is_over_ = true;
                                          wake();
                                      }};
    watch_.emplace(around_, std::move(terms), path_, std::move(events));
    if (auto opened = watch_->open(); !opened) {
        failed(opened.error());
        co_return false;
    }
    while (!is_over_) co_await wait(std::chrono::hours(1));
    bool was_of_use = watch_ && watch_->has_found();  // not if the source is just going
    watch_.reset();
    co_return was_of_use;
}

awaitable<void> Zookeeper::run() {
    for (;;) {
        auto servers = co_await look_up();
        bool was_of_use = false;
        if (servers)
            was_of_use = co_await watch_over_a_session(*std::move(servers));
        else
            failed(servers.error());
        if (was_of_use)
            calm_down();
        else
            co_await wait_for_next_try();
    }
}

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

std::unique_ptr<Source> make(const Surroundings& around, const model::SourceSpec& spec, Listener& listener) {
    std::vector<HostPort> servers;
    for (const auto& server : spec.list("servers"))
        if (auto parsed = HostPort::parse(server)) servers.push_back(*parsed);
    ZookeeperTerms terms{.chroot = spec.text("chroot"),
                         .timeout = spec.duration("session_timeout", kSessionTimeout)};
    if (const auto* password = spec.find<model::FileText>("password_file"))
        terms.credentials = fmt::format("{}:{}", spec.text("user"), password->view());
    return Search::start(
        around, std::make_shared<Zookeeper>(around, servers, std::move(terms), spec.text("path"), listener));
}

}  // namespace

Kind zookeeper_kind() {
    return {{&kSection, check}, make};
}

}  // namespace weir::discovery
