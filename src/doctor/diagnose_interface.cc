#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "doctor/rules.h"

namespace weir::doctor {
namespace {

/// Drivers that take XDP programs, by ethtool's names; asked only where no program was tried.
constexpr std::array<std::string_view, 33> kNativeDrivers{
    "ax88179_178a", "atlantic", "bnxt_en", "bonding",    "cpsw-switch", "dpaa2-eth", "ena",
    "enetc",        "fec",      "gve",     "hv_netvsc",  "i40e",        "ice",       "idpf",
    "igb",          "igc",      "ixgbe",   "ixgbevf",    "mana",        "mlx4_en",   "mlx5_core",
    "mvneta",       "mvpp2",    "nfp",     "qede",       "sfc",         "st_gmac",   "stmmaceth",
    "tsnep",        "tun",      "veth",    "virtio_net", "vmxnet3"};

constexpr uint32_t kEthernetMtu = 1500;
constexpr uint32_t kIpv6Mtu = 1280;      // RFC 8200
constexpr uint32_t kTunnelHeaders = 52;  // the longest: IPv6, UDP, GUE
/// Drivers without multi-buffer XDP need a frame to lie in one page of 4 KiB, between XDP's headroom and the
/// kernel's notes.
constexpr uint32_t kPageMtu = 3498;

/// Offloads that merge packets which have to be forwarded as they came: ethtool's name when it shows, and
/// when it sets.
constexpr std::pair<const char*, const char*> kMerging[] = {{"rx-lro", "lro"}, {"rx-gro-hw", "rx-gro-hw"}};

std::string error_text(int code) {
    return std::generic_category().message(code);
}

class Judge {
  public:
    Judge(const InterfaceFacts& interface, const Facts& facts, std::vector<Finding>& into)
        : it_(interface), facts_(facts), found_(into, interface.wanted.name), name_(interface.wanted.name) {}

    void xdp();
    void mtu();
    void offloads();
    void queues();
    void reverse_path();

  private:
    std::string driver() const { return it_.driver.empty() ? "its driver" : "the driver " + it_.driver; }
    bool on(const char* feature) const {
        auto found = it_.features.find(feature);
        return found != it_.features.end() && found->second;
    }
    std::string ethtool(const char* what) const { return fmt::format("ethtool -K {} {} off", name_, what); }
    void refused();
    void untried();

