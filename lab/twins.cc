#include "lab/twins.h"

#include <sys/stat.h>

#include "lab/failure.h"
#include "lab/tcp.h"

namespace weir::lab {
namespace {

constexpr size_t kBackends = 4;

/// The router of the lab.
std::string bird_config(bool bfd) {
    std::string text =
        "protocol kernel { merge paths on; ipv4 { export all; import none; }; }\n"
        "protocol bfd { interface \"eth0\" { interval 50 ms; multiplier 3; }; }\n";
    for (unsigned i = 0; i < 2; ++i)
        text += fmt::format(
            "protocol bgp balancer{} {{ local 10.1.10.1 as 65001; neighbor {} as 65000; bfd {};\n"
            "  hold time 3; connect delay time 1; connect retry time 1; error wait time 1, 2;\n"
            "  ipv4 {{ import all; export none; }}; }}\n",
            i + 1, Routed::balancer4(i), bfd ? "on" : "off");
    return text;
}

}  // namespace

Twins::Twins(const TwinsOptions& options, const std::string& binary)
    : options_(options),
      routed_({.lab = options.lab,
               .near = kBackends,
               .far = 0,
               .balancers = 2,
               .static_vips = false,
               .ipv6 = false}),
      binary_(binary) {
    const std::string key = secrets_.write("sync.key", "the lab's key, which is no secret\n");
    check(::chmod(key.c_str(), 0600), "cannot protect {}", key);
    // By ports too, or all flows of the one client would take one path.
    routed_.router().sysctl("net.ipv4.fib_multipath_hash_policy", "1");
    for (size_t i = 0; i < kBackends; ++i)
        servers_.emplace_back(routed_.backend(i), vip(), routed_.backend(i).name());
    bird_.emplace(routed_.router(), "10.1.10.1", bird_config(options_.bfd));
    for (size_t i = 0; i < daemons_.size(); ++i) boot(i);
    if (!wait_until([&] { return paths() == daemons_.size(); }, 30s))
        give_up("the router has not both paths: {}\n{}\n{}", bird_->ask({"show", "route", "all"}),
                daemon(0).log(), daemon(1).log());
}

net::Endpoint Twins::vip() const {
    return endpoint(fmt::format("{}:{}", kVip, kPort));
}

std::string Twins::config(size_t i) const {
    std::string backends;
    for (size_t k = 0; k < backends_; ++k)
        backends += fmt::format("{}{}", k == 0 ? "" : ", ", routed_.address4(k));
    const auto self = Routed::balancer4(static_cast<unsigned>(i));
    const std::string sync =
        options_.sync ? fmt::format("sync: {{group: \"239.83.1.1:8383\", interface: eth0, key_file: {}}}\n",
                                    std::string(secrets_ / "sync.key"))
                      : "";
    return fmt::format(
        "node: {{address: {}}}\n"
        "interfaces: [eth0]\n"
        "bgp: {{asn: 65000, peers: [{{address: 10.1.10.1, asn: 65001, hold_time: 3s, connect_retry: "
        "1s{}}}]}}\n"
        "{}"
        "pools: {{chat: {{static: [{}]}}}}\n"
        "services:\n"
        "  chat:\n"
        "    vip: [{}]\n"
        "    ports: [{}/tcp, {}/udp]\n"
        "    pool: chat\n"
        "    forward: dsr\n",
        self, options_.bfd ? ", bfd: {interval: 50ms, multiplier: 3}" : "", sync, backends, kVip, kPort,
        kPort);
}

size_t Twins::paths() {
    const std::string routes = bird_->ask({"show", "route", "for", kVip});
    size_t count = 0;
    for (size_t at = 0; (at = routes.find("via 10.1.10.10", at)) != std::string::npos; ++at) ++count;
    return count;
}

uint64_t Twins::flows_from_peers(size_t i) {
    return must(daemon(i).get("/api/v1/sync")).at("flows_from_peers").to_number<uint64_t>();
}

void Twins::use_backends(size_t count) {
    backends_ = count;
    for (size_t i = 0; i < daemons_.size(); ++i) {
        const auto plan = [&] { return must(daemon(i).get("/api/v1/plan")); };
        daemon(i).reload(config(i));
        const auto has_them = [&] {
            return plan().at("frontends").at(0).at("targets").as_array().size() == count;
        };
        if (!wait_until(has_them, 20s)) give_up("no {} backends: {}", count, daemon(i).log());
    }
}

void Twins::lose_power(size_t i) {
    routed_.cable(static_cast<unsigned>(i), false);
    daemon(i).kill();
    daemons_.at(i).reset();
}

void Twins::boot(size_t i) {
    const auto number = static_cast<unsigned>(i);
    routed_.cable(number, true);
    daemons_.at(i).emplace(routed_.balancer(number), binary_, config(i));
}

}  // namespace weir::lab
