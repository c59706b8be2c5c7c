#include "engine/xdp/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/log.h"
#include "engine/xdp/bpffs.h"
#include "net/packet.h"

namespace weir::engine::xdp {
namespace {

using namespace std::chrono_literals;

constexpr auto kScanStep = 20ms;
constexpr uint64_t kStepsBetweenLooks = 250;  // five seconds
constexpr uint64_t kStepsBetweenBeats = 25;   // half a second
// An adopted datapath keeps forwarding to the MACs it knows until the neighbours have had time to answer.
constexpr auto kAdoptedFor = 3s;

std::string maps_directory(const std::string& pins) {
    return pins + "/maps";
}
std::string links_directory(const std::string& pins) {
    return pins + "/links";
}

/// The pin of an interface's link, and back. A BPF file system takes no names with a dot, an interface none
/// with a colon.
std::string link_pin(const std::string& pins, std::string interface) {
    std::ranges::replace(interface, '.', ':');
    return links_directory(pins) + "/" + interface;
}

std::string interface_of(const std::filesystem::path& pin) {
    auto name = pin.filename().string();
    std::ranges::replace(name, ':', '.');
    return name;
}

int log_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
    if (level == LIBBPF_DEBUG) return 0;
    char line[1024];
    int length = vsnprintf(line, sizeof line, format, arguments);
    if (length > 0 && line[std::min<size_t>(static_cast<size_t>(length), sizeof line) - 1] == '\n')
        line[std::min<size_t>(static_cast<size_t>(length), sizeof line) - 1] = 0;
    spdlog::debug("{}", line);
    return length;
}

/// The interface's first address of a family; a global one before a link-local one.
std::optional<net::Ip> address_of(const net::Link& link, net::Family family) {
    std::optional<net::Ip> found;
    for (const auto& address : link.addresses) {
        if (address.family() != family) continue;
        if (!address.is_link_local()) return address;
        if (!found) found = address;
    }
    return found;
}

std::set<net::Ip> backends_of(const model::Plan& plan) {
    std::set<net::Ip> backends;
    for (const auto& frontend : plan.frontends)
        for (const auto& target : frontend.targets) backends.insert(target.backend.address);
    return backends;
}

/// A socket that cannot be made is a want of this host's, once the way is known.
net::Opened made_here(Result<net::Passage> opened) {
    if (opened) return std::move(*opened);
    return std::unexpected(net::NoPassage(opened.error(), true));
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
    libbpf_set_print(log_libbpf);
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
    if (!xdp->adopted_.empty()) {
        spdlog::info("adopted a running datapath with {} targets", xdp->tables_->recovered().size());
        xdp->adopted_timer_.expires_after(kAdoptedFor);
        xdp->adopted_timer_.async_wait([raw = xdp.get()](boost::system::error_code error) {
            if (error) return;
            raw->adopted_.clear();
            raw->look_around();
        });
    }
    xdp->scan_later();
    return xdp;
}

void Xdp::scan_later() {
    scan_timer_.expires_after(kScanStep);
    scan_timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        tables_->scan();
        listen_for_claims();
        if (++scan_steps_ % kStepsBetweenLooks == 0) {
            look_after_filters();
            attach_what_failed();
        }
        if (scan_steps_ % kStepsBetweenBeats == 0 && plan_.watchdog.count() > 0)
            if (auto wound = tables_->beat(plan_.watchdog); !wound)
                spdlog::error("{}", wound.error().message);
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
            spdlog::warn("{}", attached.error().message);
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
    bool same = has_same_ways(plan_, plan);
    auto former = std::exchange(plan_, plan);
    if (!same) {
        // Both plans' backends until it is known which plan stays: who is watched anew has to be found anew.
        auto both = backends_of(former);
        both.merge(backends_of(plan_));
        neighbours_->watch(both);
        find_ways();
    }
    auto applied = tables_->apply(plan_, hops_);
    if (!applied) plan_ = std::move(former);
    if (!same) {
        neighbours_->watch(backends_of(plan_));
        if (!applied) find_ways();
    }
    if (!applied) return applied;
    if (auto wound = tables_->beat(plan_.watchdog); !wound) return wound;
    return attach_all();
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
    // A former daemon's links on interfaces that the configuration no longer names.
    std::error_code ignored;
    for (const auto& pin : std::filesystem::directory_iterator(links_directory(pins_), ignored)) {
        auto name = interface_of(pin.path());
        if (std::ranges::find(plan_.interfaces, name, &model::Interface::name) == plan_.interfaces.end())
            std::filesystem::remove(pin.path(), ignored);
    }
    auto former = std::exchange(failures_, {});
    for (const auto& interface : plan_.interfaces) {
        if (attachments_.contains(interface.name)) continue;
        auto attached = attach(interface, *tables_->program());
        if (attached) continue;
        auto why = failures_.emplace(interface.name, attached.error().message).first;
        if (!former.contains(why->first) || former[why->first] != why->second)
            spdlog::error("{}: {}", why->first, why->second);
    }
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

Status Xdp::attach(const model::Interface& interface, int program) {
    auto link = neighbours_->link(interface.name);
    if (!link) return fail("there is no interface {}", interface.name);
    auto attachment = Attachment::attach(link->index, interface, program, link_pin(pins_, interface.name));
    if (!attachment) return propagate(attachment);
    if (auto detour = detour_->attach(link->index, interface.name); !detour) return propagate(detour);
    spdlog::info("{}: XDP attached, {} mode", interface.name, attachment->native() ? "native" : "generic");
    attachments_.emplace(interface.name, std::move(*attachment));
    return {};
}

/// Puts a program into force where the former one runs; on other interfaces it comes with attach_all().
Status Xdp::use(int program) {
    for (auto& [name, attachment] : attachments_) {
        if (!attachment.alive()) continue;
        if (auto used = attachment.use(program); !used) return propagate(used, name);
    }
    for (const auto& interface : plan_.interfaces)
        if (!attachments_.contains(interface.name))
            if (auto attached = attach(interface, program); !attached)
                failures_.insert_or_assign(interface.name, attached.error().message);
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
    if (tables_->program() && (moved || lost || missing)) {
        if (auto applied = tables_->apply(plan_, hops_); !applied)
            spdlog::error("cannot follow a change of the neighbours: {}", applied.error().message);
        if (lost || missing)
            if (auto attached = attach_all(); !attached) spdlog::warn("{}", attached.error().message);
    }
    // An interface that came up, or has another MAC, is one more to announce VIPs on.
    up_ = ports(true);
    if (moved || up_ != former) on_change_();
}

Result<Hop> Xdp::find_way(const net::Ip& backend) const {
    auto neighbour = neighbours_->find(backend);
    if (!neighbour) return propagate(neighbour);
    auto link = neighbours_->link(neighbour->interface);
    auto name = link ? link->name : fmt::format("interface {}", neighbour->interface);
    if (std::ranges::find(plan_.interfaces, name, &model::Interface::name) == plan_.interfaces.end())
        return fail("is reached through {}, which `interfaces:` does not name", name);
    Hop hop{neighbour->mac, neighbour->source_mac,          neighbour->interface, neighbour->vlan,
            neighbour->mtu, neighbour->gateway.has_value(), neighbour->source};
    // A VLAN device of the kernel's tells its own id.
    if (!hop.vlan) hop.vlan = model::vlan_of(plan_.vlans, neighbour->gateway.value_or(backend));
    if (plan_.node_address && plan_.node_address->family() == backend.family())
        hop.source = plan_.node_address;
    return hop;
}

/// To the plan's backends, by what is known of the neighbours. False: they are the same as before.
bool Xdp::find_ways() {
    Ways ways;
    for (const auto& frontend : plan_.frontends)
        for (const auto& target : frontend.targets) {
            auto [way, is_new] = ways.try_emplace(target.backend.address, fail("not resolved yet"));
            if (is_new) way->second = find_way(target.backend.address);
        }
    ways_.swap(ways);
    unreachable_ = find_unreachable();
    Hops hops = adopted_;
    for (const auto& [address, way] : ways_)
        if (way) hops.insert_or_assign(address, *way);
    if (hops == *hops_) return ways != ways_;
    hops_ = std::make_shared<const Hops>(std::move(hops));
    return true;
}

/// How a frontend's frames get to a backend, or why they do not.
Result<Hop> Xdp::way(const model::Frontend& frontend, const net::Ip& backend) const {
    auto found = ways_.find(backend);
    if (found == ways_.end()) return fail("not resolved yet");
    if (found->second)
        if (auto reason = why_not(frontend, backend, *found->second)) return fail("{}", *reason);
    return found->second;
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

std::map<model::TargetKey, std::string> Xdp::find_unreachable() const {
    std::map<model::TargetKey, std::string> reasons;
    for (const auto& frontend : plan_.frontends)
        for (const auto& target : frontend.targets) {
            const auto& address = target.backend.address;
            auto found = way(frontend, address);
            if (found || adopted_.contains(address)) continue;
            reasons.emplace(model::TargetKey{frontend.key, address}, found.error().message);
        }
    return reasons;
}

Observation Xdp::observe() {
    Observation observation;
    for (const auto& interface : plan_.interfaces) {
        InterfaceState state{interface.name, "", ""};
        if (auto found = attachments_.find(interface.name); found != attachments_.end())
            state.mode = found->second.native() ? "native" : "generic";
        if (auto failed = failures_.find(interface.name); failed != failures_.end())
            state.error = failed->second;
        observation.interfaces.push_back(std::move(state));
    }
    tables_->observe(observation);
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

/// The device that the kernel's route names: the interface, or a VLAN device on it.
net::Link Xdp::device_towards(const net::Ip& backend, const net::Link& interface) const {
    auto neighbour = neighbours_->find(backend);
    if (!neighbour || !neighbour->vlan) return interface;
    for (const auto& [index, link] : neighbours_->links())
        if (link.parent == interface.index && link.vlan == neighbour->vlan) return link;
    return interface;
}

/// The balancer's address that the backend sees, where the route does not decide on it.
std::optional<net::Ip> Xdp::probe_source(const net::Link& device, const model::TargetKey& target) const {
    auto family = target.frontend.vip.family();
    if (plan_.node_address && plan_.node_address->family() == family) return plan_.node_address;
    if (target.backend.family() == family) return std::nullopt;
    return address_of(device, family);
}

net::Opened Xdp::open_passage(const model::TargetKey& key, net::Carrier carrier, net::Port port) {
    auto frontend = std::ranges::lower_bound(plan_.frontends, key.frontend, {}, &model::Frontend::key);
    if (frontend == plan_.frontends.end() || frontend->key != key.frontend)
        return fail("{} is not in the plan", key.frontend.text());
    auto target = std::ranges::find(frontend->targets, key.backend,
                                    [](const auto& each) { return each.backend.address; });
    if (target == frontend->targets.end())
        return fail("{} has no backend {}", key.frontend.text(), key.backend.text());
    auto way = this->way(*frontend, key.backend);
    if (!way) return propagate(way);
    auto link = neighbours_->link(way->interface);
    if (!link) return fail("the interface towards {} has gone", key.backend.text());
    if (frontend->forward.kind == model::ForwardKind::nat)
        return made_here(
            open_directly(carrier, {key.backend, model::port_behind(frontend->key, target->backend, port)}));
    auto device = device_towards(key.backend, *link);
    return made_here(detour_->open({.carrier = carrier,
                                    .backend = key.backend,
                                    .vip = key.frontend.probe_address(),
                                    .port = port,
                                    .ifindex = link->index,
                                    .device = device.index,
                                    .source = probe_source(device, key),
                                    .target = make_target(*frontend, 0, *target, &*way, true)}));
}

Status clean_up(const std::string& pins) {
    libbpf_set_print(log_libbpf);
    std::error_code error;
    for (const auto& pin : std::filesystem::directory_iterator(links_directory(pins), error)) {
        auto name = interface_of(pin.path());
        UniqueFd link(bpf_obj_get(pin.path().c_str()));
        if (link) bpf_link_detach(link.get());  // also where a daemon that still runs holds it
        auto ifindex = static_cast<int>(if_nametoindex(name.c_str()));
        if (ifindex == 0) continue;
        // Attaching replaces the filters that a killed daemon left; detaching takes away what is then ours.
        auto detour = Detour::load();
        if (!detour) return propagate(detour);
        if (auto ours = (*detour)->attach(ifindex, name); !ours) return ours;
    }
    for (const auto& what : {links_directory(pins), maps_directory(pins), maps_directory(pins) + "-new",
                             maps_directory(pins) + "-old"}) {
        std::filesystem::remove_all(what, error);
        if (error) return fail("cannot remove {}: {}", what, error.message());
    }
    std::filesystem::remove(pins, error);  // stays if it is a mount, or holds what is not ours
    return {};
}

}  // namespace weir::engine::xdp