    const InterfaceFacts& it_;
    const Facts& facts_;
    Findings found_;
    const std::string& name_;
};

void Judge::xdp() {
    if (it_.wanted.mode == model::XdpMode::generic)
        return found_.advice("the configuration asks for generic XDP, several times slower than native",
                             "mode: auto");
    if (!it_.program.empty()) {
        const char* how = it_.program_native ? "natively" : "in generic mode";
        if (it_.program.starts_with("weir")) return found_.ok(fmt::format("weir's program runs {}", how));
        return found_.problem(fmt::format("another XDP program, '{}', is attached {}", it_.program, how),
                              fmt::format("ip link set dev {} xdp off", name_));
    }
    switch (it_.native) {
        case NativeXdp::works:
            return found_.ok(driver() + " takes XDP natively");
        case NativeXdp::refused:
            return refused();
        case NativeXdp::untried:
            return untried();
    }
}

void Judge::refused() {
    const std::string what = fmt::format("{} refuses native XDP: {}", driver(), error_text(it_.native_error));
    std::string remedy = "`dmesg` may say why; use a card whose driver has XDP";
    if (it_.mtu > kPageMtu) remedy = fmt::format("ip link set dev {} mtu {}", name_, kPageMtu);
    for (const auto& [feature, option] : kMerging)
        if (on(feature)) remedy = ethtool(option);
    if (it_.wanted.mode == model::XdpMode::native) return found_.problem(what, remedy + "; or mode: auto");
    found_.advice(what + "; generic mode is several times slower", remedy);
}

void Judge::untried() {
    if (it_.driver.empty()) return;
    if (std::ranges::find(kNativeDrivers, it_.driver) != kNativeDrivers.end())
        return found_.ok(driver() + " is known to take XDP natively (not tried)");
    found_.advice(driver() + " is not known to take XDP natively",
                  fmt::format("try it, as root: weir doctor {}", name_));
}

void Judge::mtu() {
    const auto set = [&](uint32_t mtu) { return fmt::format("ip link set dev {} mtu {}", name_, mtu); };
    const bool ipv6 =
        std::ranges::any_of(facts_.wanted.vips, [](const net::Prefix& vip) { return !vip.address.is_v4(); });
    const uint32_t tunnel = kEthernetMtu + kTunnelHeaders;
    if (it_.mtu < kIpv6Mtu && ipv6)
        found_.problem(fmt::format("MTU {} is less than the {} that IPv6 needs", it_.mtu, kIpv6Mtu),
                       set(kEthernetMtu));
    else if (it_.mtu < kEthernetMtu)
        found_.advice(fmt::format("MTU {} is less than Ethernet's {}: clients' full packets do not fit",
                                  it_.mtu, kEthernetMtu),
                      set(kEthernetMtu));
    else if (it_.mtu > kPageMtu && it_.native == NativeXdp::untried && it_.program.empty())
        found_.advice(fmt::format("MTU {} is more than many drivers take with native XDP", it_.mtu),
                      set(kPageMtu));
    else if (facts_.wanted.tunnels && it_.mtu < tunnel)
        found_.advice(
            fmt::format(
                "MTU {} leaves no room for tunnel headers around full packets: clients are told to send less",
                it_.mtu),
            set(tunnel) + ", as on the switches and the backends");
    else
        found_.ok(fmt::format("MTU {}", it_.mtu));
}

void Judge::offloads() {
    // A driver that has taken a native program has stopped merging, whatever ethtool still shows.
    const bool native = it_.native == NativeXdp::works || (!it_.program.empty() && it_.program_native);
    for (const auto& [feature, option] : kMerging)
        if (on(feature) && !native)
            found_.advice(
                fmt::format("the card merges packets ({}), for which many drivers refuse XDP", feature),
                ethtool(option));
    const bool generic = it_.wanted.mode == model::XdpMode::generic || it_.native == NativeXdp::refused ||
                         (!it_.program.empty() && !it_.program_native);
    if (generic && on("rx-gro") && (facts_.wanted.tunnels || facts_.wanted.redirects))
        found_.problem(
            "the kernel merges packets (GRO) before generic XDP sees them: too long for a tunnel or for "
            "another "
            "interface, they are dropped",
            ethtool("gro"));
    if (on("rx-vlan-hw-parse")) {
        if (facts_.wanted.vlans)
            found_.problem("the card takes VLAN tags off, so XDP cannot see them", ethtool("rxvlan"));
        else if (it_.driver != "veth")
            found_.advice("the card takes VLAN tags off: tagged packets look untagged to XDP",
                          ethtool("rxvlan"));
    }
    if (it_.driver == "veth" && on("tx-checksum-ip-generic"))
        found_.advice(
            "on a veth, local sockets send checksums that are not computed yet; forwarded by native XDP they "
            "stay wrong",
            fmt::format("in the namespace of the other end, and here: ethtool -K {} tx off", name_));
}

void Judge::queues() {
    if (it_.queues == 0) return;
    const uint32_t fit = std::min(facts_.cpus, it_.queues_most);
    const std::string what =
        fmt::format("{} receive queue{} for {} CPU{}", it_.queues, it_.queues == 1 ? "" : "s", facts_.cpus,
                    facts_.cpus == 1 ? "" : "s");
    if (it_.queues >= fit) return found_.ok(what);
    const bool paired = it_.driver != "veth";
    found_.advice(what + ": not every CPU gets its share of the packets",
                  fmt::format("ethtool -L {} {} {}", name_, paired ? "combined" : "rx", fit));
}

void Judge::reverse_path() {
    if (it_.rp_filter != 1) return found_.ok("the reverse path is not filtered strictly");
    const std::string what =
        "rp_filter is strict (1): the kernel drops what comes in by another way than the route back";
    const std::string remedy = fmt::format("sysctl -w net.ipv4.conf.{}.rp_filter=2", name_);
    if (facts_.wanted.nat || facts_.wanted.tunnels)
        return found_.problem(what + ", as answers of NAT and tunnels do", remedy);
    found_.advice(what, remedy);
}

}  // namespace

void judge_interface(const InterfaceFacts& interface, const Facts& facts, std::vector<Finding>& into) {
    Findings found(into, interface.wanted.name);
    if (!interface.exists)
        return found.problem("there is no such interface", "name one that `ip link` shows");
    if (!interface.ethernet)
        return found.problem("it is not Ethernet; the datapath forwards Ethernet frames",
                             "name an Ethernet interface");
    if (!interface.up)
        found.problem("it is down, or without a carrier",
                      fmt::format("ip link set dev {} up", interface.wanted.name));
    Judge judge(interface, facts, into);
    judge.xdp();
    judge.mtu();
    judge.offloads();
    judge.queues();
    judge.reverse_path();
}

}  // namespace weir::doctor
