#include "lab/demo_ecmp.h"

#include "lab/speech.h"

namespace weir::lab {
namespace {

constexpr size_t kConnections = 300;
constexpr size_t kDatagramFlows = 60;
constexpr size_t kAll = kConnections + kDatagramFlows;

}  // namespace

EcmpDemo::EcmpDemo(const std::string& weir_binary)
    : binary_(weir_binary),
      twins_({.lab = "demo-ecmp"}, weir_binary),
      chats_(twins_.client(), twins_.vip(), kConnections, kDatagramFlows) {}

bool EcmpDemo::run() {
    say("{}\n\n"
        "                                    ┌──▶ balancer   10.1.10.100 ──┐\n"
        "  client 10.1.1.2 ──▶ router (BIRD) ┤      ⇅ flows, 239.83.1.1    ├──▶ backends 10.1.10.10, .11, "
        ".12\n"
        "                      192.168.101.1 └──▶ balancer-2 10.1.10.101 ──┘\n\n"
        "  Both announce the VIP by BGP, with BFD every 50 ms; the router spreads flows over both.\n\n",
        strong("weir: two balancers, one VIP"));
    const bool good = talk() && change_backends() && kill() && come_back();
    say("\n{}\n",
        good ? judged("All as it should be.", true) : judged("This is not as it should be.", false));
    if (!good) say("\nThe daemons' logs:\n{}\n{}", twins_.daemon(0).log(), twins_.daemon(1).log());
    return good;
}

bool EcmpDemo::talk() {
    const bool good = wait_until([&] { return chats_.report().talking == kAll; }, 20s);
    const auto report = chats_.report();
    say("{}\n", strong(fmt::format("{} TCP connections and {} UDP flows, each says something every 50 ms",
                                   kConnections, kDatagramFlows)));
    for (const auto& [server, count] : report.by_server) say("  {:12} {:4}\n", server, count);
    return good;
}

bool EcmpDemo::change_backends() {
    say("\n{}\n", strong("A fourth backend joins: by hashing alone, flows would move"));
    twins_.use_backends(4);
    const auto known = [&] { return twins_.flows_from_peers(0) + twins_.flows_from_peers(1); };
    const bool shared = wait_until([&] { return known() >= kAll; }, 20s);
    say("  {} flows are known to the balancer that does not have them\n",
        judged(fmt::format("{}", known()), shared));
    return shared && is_whole("so far");
}

bool EcmpDemo::all_go_on() {
    chats_.restart_clock();
    return wait_until([&] { return chats_.report().longest_stall < 500ms; }, 10s);
}

bool EcmpDemo::is_whole(const char* when) {
    const auto report = chats_.report();
    const bool good = report.broken == 0;
    say("  {}: {}{}\n", when, judged(fmt::format("{} conversations broke", report.broken), good),
        good ? "" : fmt::format(" ({})", report.first_error));
    return good;
}

bool EcmpDemo::kill() {
    say("\n{}\n", strong("The first balancer loses its power: killed with -9, its cable dead"));
    chats_.restart_clock();
    const auto began = std::chrono::steady_clock::now();
    twins_.lose_power(0);
    const bool noticed = wait_until([&] { return twins_.paths() == 1; }, 10s);
    say("  the router takes the other path after {} ms\n",
        milliseconds(std::chrono::steady_clock::now() - began));
    pause_for(1500ms);
    const auto stall = chats_.report().longest_stall;
    const bool good = all_go_on();
    say("  the longest silence in a conversation: {}\n",
        judged(fmt::format("{} ms", stall.count()), stall <= 1s));
    return is_whole("since") && noticed && good;
}

bool EcmpDemo::come_back() {
    say("\n{}\n", strong("It boots again, knowing nothing"));
    chats_.restart_clock();
    twins_.boot(0);
    const bool back = wait_until([&] { return twins_.paths() == 2; }, 20s);
    pause_for(1500ms);
    say("  it has {} flows from its twin, and is announced again; the longest silence: {} ms\n",
        twins_.flows_from_peers(0), chats_.report().longest_stall.count());
    return is_whole("since") && back && all_go_on();
}

void EcmpDemo::stay() {
    say("\n{}\n", strong("It goes on until Ctrl-C. In another terminal:"));
    for (size_t i = 0; i < 2; ++i)
        for (const char* what : {"sync", "bgp", "flows"})
            say("  sudo {} --socket {} {}\n", binary_, twins_.daemon(i).socket(), what);
    say("  sudo ip netns exec {} ip route show {}\n", twins_.routed().router().netns_name(), Twins::kVip);
    for (;;) pause_for(1s);
}

}  // namespace weir::lab
