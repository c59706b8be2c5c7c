// The source `dns`: addresses (RFC 1035, RFC 3596) or SRV records (RFC 2782) of a name, asked for again when
// what was answered is no longer good (RFC 2181 for what there is, RFC 2308 for what there is not). Servers
// are asked one after the other until one answers everything: a set is never put together from what several
// say.
#include <algorithm>

#include "discovery/dns_lookup.h"
#include "discovery/kinds.h"
#include "discovery/search.h"

namespace weir::discovery {

namespace asio = boost::asio;

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr Choice kTypes[] = {{"a", static_cast<int>(DnsType::a)},
                             {"aaaa", static_cast<int>(DnsType::aaaa)},
                             {"any", static_cast<int>(DnsType::any)},
                             {"srv", static_cast<int>(DnsType::srv)}};
constexpr Choice kTruth[] = {{"true", true}, {"false", false}};

constexpr milliseconds kSoonest = 1s;
constexpr milliseconds kInterval = 5min;
constexpr milliseconds kTimeout = 2s;
constexpr size_t kMostServers = 8;
constexpr size_t kMostDomains = 8;

constexpr Setting kSettings[] = {
    required({"name", Takes::text, "a DNS name"}),
    {"type", Takes::choice, "", 0, 0, kTypes, "any"},
    {"port", Takes::number, "", 1, 65535, {}, "the service's port"},
    {"servers", Takes::list, "of addresses and ADDRESS:PORT", 0, 0, {}, "those of /etc/resolv.conf"},
    {"search", Takes::list, "of domains", 0, 0, {}, "the name is complete"},
    {"interval", Takes::seconds, "", 1000, 3'600'000, {}, "5m"},
    {"timeout", Takes::milliseconds, "", 100, 30'000, {}, "2s"},
    {"tcp", Takes::choice, "", 0, 0, kTruth, "false"},
};
const Section kSection{"dns", kSettings};

Result<net::Endpoint> read_server(const std::string& text) {
    constexpr net::Port kDnsPort{53};
    auto server = net::Endpoint::parse(text);
    if (auto alone = net::Ip::parse(text)) server = net::Endpoint{*alone, kDnsPort};
    if (!server || server->address.is_unspecified() || server->address.is_multicast())
        return fail("'{}' is no name server; write its address, or ADDRESS:PORT", text);
    return server;
}

DnsWanted wanted_of(const model::SourceSpec& spec) {
    DnsWanted wanted{.name = spec.text("name"), .search = spec.list("search")};
    wanted.type = static_cast<DnsType>(spec.number("type", static_cast<int>(DnsType::any)));
    if (auto port = spec.number("port", 0)) wanted.port = net::Port(static_cast<uint16_t>(port));
    return wanted;
}

Status check(const model::SourceSpec& spec) {
    auto wanted = wanted_of(spec);
    if (wanted.search.size() > kMostDomains) return fail("more than {} domains in 'search'", kMostDomains);
    for (const auto& name : candidates(wanted))
        if (!proto::write_dns_question({name, "A"}, 0))
            return fail("'{}' is not a name that DNS can be asked for", name);
    if (wanted.type == DnsType::srv && wanted.port)
        return fail("'port' beside 'type: srv', whose records have the port; leave one of them out");
    auto servers = spec.list("servers");
    if (servers.size() > kMostServers) return fail("more than {} name servers", kMostServers);
    for (const auto& text : servers)
        if (auto server = read_server(text); !server) return propagate(server);
    return {};
}

class DnsSearch final : public Search {
  public:
    DnsSearch(const Surroundings& around, const model::SourceSpec& spec, Listener& listener)
        : Search(around, listener),
          executor_(around.executor),
          wanted_(wanted_of(spec)),
          interval_(spec.duration("interval", kInterval)),
          timeout_(spec.duration("timeout", kTimeout)),
          tcp_(spec.number("tcp", false) != 0) {
        for (const auto& text : spec.list("servers"))
            if (auto server = read_server(text)) servers_.push_back(*server);
    }

  private:
    asio::awaitable<void> run() override;
    asio::awaitable<Result<DnsFound>> look();
    asio::awaitable<Result<DnsFound>> ask(const net::Endpoint& server);
    Result<std::vector<net::Endpoint>> servers();
    Clock::Duration good_for(const DnsFound& found) const {
        std::chrono::seconds ttl(found.ttl.value_or(UINT32_MAX));
        return std::clamp<Clock::Duration>(ttl, kSoonest, interval_);
    }

    const asio::any_io_executor executor_;
    const DnsWanted wanted_;
    const milliseconds interval_;
    const milliseconds timeout_;
    const bool tcp_;
    std::vector<net::Endpoint> servers_;
};

asio::awaitable<void> DnsSearch::run() {
    for (;;) {
        auto look = co_await this->look();
        if (look) {
            calm_down();
            found(std::move(look->set), wanted_.name);
            co_await wait(good_for(*look));
        } else {
            failed(look.error());
            co_await wait_for_next_try();
        }
    }
}

/// The system's are looked for each time: others may stand there now.
Result<std::vector<net::Endpoint>> DnsSearch::servers() {
    if (!servers_.empty()) return servers_;
    auto system = Cares::open(executor_, clock_, {});
    if (!system) return propagate(system);
    auto servers = (*system)->servers();
    if (servers.size() > kMostServers) servers.resize(kMostServers);
    if (servers.empty()) return fail("no name server; name one in 'servers' or in /etc/resolv.conf");
    return servers;
}

asio::awaitable<Result<DnsFound>> DnsSearch::ask(const net::Endpoint& server) {
    auto channel = DnsChannel::open(executor_, clock_, server, timeout_, tcp_);
    if (!channel) co_return propagate(channel);
    co_return co_await look_up(*channel, wanted_);
}

asio::awaitable<Result<DnsFound>> DnsSearch::look() {
    auto known = servers();
    if (!known) co_return propagate(known);
    std::string failures;
    for (const auto& server : *known) {
        auto found = co_await ask(server);
        if (found) co_return found;
        failures += (failures.empty() ? "" : "; ") + found.error().message;
    }
    co_return std::unexpected(Error{failures});
}

}  // namespace

Kind dns_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return Search::start(around, std::make_shared<DnsSearch>(around, spec, listener));
            }};
}

}  // namespace weir::discovery
