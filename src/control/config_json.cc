#include "control/config_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/json_parts.h"
#include "model/plan.h"
#include "model/source_text.h"

namespace weir::control {
namespace {

namespace json = boost::json;

json::value secret(bool set) {
    return set ? json::value("set") : json::value(nullptr);
}

json::object headers_json(const std::vector<std::pair<std::string, std::string>>& headers) {
    json::object object;
    for (const auto& [name, value] : headers) object[name] = secret(true);
    return object;
}

json::object tls_json(const model::Tls& tls) {
    return {{"sni", or_null(tls.sni)},
            {"verify", tls.verify},
            {"ca_file", secret(!tls.authorities.empty())},
            {"certificate", secret(!tls.certificate.empty())},
            {"key", secret(!tls.key.empty())},
            {"expiry_warning_seconds", seconds(tls.expiry_warning)}};
}

/// What each kind of check is called, and its settings.
struct KindJson {
    using Named = std::pair<const char*, json::object>;

    static json::object said(const std::string& send, const std::string& expect) {
        return {{"send", secret(!send.empty())}, {"expect", secret(!expect.empty())}};
    }
    static json::object http(const model::HttpCheck& check) {
        auto expect = [](const model::StatusRange& range) {
            return text(range.first == range.last ? fmt::format("{}", range.first)
                                                  : fmt::format("{}-{}", range.first, range.last));
        };
        auto query = check.path.find('?');
        return {{"path", text(std::string_view(check.path).substr(0, query))},
                {"query", secret(query != check.path.npos)},
                {"host", or_null(check.host)},
                {"expect", list(check.expect, expect)},
                {"method", text(model::to_text(check.method))},
                {"headers", headers_json(check.headers)},
                {"body", secret(!check.body.empty())}};
    }

    Named operator()(const model::TcpCheck& check) const { return {"tcp", said(check.send, check.expect)}; }
    Named operator()(const model::SynCheck&) const { return {"syn", {}}; }
    Named operator()(const model::UdpCheck& check) const { return {"udp", said(check.send, check.expect)}; }
    Named operator()(const model::IcmpCheck&) const { return {"icmp", {}}; }
    Named operator()(const model::HttpCheck& check) const { return {"http", http(check)}; }
    Named operator()(const model::HttpsCheck& check) const {
        auto object = http(check.http);
        object["tls"] = tls_json(check.tls);
        return {"https", std::move(object)};
    }
    Named operator()(const model::DnsCheck& check) const {
        return {"dns",
                {{"name", check.name},
                 {"type", check.type},
                 {"expect", or_null(check.expect)},
                 {"rcode", check.rcode},
                 {"carrier", check.over_tcp ? "tcp" : "udp"}}};
    }
    Named operator()(const model::ExecCheck& check) const {
        return {"exec",
                {{"program", or_null(check.command.empty() ? "" : check.command.front())},
                 {"arguments", secret(check.command.size() > 1)},
                 {"user", check.user},
                 {"group", check.group}}};
    }
};

json::object check_json(const model::Check& check) {
    auto [kind, settings] = std::visit(KindJson(), check.kind);
    return {{"kind", kind},
            {"settings", std::move(settings)},
            {"port", check.port ? json::value(check.port->value()) : nullptr},
            {"interval_seconds", seconds(check.interval)},
            {"timeout_seconds", seconds(check.timeout)},
            {"history", check.history},
            {"rise", check.rise},
            {"fall", check.fall}};
}

json::object backend_json(const model::Backend& backend) {
    return {{"address", backend.address.text()},
            {"weight", backend.weight},
            {"state", text(model::to_text(backend.state))},
            {"port", backend.port ? json::value(backend.port->value()) : nullptr},
            {"server_id", server_id_json(backend.server_id)},
            {"max_connections", backend.max_connections},
            {"priority", backend.priority},
            {"min_connections", backend.min_connections}};
}

std::string ports_text(const model::ServicePort& ports) {
    model::FrontendKey key;
    key.port = ports.port;
    key.more_ports = ports.more;
    return key.port_text() + "/" + model::to_text(ports.protocol);
}

json::value family_json(net::Family family) {
    return family == net::Family::v4 ? "inet" : "inet6";
}

json::object service_json(const model::Service& service) {
    auto vip_text = [](const net::Prefix& vip) {
        return text(net::free_bits(vip) == 0 ? vip.address.text() : vip.text());
    };
    return {{"vip", list(service.vips, vip_text)},
            {"ports", list(service.ports, [](const auto& ports) { return text(ports_text(ports)); })},
            {"mark", service.mark ? json::value(service.mark->number) : nullptr},
            {"family", service.mark ? family_json(service.mark->family) : nullptr},
            {"pool", service.pool},
            {"backup", list(service.backup, [](const auto& pool) { return text(pool); })},
            {"fallback", or_null(service.fallback)},
            {"overflow_percent", service.overflow},
            {"slow_start_seconds", seconds(service.slow_start)},
            {"fail_open", service.fail_open},
            {"engine", text(model::to_text(service.engine))},
            {"forward", text(model::to_text(service.forward.kind))},
            {"forward_settings", forward_settings_json(service.forward)},
            {"scheduler", text(model::scheduler_text(service.scheduler, service.ipvs))},
            {"table_size", table_size_json(service.scheduler, service.ipvs)},
            {"ipvs", ipvs_json(service.ipvs)},
            {"proxy", proxy_json(service.proxy)},
            {"sticky", sticky_json(service.sticky)},
            {"quic", list(service.quic, quic_json)},
            {"announce_arp", service.announce_arp},
            {"announce_bgp", service.bgp ? json::value(bgp_attributes_json(*service.bgp)) : nullptr},
            {"need", service.need},
            {"checks", list(service.checks, check_json)}};
}

/// `https://hooks.example.com`: a path may be what lets one in.
std::string origin_of(const std::string& url) {
    auto scheme = url.find("://");
    if (scheme == url.npos) return "";
    auto host = scheme + 3;
    auto end = std::min(url.find_first_of("/?#", host), url.size());
    auto user = url.rfind('@', end);
    if (user != url.npos && user >= host) host = user + 1;
    return url.substr(0, scheme + 3) + url.substr(host, end - host);
}

/// Whom an alert goes to, and how.
struct ReceiverJson {
    using Named = std::pair<const char*, json::object>;

