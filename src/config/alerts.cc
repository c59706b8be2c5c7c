// Who is told of what happens. A webhook's URL is a secret with some receivers: no message repeats it.
#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "config/check_kinds.h"
#include "model/kind_names.h"

namespace weir::config {
namespace {

constexpr size_t kMostUrl = 2048;
constexpr uint16_t kSyslogPort = 514;

Result<std::string> read_url(std::string_view text) {
    auto parsed = boost::urls::parse_uri({text.data(), text.size()});
    if (!parsed || text.size() > kMostUrl || parsed->encoded_host().empty() ||
        (parsed->has_port() && parsed->port_number() == 0))
        return fail("this is not a whole URL; write one such as https://alerts.example.com/weir");
    if (parsed->scheme_id() != boost::urls::scheme::http && parsed->scheme_id() != boost::urls::scheme::https)
        return fail("a URL of '{}' is not a webhook's; write http or https", std::string(parsed->scheme()));
    if (parsed->has_userinfo())
        return fail(
            "a URL with a user in it is not taken; write 'headers: {{Authorization: …}}' in place of that");
    if (parsed->has_fragment()) return fail("a fragment (#…) is not sent to a server; leave it out");
    return std::string(text);
}

Result<std::string> read_url_file(std::string_view path) {
    auto text = read_named_file(std::string(path), "URL file", kMostUrl + 2);
    if (!text) return propagate(text);
    auto end = text->find_last_not_of(" \t\r\n");
    auto url = read_url(std::string_view(*text).substr(0, end == text->npos ? 0 : end + 1));
    if (!url) return propagate(url, fmt::format("what '{}' holds", path));
    return url;
}

model::Webhook read_webhook(const Fields& fields, Mistakes& mistakes) {
    model::Webhook webhook;
    bool has_url = fields.parsed("url", read_url, webhook.url);
    if (fields.find("url") && fields.find("url_file"))
        mistakes.add(fields.place_of("url_file"), "there is a 'url' already; keep one of the two");
    else if (fields.find("url_file"))
        has_url = fields.parsed("url_file", read_url_file, webhook.url);
    else if (!fields.find("url"))
        mistakes.add(fields.place_of("url"),
                     "webhook has no URL; add 'url', or 'url_file' where it is a secret");
    fields.choice("format", webhook.format);
    if (const Node* headers = fields.mapping("headers")) webhook.headers = read_headers(*headers, mistakes);
    const Node* tls = fields.mapping("tls");
    if (!tls) return webhook;
    webhook.tls = read_tls(Fields(*tls, kWebhookTls, "tls", tls->place, mistakes), mistakes);
    if (has_url && boost::urls::parse_uri(webhook.url)->scheme_id() == boost::urls::scheme::http)
        mistakes.add(tls->place, "the URL is of http, which has no TLS; write https, or leave 'tls' out");
    return webhook;
}

Result<std::optional<net::Endpoint>> read_server(std::string_view text) {
    if (auto address = net::Ip::parse(text)) return net::Endpoint{*address, net::Port(kSyslogPort)};
    auto endpoint = net::Endpoint::parse(text);
    if (!endpoint) return fail("'{}' is not an address; write 192.0.2.1 or 192.0.2.1:514", text);
    return *endpoint;
}

model::Syslog read_syslog(const Fields& fields, Mistakes&) {
    model::Syslog syslog;
    fields.parsed("server", read_server, syslog.server);
    fields.choice("facility", syslog.facility);
    return syslog;
}

using To = decltype(model::Alert::to);

template <auto Read>
To read_as(const Fields& fields, Mistakes& mistakes) {
    return Read(fields, mistakes);
}

model::Journal read_journal(const Fields&, Mistakes&) {
    return {};
}

struct Way {
    const Section& section;  // named as the setting is
    To (*read)(const Fields& settings, Mistakes& mistakes);
};

const Way kWays[] = {
    {kWebhook, read_as<read_webhook>}, {kSyslog, read_as<read_syslog>}, {kJournal, read_as<read_journal>}};

To read_way(const Way& way, const Node& settings, Mistakes& mistakes) {
    Node empty{.kind = Node::Kind::mapping, .place = settings.place};
    const Node& mapping = settings.kind == Node::Kind::empty ? empty : settings;
    return way.read(Fields(mapping, way.section, std::string(way.section.name), settings.place, mistakes),
                    mistakes);
}

void read_to(const Fields& fields, Place at, model::Alert& alert, Mistakes& mistakes) {
    const Way* first = nullptr;
    for (const auto& way : kWays) {
        const Node* settings = fields.find(way.section.name);
        if (!settings) continue;
        if (first)
            return mistakes.add(settings->place, "this alert goes two ways, {} and {}; write two alerts",
                                first->section.name, way.section.name);
        first = &way;
        alert.to = read_way(way, *settings, mistakes);
    }
    if (!first)
        mistakes.add(at,
                     "this alert goes nowhere; add 'webhook: {{url: …}}', 'syslog: {{}}' or 'journal: {{}}'");
}

Result<model::EventKind> read_kind(std::string_view text) {
    if (auto kind = model::kind_named(text)) return *kind;
    std::vector<std::string_view> known;
    known.reserve(model::kEventKinds);
    for (size_t i = 0; i < model::kEventKinds; ++i)
        known.push_back(model::to_text(static_cast<model::EventKind>(i)));
    return fail("unknown kind of event '{}'; {}", text,
                suggest(text, known, "doc/api.md has a table of them"));
}

void read_severity(const Node& node, model::Alert& alert, Mistakes& mistakes) {
    using model::Severity;
    constexpr std::pair<std::string_view, Severity> kWords[] = {
        {"all", Severity::info}, {"warning", Severity::warning}, {"error", Severity::error}};
    auto found = std::ranges::find(kWords, node.text, &std::pair<std::string_view, Severity>::first);
    if (found != std::end(kWords))
        alert.severity = found->second;
    else
        mistakes.add(node.place, "events '{}' is none of all, warning and error; write a list of kinds: [{}]",
                     node.text, node.text);
}

void read_events(const Fields& fields, model::Alert& alert, Mistakes& mistakes) {
    const Node* node = fields.find("events");
    if (!node) return;
    if (node->kind == Node::Kind::scalar) return read_severity(*node, alert, mistakes);
    for (const auto& kind : read_distinct<model::EventKind>(fields, "events", read_kind, mistakes))
        alert.events.push_back(kind.value);
    if (node->kind == Node::Kind::sequence && node->items.empty())
        mistakes.add(node->place, "'events' is an empty list; write {}", fields.takes("events"));
    std::ranges::sort(alert.events);
}

model::Alert read_alert(const Node& node, const std::string& name, Place at, Mistakes& mistakes) {
    Fields fields(node, kAlert, fmt::format("alert '{}'", name), at, mistakes);
    model::Alert alert;
    if (node.kind != Node::Kind::mapping) return alert;
    read_to(fields, at, alert, mistakes);
    read_events(fields, alert, mistakes);
    fields.duration("settle", alert.settle);
    fields.number("rate", alert.rate);
    return alert;
}

}  // namespace

std::map<std::string, model::Alert> read_alerts(const Node& node, Mistakes& mistakes) {
    std::map<std::string, model::Alert> alerts;
    for (const auto& [key, value] : named_entries(node, "alert", mistakes))
        alerts.emplace(key->text, read_alert(*value, key->text, key->place, mistakes));
    return alerts;
}

}  // namespace weir::config
