#include "engine/xdp/xdp.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <unordered_set>

#include "base/log.h"
#include "engine/xdp/bpffs.h"
#include "engine/xdp/libbpf_log.h"
#include "engine/xdp/pins.h"
#include "net/packet.h"

namespace weir::engine::xdp {
namespace {

using namespace std::chrono_literals;

constexpr auto kScanStep = 20ms;
constexpr auto kBetweenBeats = 500ms;
constexpr auto kBetweenLooks = 5s;
// An adopted datapath keeps forwarding to the MACs it knows until the neighbours have had time to answer.
constexpr auto kAdoptedFor = 3s;
constexpr size_t kAskedInAMillisecond = 5;  // net/neighbours.h

std::set<net::Ip> backends_of(const model::Plan& plan) {
    std::unordered_set<net::Ip, IpHash> backends;  // many services share a pool
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets) backends.insert(target.backend.address);
    return {backends.begin(), backends.end()};
}

bool names(const model::Plan& plan, const std::string& interface) {
    return std::ranges::find(plan.interfaces, interface, &model::Interface::name) != plan.interfaces.end();
}

/// Whether the ways to all targets are looked for in the same manner.
bool has_same_ways(const model::Plan& a, const model::Plan& b) {
    return model::same_targets(a, b) && a.interfaces == b.interfaces && a.vlans == b.vlans &&
           a.node_address == b.node_address;
}

}  // namespace

Xdp::Xdp(const boost::asio::any_io_executor& executor, std::string pins, std::function<void()> on_change)
    : scan_timer_(executor),
      adopted_timer_(executor),
      capture_timer_(executor),
      pins_(std::move(pins)),
      on_change_(std::move(on_change)) {}

Xdp::~Xdp() = default;

Result<std::unique_ptr<Xdp>> Xdp::open(const boost::asio::any_io_executor& executor, const std::string& pins,
                                       std::function<void()> on_change) {
    log_libbpf();
    if (auto ready = prepare_pins(pins); !ready) return propagate(ready);
    std::unique_ptr<Xdp> xdp(new Xdp(executor, pins, std::move(on_change)));
    auto tables =
        Tables::open(maps_directory(pins), [raw = xdp.get()](int program) { return raw->use(program); });
    if (!tables) return propagate(tables);
    xdp->tables_ = std::move(*tables);
    auto detour = Detour::load();
    if (!detour) return propagate(detour);
    xdp->detour_ = std::move(*detour);
    auto neighbours = net::Neighbours::open(executor, [raw = xdp.get()] { raw->look_around(); });
    if (!neighbours) return propagate(neighbours);
    xdp->neighbours_ = std::move(*neighbours);

    for (const auto& recovered : xdp->tables_->recovered())
        if (recovered.hop.mac != net::Mac{}) adopt(xdp->adopted_, recovered.key.backend, recovered.hop);
    if (!xdp->adopted_.empty())
        spdlog::info("adopted a running datapath with {} targets", xdp->tables_->recovered().size());
    xdp->scan_later();
    return xdp;
}

/// From when the neighbours are asked, which is not before the loop runs.
void Xdp::forget_adopted_later() {
    if (adopted_.empty()) return;
    adopted_timer_.expires_after(kAdoptedFor +
                                 std::chrono::milliseconds(adopted_.size() / kAskedInAMillisecond));
    adopted_timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        adopted_.clear();
        look_around();
    });
}

void Xdp::scan_later() {
    scan_timer_.expires_after(kScanStep);
    scan_timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (error || alive.expired()) return;
        // By the clock: on a busy machine a step comes late.
        auto now = Clock::now();
        if (plan_.watchdog.count() > 0 && now >= next_beat_) {
            next_beat_ = now + kBetweenBeats;
            if (auto wound = tables_->beat(plan_.watchdog); !wound)
                spdlog::error("{}", wound.error().message);
        }
        tables_->scan();
        listen_for_claims();
        if (now >= next_look_) {
            next_look_ = now + kBetweenLooks;
            look_after_filters();
            attach_what_failed();
        }
        scan_later();
    });
}

/// Frames of our own that come back by another interface are nobody else's.
void Xdp::listen_for_claims() {
    for (const auto& [vip, mac, interface] : tables_->take_conflicts()) {
        if (std::ranges::any_of(up_, [&](const auto& entry) { return entry.second.mac == mac; })) continue;
        auto link = neighbours_->link(static_cast<int>(interface));
        auto name = link ? link->name : fmt::format("interface {}", interface);
        if (claims_.note(vip, mac, name, std::chrono::system_clock::now()))
            spdlog::warn("{} is also claimed by {} on {}", vip.text(), mac.text(), name);
    }
}

