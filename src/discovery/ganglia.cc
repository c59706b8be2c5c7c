// The source `ganglia`: a gmond (or gmetad) tells all that it knows as XML to whoever connects, and closes.
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "discovery/gmond.h"
#include "discovery/host_port.h"
#include "discovery/kinds.h"
#include "discovery/search.h"
#include "discovery/value.h"
#include "net/answer.h"
#include "net/lookup.h"

namespace weir::discovery {

namespace asio = boost::asio;

namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

constexpr size_t kMostBytes = 16 << 20;
constexpr auto kPatience = 10s;  // with one address of the server
constexpr std::chrono::milliseconds kInterval = 15s;

constexpr Setting kSettings[] = {
    required({"address", Takes::text, "a HOST:PORT"}),
    {"cluster", Takes::text, "a cluster's name", 0, 0, {}, "every cluster"},
    {"metric", Takes::text, "a metric's name", 0, 0, {}, "load_one"},
    {"half_at", Takes::text, "a number above 0", 0, 0, {}, "the host's cpu_num, or 1"},
    {"scale", Takes::number, "", 1, kMostWeight, {}, "10"},
    {"port", Takes::number, "", 1, 65535, {}, "the service's port"},
    {"interval", Takes::seconds, "", 1000, 3'600'000, {}, "15s"},
};
const Section kSection{"ganglia", kSettings};

Result<double> read_half(const std::string& text) {
    double half = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), half);
    if (error != std::errc{} || end != text.data() + text.size() || !(half > 0) || half > 1e12)
        return fail("'half_at' is '{}'; write a number above 0", text);
    return half;
}

Status check(const model::SourceSpec& spec) {
    if (auto server = HostPort::parse(spec.text("address")); !server) return propagate(server);
    if (spec.find<std::string>("half_at"))
        if (auto half = read_half(spec.text("half_at")); !half) return propagate(half);
    return {};
}

GmondWanted wanted_of(const model::SourceSpec& spec) {
    GmondWanted wanted;
    wanted.cluster = spec.text("cluster");
    wanted.metric = spec.text("metric", wanted.metric);
    wanted.scale = static_cast<uint32_t>(spec.number("scale", wanted.scale));
    if (auto half = read_half(spec.text("half_at"))) wanted.half_at = *half;
    return wanted;
}

std::optional<net::Port> port_of(const model::SourceSpec& spec) {
    auto port = spec.number("port", 0);
    return port ? std::optional(net::Port(static_cast<uint16_t>(port))) : std::nullopt;
}

/// What the server says until it closes.
asio::awaitable<Result<std::string>> hear(const net::Endpoint& server, Clock& clock) {
    tcp::socket socket(co_await asio::this_coro::executor);
    bool late = false;
    auto limit = clock.after(kPatience, [&] {
        late = true;
        boost::system::error_code ignored;
        socket.close(ignored);
    });
    auto failed = [&](std::string_view what, const boost::system::error_code& error) {
        return fail(
            "cannot {} {}: {}", what, server.text(),
            late ? fmt::format("it took longer than {}", duration_text(kPatience / 1ms)) : error.message());
    };
    auto address = asio::ip::make_address(server.address.text());
    auto [refused] = co_await socket.async_connect({address, server.port.value()}, net::kAnswer);
    if (refused || late) co_return failed("connect to", refused);
    std::string document;
    std::vector<char> room(65536);
    for (;;) {
        auto [error, size] = co_await socket.async_read_some(asio::buffer(room), net::kAnswer);
        document.append(room.data(), size);
        if (document.size() > kMostBytes)
            co_return fail("{} says more than {} MiB", server.text(), kMostBytes >> 20);
        if (error == asio::error::eof && !late) co_return document;
        if (error || late) co_return failed("hear", error);
    }
}

class GangliaSearch final : public Search {
  public:
    GangliaSearch(const Surroundings& around, const model::SourceSpec& spec, const HostPort& server,
                  Listener& listener)
        : Search(around, listener),
          where_(server.text()),
          lookup_(server.host, server.port),
          wanted_(wanted_of(spec)),
          interval_(spec.duration("interval", kInterval)),
          roll_(port_of(spec)) {}

  private:
    asio::awaitable<void> run() override;
    asio::awaitable<Result<GmondReport>> look();
    asio::awaitable<Result<GmondReport>> ask(net::Endpoint server);

    const std::string where_;
    net::Lookup lookup_;
    const GmondWanted wanted_;
    const std::chrono::milliseconds interval_;
    GmondRoll roll_;
};

asio::awaitable<void> GangliaSearch::run() {
    for (;;) {
        auto report = co_await look();
        if (report) {
            calm_down();
            found(roll_.take(*std::move(report), clock_.now()), where_);
            co_await wait(interval_);
        } else {
            failed(report.error());
            co_await wait_for_next_try();
        }
    }
}

asio::awaitable<Result<GmondReport>> GangliaSearch::ask(net::Endpoint server) {
    auto document = co_await hear(server, clock_);
    if (!document) co_return propagate(document);
    auto report = read_gmond(*std::move(document), wanted_);
    if (!report) co_return propagate(report, server.text());
    co_return report;
}

/// Of a name with several addresses, whichever answers first.
asio::awaitable<Result<GmondReport>> GangliaSearch::look() {
    auto servers = co_await lookup_.run(clock_, clock_.now() + kPatience);
    if (!servers) co_return propagate(servers);
    std::string failures;
    for (const auto& server : *servers) {
        auto report = co_await ask(server);
        if (report) co_return report;
        failures += (failures.empty() ? "" : "; ") + report.error().message;
    }
    co_return std::unexpected(Error{failures});
}

}  // namespace

Kind ganglia_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return Search::start(around,
                                     std::make_shared<GangliaSearch>(
                                         around, spec, *HostPort::parse(spec.text("address")), listener));
            }};
}

}  // namespace weir::discovery
