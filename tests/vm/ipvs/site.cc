#include "tests/vm/ipvs/site.h"

#include "lab/failure.h"
#include "lab/ip_batch.h"
#include "lab/tcp.h"

namespace weir::vm {
namespace {

void add_addresses(lab::Host& host, const std::string& ifname, int lan, int number) {
    host.add_address(ifname, fmt::format("10.1.{}.{}/24", lan, number));
    host.add_address(ifname, fmt::format("2001:db8:{}::{}/64", lan, number));
}

void route_all(lab::Host& host, int number) {
    lab::ip_batch(host, fmt::format("route replace default via 10.1.10.{0}\n"
                                    "route replace default via 2001:db8:10::{0}\n",
                                    number));
}

}  // namespace

net::Endpoint at(const std::string& text) {
    return lab::endpoint(text);
}

model::Backend backend(int number, uint32_t weight, bool v4) {
    return {.address = *net::Ip::parse(fmt::format("{}1{}", v4 ? "10.1.10." : "2001:db8:10::", number)),
            .weight = weight};
}

std::vector<model::Backend> both(bool v4) {
    return {backend(1, 1, v4), backend(2, 1, v4)};
}

model::Frontend frontend(const Wish& wish) {
    auto key = wish.mark ? model::FrontendKey::of(*wish.mark)
                         : model::FrontendKey{*net::Ip::parse(wish.vip), net::Port(wish.port), wish.protocol};
    model::Frontend made{.key = key,
                         .service = "web",
                         .engine = model::EngineKind::ipvs,
                         .forward = {.kind = wish.method},
                         .ipvs = wish.ipvs};
    for (const auto& each : wish.backends)
        made.targets.push_back({.backend = each, .health = {true, ""}, .accepts = model::Accepts::all});
    return made;
}

Site::Site(lab::LanOptions wire) {
    lab_.lan("front", {&client(), &balancer()}, "eth0", wire);
    lab::Host& back = lab_.lan("back", {&backend(1), &backend(2)}, "eth0", wire);
    lab_.plug(back, balancer(), "eth1", wire);
    lab_.plug(back, client(), "eth1", wire);
    add_addresses(client(), "eth0", 1, 1);
    add_addresses(client(), "eth1", 10, 1);
    add_addresses(balancer(), "eth0", 1, 100);
    add_addresses(balancer(), "eth1", 10, 100);
    add_addresses(backend(1), "eth0", 10, 11);
    add_addresses(backend(2), "eth0", 10, 12);
    lab::ip_batch(client(),
                  "route add 192.0.2.0/24 via 10.1.1.100 src 10.1.1.1\n"
                  "route add 2001:db8::/64 via 2001:db8:1::100 src 2001:db8:1::1\n");
    // Before that the kernel sends nothing over IPv6.
    for (const char* ifname : {"eth0", "eth1"}) {
        client().await_carrier(ifname);
        balancer().await_carrier(ifname);
    }
    for (int number : {1, 2}) backend(number).await_carrier("eth0");
    balancer().forward_packets();
    answer_by_balancer();
    restart();
}

void Site::answer_by_balancer() {
    for (int number : {1, 2}) route_all(backend(number), 100);
}

void Site::answer_directly() {
    for (int number : {1, 2}) {
        route_all(backend(number), 1);
        backend(number).add_address("lo", std::string(kVip) + "/32");
        backend(number).add_address("lo", std::string(kVip6) + "/128");
    }
}

void Site::restart() {
    engine_.reset();
    engine_ = lab::must(balancer().run(
        [&] { return engine::ipvs::Ipvs::open(io_.get_executor(), clock_, record(), [] {}); }));
}

Status Site::apply(const std::vector<Wish>& wishes) {
    model::Plan plan;
    for (const auto& wish : wishes) plan.frontends.push_back(frontend(wish));
    return apply(plan);
}

Status Site::apply(const model::Plan& plan) {
    return balancer().run([&] { return engine_->apply(plan); });
}

void Site::pass(Clock::Duration span) {
    balancer().run([&] { clock_.move(span); });
}

std::string Site::why_unreachable() {
    std::string all;
    for (const auto& [key, why] : engine_->unreachable())
        all += fmt::format("{} {}: {}\n", key.frontend.text(), key.backend.text(), why);
    return all;
}

std::string Site::ipvsadm(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "ipvsadm");
    auto done = lab::run(balancer(), arguments);
    if (done.status != 0) lab::give_up("{} fails: {}", fmt::join(arguments, " "), done.err);
    return done.out;
}

}  // namespace weir::vm
