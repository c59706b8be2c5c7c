// The source `zeroconf`: services that hosts announce by DNS-SD over multicast DNS (RFC 6763, RFC 6762), as
// the Avahi daemon of this host hears them. While Avahi is gone, what it said stays. When it is back, it
// knows nothing at first and learns what is there from answers that may get lost; so what it has not found
// again goes only some time later.
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>

#include "base/backoff.h"
#include "base/unique_fd.h"
#include "discovery/avahi_session.h"
#include "discovery/kinds.h"

namespace weir::discovery {
namespace {

using std::chrono::milliseconds, std::chrono::seconds;

constexpr Choice kProtocols[] = {{"ipv4", 4}, {"ipv6", 6}, {"any", 0}};
constexpr Setting kSettings[] = {
    required({"service", Takes::text, "a service's name, or its type such as _http._tcp"}),
    {"domain", Takes::text, "a domain", 0, 0, {}, "local"},
    {"interface", Takes::text, "an interface's name", 0, 0, {}, "all"},
    {"protocol", Takes::choice, "", 0, 0, kProtocols, "any"},
    {"settle", Takes::milliseconds, "", 0, 60'000, {}, "3s"},
};
const Section kSection{"zeroconf", kSettings};

constexpr auto kTogether = milliseconds(20);  // changes within it are one
constexpr auto kFirstPause = seconds(1);
constexpr auto kLongestPause = seconds(30);
constexpr auto kInterfacePause = seconds(1);
constexpr auto kPatience = seconds(60);  // with an Avahi that has been asked and has not said all

ZeroconfQuery query_of(const model::SourceSpec& spec) {
    ZeroconfQuery query{*read_service_type(spec.text("service")), *read_domain(spec.text("domain", "local")),
                        spec.text("interface")};
    if (auto protocol = spec.number("protocol", 0))
        query.family = protocol == 4 ? net::Family::v4 : net::Family::v6;
    return query;
}

/// The index of an interface that packets can come by.
Result<unsigned> find_interface(const std::string& name) {
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0) return fail("there is no interface {}", name);
    UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) < 0)
        return fail_with(errno, "cannot look at interface {}", name);
    if (!(request.ifr_flags & IFF_UP) || !(request.ifr_flags & IFF_RUNNING))
        return fail("interface {} is down", name);
    return index;
}

class Zeroconf final : public Source, public AvahiSession::Listener {
  public:
    Zeroconf(const Surroundings& around, const model::SourceSpec& spec, discovery::Listener& listener)
        : around_(around),
          query_(query_of(spec)),
          settle_(spec.duration("settle", seconds(3))),
          listener_(listener) {
        again_ = around_.clock.after({}, [this] { open(); });
    }

  private:
    void told(const ServiceEvent& event) override;
    void waits(const Error& why) override { fail_once(why); }
    void ended(const Error& why) override { close(why, next_pause()); }

    void open();
    void close(const Error& why, milliseconds pause);
    void deliver();
    void fail_once(const Error& why);
    milliseconds next_pause();
    Result<unsigned> interface() const;

    const Surroundings around_;
    const ZeroconfQuery query_;
    const milliseconds settle_;
    discovery::Listener& listener_;
    unsigned interface_ = 0;
    std::unique_ptr<AvahiSession> session_;
    ZeroconfServices services_;  // of this session
    bool settled_ = false;       // this session has told all that there is
    bool has_found_ = false;     // some session has
    std::string failure_;        // that the listener knows of
    Backoff backoff_{kFirstPause, kLongestPause};
    std::minstd_rand random_{std::random_device{}()};
    Clock::Alarm again_;
    Clock::Alarm next_;  // delivery
};

Result<unsigned> Zeroconf::interface() const {
    if (query_.interface.empty()) return 0;
    return find_interface(query_.interface);
}

void Zeroconf::open() {
    auto found = interface();
    if (!found) return close(found.error(), kInterfacePause);
    interface_ = *found;
    again_ = around_.clock.after(kPatience, [this] {
        close(Error{"Avahi does not answer; see that avahi-daemon is well"}, next_pause());
    });
    session_ = std::make_unique<AvahiSession>(around_.executor, query_, interface_, *this);
}

void Zeroconf::close(const Error& why, milliseconds pause) {
    session_.reset();
    services_ = {};
    settled_ = false;
    next_.reset();
    again_ = around_.clock.after(pause, [this] { open(); });
    fail_once(why);
}

void Zeroconf::told(const ServiceEvent& event) {
    services_.take(event);
    if (!settled_) {
        if (!services_.settled()) return;
        settled_ = true;
        again_.reset();
        next_ = around_.clock.after(has_found_ ? settle_ : kTogether, [this] { deliver(); });
    } else if (!next_) {
        next_ = around_.clock.after(kTogether, [this] { deliver(); });
    }
}

void Zeroconf::deliver() {
    next_.reset();
    // Avahi says that services vanish also when it is the interface that does.
    auto now = interface();
    if (now && *now != interface_) now = fail("interface {} has been replaced", query_.interface);
    if (!now) return close(now.error(), kInterfacePause);
    backoff_.reset();
    has_found_ = true;
    failure_.clear();
    listener_.found(services_.set());
}

void Zeroconf::fail_once(const Error& why) {
    if (failure_ == why.message) return;
    failure_ = why.message;
    listener_.failed(why);
}

/// Not everybody asks at the same time who has lost Avahi at the same time.
milliseconds Zeroconf::next_pause() {
    return backoff_.next() * std::uniform_int_distribution(75, 100)(random_) / 100;
}

Status check(const model::SourceSpec& spec) {
    if (auto type = read_service_type(spec.text("service")); !type) return propagate(type);
    if (auto domain = read_domain(spec.text("domain", "local")); !domain) return propagate(domain);
    auto interface = spec.text("interface", "lo");
    auto bad = [](unsigned char c) { return c <= 0x20 || c == '/' || c == ':'; };
    if (interface.empty() || interface.size() >= IFNAMSIZ || std::ranges::any_of(interface, bad))
        return fail("'{}' is no interface's name; write for example eth0", interface);
    return {};
}

}  // namespace

Kind zeroconf_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec, Listener& listener)
                -> std::unique_ptr<Source> { return std::make_unique<Zeroconf>(around, spec, listener); }};
}

}  // namespace weir::discovery