/// Puts back what somebody has taken from an interface: without the filters no probe finds its way.
void Xdp::look_after_filters() {
    for (const auto& [name, attachment] : attachments_)
        if (auto attached = detour_->attach(attachment.ifindex(), name); !attached)
            note_failure(name, attached.error().message);
        else
            failures_.erase(name);
}

model::HealthMap Xdp::recovered() const {
    model::HealthMap health;
    for (const auto& recovered : tables_->recovered())
        health.emplace(recovered.key, recovered.accepts == model::Accepts::nothing
                                          ? model::Health{false, "down before the restart"}
                                          : model::Health{true, "up before the restart"});
    return health;
}

Status Xdp::apply(const model::Plan& plan) {
    bool first = plan_.interfaces.empty(), same = has_same_ways(plan_, plan);
    auto former = std::exchange(plan_, plan);
    if (!same) {
        // Both plans' backends until it is known which plan stays: who is watched anew has to be found anew.
        auto both = backends_of(former);
        both.merge(backends_of(plan_));
        neighbours_->watch(both);
        find_ways();
    }
    // Nothing beats meanwhile. By the time that holds if it fails; at the start there is none yet.
    if (auto time = first ? plan_.watchdog : former.watchdog; time.count() > 0)
        if (auto wound = tables_->beat(time); !wound) spdlog::error("{}", wound.error().message);
    auto applied = tables_->apply(plan_, hops_);
    if (!applied) plan_ = std::move(former);
    if (!same) {
        neighbours_->watch(backends_of(plan_));
        if (!applied) find_ways();
    }
    if (!applied) return applied;
    if (first) forget_adopted_later();
    auto wound = tables_->beat(plan_.watchdog);
    auto attached = attach_all();
    return attached ? wound : attached;
}

/// Said once.
void Xdp::note_failure(const std::string& interface, const std::string& why) {
    auto& known = failures_[interface];
    if (known != why) spdlog::error("{}: {}", interface, why);
    known = why;
}

/// A former daemon's links and filters on interfaces that the configuration no longer names.
void Xdp::take_back_from_others() {
    std::error_code ignored;
    for (const auto& pin : std::filesystem::directory_iterator(links_directory(pins_), ignored)) {
        auto name = interface_of(pin.path());
        if (names(plan_, name)) continue;
        std::filesystem::remove(pin.path(), ignored);
        auto link = neighbours_->link(name);
        if (!link) continue;
        if (auto removed = detour_->remove(link->index, name); !removed)
            spdlog::warn("{}", removed.error().message);
    }
}

/// Brings the interfaces in line with the plan. One that fails does not keep the others from it, but none is
/// no datapath.
Status Xdp::attach_all() {
    for (auto it = attachments_.begin(); it != attachments_.end();) {
        auto& [name, attachment] = *it;
        auto wanted = std::ranges::find(plan_.interfaces, name, &model::Interface::name);
        if (wanted != plan_.interfaces.end() && wanted->mode == attachment.wanted() && attachment.alive()) {
            ++it;
            continue;
        }
        detour_->detach(attachment.ifindex());
        attachment.detach();
        it = attachments_.erase(it);
    }
    take_back_from_others();
    std::erase_if(failures_, [&](const auto& failure) { return !names(plan_, failure.first); });
    for (const auto& interface : plan_.interfaces)
        if (!attachments_.contains(interface.name)) attach(interface, *tables_->program());
    up_ = ports(true);
    if (auto shown = show_ports(); !shown) return shown;
    if (failures_.empty() || !attachments_.empty()) return {};
    return fail("{}: {}", failures_.begin()->first, failures_.begin()->second);
}

/// Nobody tells when what kept an interface from it has gone, a program of somebody else's for instance.
void Xdp::attach_what_failed() {
    if (failures_.empty()) return;
    auto attached = attachments_.size();
    if (auto done = attach_all(); !done) spdlog::debug("{}", done.error().message);
    if (attachments_.size() != attached) on_change_();
}

