#include "engine/ipvs/linux_kernel.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <fstream>

#include "engine/ipvs/codec.h"
#include "engine/ipvs/connection_table.h"
#include "net/netlink.h"
#include "net/rtnetlink.h"

namespace weir::engine::ipvs {
namespace {

constexpr size_t kMostConnections = 1 << 18;  // that a question of the operator's may look through

bool is_on(const char* path) {
    std::ifstream file(path);
    return file.get() != '0';
}

net::Message address_request(const Change& change, const net::Ip& address, unsigned loopback) {
    const bool adds = std::holds_alternative<AddAddress>(change);
    ifaddrmsg header{};
    header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
    header.ifa_prefixlen = net::bits(address.family());
    header.ifa_scope = RT_SCOPE_HOST;  // so that nothing is sent from it which does not ask for that
    header.ifa_index = loopback;
    const int flags = adds ? NLM_F_CREATE | NLM_F_EXCL : 0;
    net::Message message(adds ? RTM_NEWADDR : RTM_DELADDR, static_cast<uint16_t>(flags), header);
    message.put(IFA_LOCAL, address.bytes());
    if (!adds || address.is_v4()) return message;
    // Of IPv6 the scope is the address's own; instead it is deprecated from the start, and never expires.
    const ifa_cacheinfo times{.ifa_prefered = 0, .ifa_valid = ~0u};
    message.put(IFA_CACHEINFO, {reinterpret_cast<const uint8_t*>(&times), sizeof times});
    return message;
}

/// That what goes has gone already, or what comes is there, is fine; of services it is not: see below.
bool is_harmless(const Change& change, int code) {
    const bool removes = std::holds_alternative<RemoveService>(change) ||
                         std::holds_alternative<RemoveDestination>(change) ||
                         std::holds_alternative<StopDaemon>(change);
    return (removes && (code == ESRCH || code == ENOENT)) ||
           (std::holds_alternative<RemoveAddress>(change) && code == EADDRNOTAVAIL) ||
           (std::holds_alternative<AddAddress>(change) && code == EEXIST);
}

std::string advice(const Change& change, const net::Refusal& refusal) {
    const Service* settings = nullptr;
    if (const auto* adds = std::get_if<AddService>(&change)) settings = &adds->settings;
    if (const auto* edits = std::get_if<EditService>(&change)) settings = &edits->settings;
    if (refusal.code == ENOENT && settings)
        return fmt::format("the kernel has no scheduler {} (module ip_vs_{})", settings->scheduler,
                           settings->scheduler);
    if (refusal.code == EPERM) return refusal.message + "; it needs CAP_NET_ADMIN";
    if (refusal.code == EEXIST) return refusal.message + "; another program has just made it";
    return refusal.message;
}

class LinuxKernel final : public Kernel {
  public:
    LinuxKernel(net::Netlink ipvs, net::Netlink route) : ipvs_(std::move(ipvs)), route_(std::move(route)) {}

    Result<Contents> read() override;
    Status make(const Change& change) override;
    Result<std::optional<net::Endpoint>> find_connection(const Flow& flow) override;

  private:
    Status find_family();
    Status ask(const net::Message& question, const char* what, const net::Netlink::Visitor& visit);
    Status read_services(Contents& contents);
    Status read_addresses(Contents& contents);

    net::Netlink ipvs_, route_;
    uint16_t family_ = 0;
};

Status LinuxKernel::ask(const net::Message& question, const char* what, const net::Netlink::Visitor& visit) {
    if (auto answer = ipvs_.ask(question, visit); !answer)
        return fail("cannot read IPVS's {}: {}", what, answer.error().message);
    return {};
}

/// Looked up every time: a module that is loaded again has another number.
Status LinuxKernel::find_family() {
    std::optional<uint16_t> found;
    auto answer =
        ipvs_.ask(family_question(), [&](const nlmsghdr& message) { found = decode_family(message); });
    if (!answer && answer.error().code != ENOENT)
        return fail("cannot ask the kernel for IPVS: {}", answer.error().message);
    if (!found) return fail("the kernel has no IPVS (module ip_vs): modprobe ip_vs, or use another engine");
    family_ = *found;
    return {};
}

Status LinuxKernel::read_services(Contents& contents) {
    auto done = ask(services_question(family_), "services", [&](const nlmsghdr& message) {
        if (auto service = decode_service(message))
            contents.services.emplace(service->first, FoundService{service->second});
    });
    if (!done) return done;
    for (auto& [key, service] : contents.services) {
        done = ask(destinations_question(family_, key), "destinations", [&](const nlmsghdr& message) {
            if (auto destination = decode_destination(message))
                service.destinations.insert(std::move(*destination));
        });
        if (!done) return done;
    }
    return {};
}

Status LinuxKernel::read_addresses(Contents& contents) {
    auto answer = net::dump(route_, RTM_GETADDR, [&](const nlmsghdr& message) {
        if (auto address = net::decode_address(message)) contents.addresses.insert(address->address);
    });
    if (!answer) return fail("cannot read the host's addresses: {}", answer.error().message);
    return {};
}

Result<Contents> LinuxKernel::read() {
    Contents contents;
    auto done = find_family();
    if (done) done = read_services(contents);
    if (done)
        done = ask(daemons_question(family_), "sync daemons", [&](const nlmsghdr& message) {
            if (auto daemon = decode_daemon(message)) contents.daemons.insert(std::move(*daemon));
        });
    if (done)
        done = ask(timeouts_question(family_), "timeouts", [&](const nlmsghdr& message) {
            if (auto timeouts = decode_timeouts(message)) contents.timeouts = *timeouts;
        });
    if (done) done = read_addresses(contents);
    if (!done) return propagate(done);
    contents.forwards_v4 = is_on("/proc/sys/net/ipv4/ip_forward");
    contents.forwards_v6 = is_on("/proc/sys/net/ipv6/conf/all/forwarding");
    return contents;
}

Status LinuxKernel::make(const Change& change) {
    std::expected<void, net::Refusal> answer;
    if (auto message = encode(family_, change)) {
        answer = ipvs_.ask(*message);
    } else {
        const auto* adds = std::get_if<AddAddress>(&change);
        const auto& address = adds ? adds->address : std::get<RemoveAddress>(change).address;
        answer = route_.ask(address_request(change, address, if_nametoindex("lo")));
    }
    if (answer || is_harmless(change, answer.error().code)) return {};
    return fail("IPVS: the kernel refuses what {}: {}", text_of(change), advice(change, answer.error()));
}

Result<std::optional<net::Endpoint>> LinuxKernel::find_connection(const Flow& flow) {
    std::ifstream table("/proc/thread-self/net/ip_vs_conn");
    if (!table) return fail("cannot open /proc/thread-self/net/ip_vs_conn");
    const auto& key = flow.frontend;
    std::string line;
    for (size_t rows = 0; rows < kMostConnections && std::getline(table, line); ++rows) {
        auto connection = read_connection(line);
        if (!connection || connection->client != flow.source) continue;
        if (key.is_mark() || (connection->service == net::Endpoint{key.vip, key.port} &&
                              connection->protocol == static_cast<uint8_t>(key.protocol)))
            return connection->destination;
    }
    return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_linux_kernel() {
    auto ipvs = net::Netlink::open(NETLINK_GENERIC);
    if (!ipvs) return propagate(ipvs);
    auto route = net::Netlink::open(NETLINK_ROUTE);
    if (!route) return propagate(route);
    return std::make_unique<LinuxKernel>(std::move(*ipvs), std::move(*route));
}

}  // namespace weir::engine::ipvs