    Named operator()(const model::Webhook& hook) const {
        constexpr const char* kFormats[] = {"json", "slack", "teams"};
        return {"webhook",
                {{"origin", origin_of(hook.url)},
                 {"format", kFormats[static_cast<size_t>(hook.format)]},
                 {"headers", headers_json(hook.headers)},
                 {"tls", tls_json(hook.tls)}}};
    }
    Named operator()(const model::Syslog& syslog) const {
        return {"syslog",
                {{"server", syslog.server ? json::value(syslog.server->text()) : nullptr},
                 {"facility", syslog.facility}}};
    }
    Named operator()(const model::Journal&) const { return {"journal", {}}; }
};

json::object alert_json(const model::Alert& alert) {
    auto [to, settings] = std::visit(ReceiverJson(), alert.to);
    return {{"to", to},
            {"settings", std::move(settings)},
            {"events", list(alert.events, [](auto kind) { return text(model::to_text(kind)); })},
            {"severity", text(model::to_text(alert.severity))},
            {"settle_seconds", seconds(alert.settle)},
            {"rate", alert.rate}};
}

json::object admin_json(const model::Admin& admin) {
    return {{"listen", admin.listen ? json::value(admin.listen->text()) : nullptr},
            {"certificate", secret(!admin.certificate.empty())},
            {"key", secret(!admin.key.empty())},
            {"viewer_token", secret(!admin.viewer_token.empty())},
            {"operator_token", secret(!admin.operator_token.empty())}};
}

json::object source_json(const model::SourceSpec& source) {
    json::object settings;
    for (const auto& [name, value] : source.settings) settings[name] = text(model::text_of(value));
    return {{"kind", text(source.kind)}, {"settings", std::move(settings)}};
}

json::object pool_json(const model::Pool& pool) {
    return {{"static", list(pool.backends, backend_json)},
            {"sources", list(pool.sources, source_json)},
            {"minimum", fmt::format("{}{}", pool.minimum.count, pool.minimum.is_percent ? "%" : "")},
            {"damping_seconds", seconds(pool.damping)}};
}

template <class Value, class Make>
json::object by_name(const std::map<std::string, Value>& values, Make make) {
    json::object object;
    for (const auto& [name, value] : values) object[name] = make(value);
    return object;
}

}  // namespace

json::object config_json(const model::Config& config) {
    return {{"node_address", config.node_address ? json::value(config.node_address->text()) : nullptr},
            {"interfaces", interfaces_json(config.interfaces)},
            {"vlans", vlans_json(config.vlans)},
            {"admin", admin_json(config.admin)},
            {"flows", flows_json(config.flows)},
            {"icmp", icmp_json(config.icmp)},
            {"unmatched", config.unmatched == model::Unmatched::drop ? "drop" : "pass"},
            {"announce", json::object{{"learn_seconds", config.announcing.learn.count()},
                                      {"linger_seconds", config.announcing.linger.count()}}},
            {"bgp", bgp_config_json(config.bgp)},
            {"sync", sync_config_json(config.sync)},
            {"watchdog_seconds", config.watchdog.count()},
            {"ipvs_sync", ipvs_sync_json(config.ipvs_sync)},
            {"ipvs_timeouts", ipvs_timeouts_json(config.ipvs_timeouts)},
            {"proxy", proxy_engine_json(config.proxy)},
            {"alerts", by_name(config.alerts, alert_json)},
            {"pools", by_name(config.pools, pool_json)},
            {"services", by_name(config.services, service_json)}};
}

}  // namespace weir::control