/// Attached without the probes' filters it forwards all the same; look_after_filters() tries these again.
void Xdp::attach(const model::Interface& interface, int program) {
    const auto& name = interface.name;
    auto link = neighbours_->link(name);
    if (!link) return note_failure(name, fmt::format("there is no interface {}", name));
    auto attachment = Attachment::attach(link->index, interface, program, link_pin(pins_, name));
    if (!attachment) return note_failure(name, attachment.error().message);
    spdlog::info("{}: XDP attached, {} mode", name, attachment->native() ? "native" : "generic");
    attachments_.emplace(name, std::move(*attachment));
    if (auto filters = detour_->attach(link->index, name); !filters)
        note_failure(name, filters.error().message);
    else
        failures_.erase(name);
}

/// Puts a program into force where the former one runs; on other interfaces it comes with attach_all().
Status Xdp::use(int program) {
    for (auto& [name, attachment] : attachments_) {
        if (!attachment.alive()) continue;
        if (auto used = attachment.use(program); !used) return propagate(used, name);
    }
    for (const auto& interface : plan_.interfaces)
        if (!attachments_.contains(interface.name)) attach(interface, program);
    return {};
}

/// The kernel's links or neighbours changed.
void Xdp::look_around() {
    auto former = up_;
    bool lost = std::ranges::any_of(attachments_, [](const auto& entry) { return !entry.second.alive(); });
    bool missing = std::ranges::any_of(
        plan_.interfaces, [&](const auto& interface) { return !attachments_.contains(interface.name); });
    bool moved = find_ways();
    if (auto shown = show_ports(); !shown) spdlog::warn("{}", shown.error().message);
    if (tables_->program() && (moved || lost))
        if (auto applied = tables_->apply(plan_, hops_); !applied)
            spdlog::error("cannot follow a change of the neighbours: {}", applied.error().message);
    if (tables_->program() && (lost || missing))
        if (auto attached = attach_all(); !attached) spdlog::debug("{}", attached.error().message);
    // An interface that came up, or has another MAC, is one more to announce VIPs on.
    up_ = ports(true);
    if (moved || up_ != former) on_change_();
}

/// The interfaces that the datapath is attached to.
Ports Xdp::ports(bool only_up) const {
    Ports ports;
    for (const auto& [name, attachment] : attachments_)
        if (auto link = neighbours_->link(attachment.ifindex()); link && (link->up || !only_up))
            ports.emplace(link->index, Port{link->mac, !attachment.native(), 0, link->mtu});
    return ports;
}

/// Tells the datapath by which interfaces packets come in. The native program of a bond runs on the bond's
/// ports, and sees a packet come in by one of them.
Status Xdp::show_ports() {
    auto shown = ports(false);
    for (const auto& [index, link] : neighbours_->links()) {
        auto bond = shown.find(static_cast<uint32_t>(link.master));
        if (bond != shown.end() && !bond->second.generic)
            shown.emplace(static_cast<uint32_t>(index),
                          Port{bond->second.mac, false, bond->first, bond->second.mtu});
    }
    return tables_->set_ports(shown);
}

Observation Xdp::observe() {
    auto observation = observe({});
    tables_->observe_targets(observation);
    return observation;
}

Observation Xdp::observe(const std::vector<model::TargetKey>& targets) {
    Observation observation;
    for (const auto& interface : plan_.interfaces) {
        InterfaceState state{interface.name, "", ""};
        if (auto found = attachments_.find(interface.name); found != attachments_.end())
            state.mode = found->second.native() ? "native" : "generic";
        if (auto failed = failures_.find(interface.name); failed != failures_.end())
            state.error = failed->second;
        observation.interfaces.push_back(std::move(state));
    }
    tables_->observe(observation, targets);
    observation.claims = claims_.of(plan_, std::chrono::system_clock::now());
    return observation;
}

Result<Verdict> Xdp::trace(const Flow& flow) {
    if (flow.source.address.family() != flow.frontend.vip.family())
        return fail("{} and {} are of different families", flow.source.address.text(),
                    flow.frontend.vip.text());
    if (attachments_.empty()) return fail("no interface is attached");
    // As it would come from a client: to the MAC of the first interface, not the first packet of its flow.
    auto link = neighbours_->link(attachments_.begin()->second.ifindex());
    if (!link) return fail("the interface {} has gone", attachments_.begin()->first);
    net::PacketSpec packet;
    packet.destination_mac = link->mac;
    packet.source_mac = *net::Mac::parse("02:00:00:00:00:01");
    packet.source = flow.source;
    packet.destination = {flow.frontend.vip, flow.frontend.port};
    packet.protocol = static_cast<uint8_t>(flow.frontend.protocol);
    packet.tcp_flags = net::kTcpAck;
    return tables_->ask(net::build_frame(packet), link->index);
}

}  // namespace weir::engine::xdp
