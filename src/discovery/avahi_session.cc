#include "discovery/avahi_session.h"

#include <avahi-client/client.h>
#include <avahi-client/lookup.h>
#include <avahi-common/error.h>
#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <functional>
#include <mutex>
#include <thread>

#include "discovery/avahi_poll.h"
#include "discovery/value.h"

namespace weir::discovery {

namespace asio = boost::asio;

/// What both threads have. The session's thread posts by it, and the session cuts it.
struct AvahiSession::Link {
    using Tell = std::function<void(AvahiSession::Listener&)>;

    /// From the session's thread.
    static void post(const std::shared_ptr<Link>& link, Tell tell) {
        std::scoped_lock lock(link->mutex);
        if (!link->home) return;
        asio::post(*link->home, [link, tell = std::move(tell)] {
            if (link->listener) tell(*link->listener);
        });
    }

    std::mutex mutex;
    std::optional<asio::any_io_executor> home;  // by the mutex
    Listener* listener = nullptr;               // by the executor's thread
    asio::io_context loop{1};                   // the session's thread is in it
};

namespace {

constexpr auto kAgain = std::chrono::seconds(5);

net::Ip ip_of(const AvahiAddress& address) {
    if (address.proto == AVAHI_PROTO_INET) {
        std::array<uint8_t, 4> bytes;
        std::memcpy(bytes.data(), &address.data.ipv4.address, bytes.size());
        return net::Ip::v4(bytes);
    }
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), address.data.ipv6.address, bytes.size());
    return net::Ip::v6(bytes);
}

AvahiProtocol protocol_of(const std::optional<net::Family>& family) {
    if (!family) return AVAHI_PROTO_UNSPEC;
    return *family == net::Family::v4 ? AVAHI_PROTO_INET : AVAHI_PROTO_INET6;
}

struct FreeClient {
    void operator()(AvahiClient* client) const { ::avahi_client_free(client); }
};
struct FreeResolver {
    void operator()(AvahiServiceResolver* resolver) const { ::avahi_service_resolver_free(resolver); }
};

/// All of the session that is in its thread.
class Work {
  public:
    using Post = std::function<void(std::function<void(AvahiSession::Listener&)>)>;

    Work(asio::io_context& loop, ZeroconfQuery query, unsigned interface, Post post)
        : loop_(loop), query_(std::move(query)), interface_(interface), post_(std::move(post)) {}
    /// The client hangs up before it frees what is its own; freed one by one, each would wait for an answer.
    ~Work() {
        for (auto& [id, each] : resolving_) [[maybe_unused]]
            auto* left = each.resolver.release();
    }

    void run();

  private:
    struct Resolving {
        explicit Resolving(Work& owner, ServiceId what)
            : work(owner), id(std::move(what)), again(owner.loop_) {}

        Work& work;
        const ServiceId id;
        asio::steady_timer again;
        std::unique_ptr<AvahiServiceResolver, FreeResolver> resolver;
        bool answered = false;
    };

    void state(AvahiClientState state, int error);
    void browse();
    void browsed(AvahiBrowserEvent event, ServiceId id);
    void resolve(Resolving& what);
    void resolved(Resolving& what, const AvahiAddress* address, uint16_t port, AvahiStringList* txt);
    void unresolved(Resolving& what);
    void resolve_again(Resolving& what, std::chrono::seconds pause);
    void tell(ServiceEvent event);
    void end(std::string why);
    std::string why() const { return ::avahi_strerror(::avahi_client_errno(client_.get())); }

    asio::io_context& loop_;
    const ZeroconfQuery query_;
    const unsigned interface_;
    const Post post_;
    AsioPoll poll_{loop_.get_executor()};
    std::unique_ptr<AvahiClient, FreeClient> client_;
    AvahiServiceBrowser* browser_ = nullptr;  // the client's
    std::map<ServiceId, Resolving> resolving_;
    bool over_ = false;
};

void Work::run() {
    auto on_state = [](AvahiClient* client, AvahiClientState state, void* work) {
        static_cast<Work*>(work)->state(state, ::avahi_client_errno(client));
    };
    int error = 0;
    client_.reset(::avahi_client_new(poll_.api(), AVAHI_CLIENT_NO_FAIL, on_state, this, &error));
    if (!client_)
        return end(
            fmt::format("cannot speak to Avahi over the system's D-Bus: {}; see that dbus-daemon and "
                        "avahi-daemon run",
                        ::avahi_strerror(error)));
    const auto guard = asio::make_work_guard(loop_);
    if (!over_) loop_.run();
}

void Work::state(AvahiClientState state, int error) {
    switch (state) {
        case AVAHI_CLIENT_CONNECTING:
            post_([](auto& listener) {
                listener.waits(Error{"Avahi is not on the system's D-Bus; start avahi-daemon"});
            });
            break;
        case AVAHI_CLIENT_FAILURE:
            end(fmt::format("Avahi is gone: {}; see that avahi-daemon and dbus-daemon run",
                            ::avahi_strerror(error)));
            break;
        default:  // the server's states, which concern who publishes
            asio::post(loop_, [this] { browse(); });
            break;
    }
}

void Work::browse() {
    if (browser_ || over_) return;
    auto on_event = [](AvahiServiceBrowser*, AvahiIfIndex interface, AvahiProtocol protocol,
                       AvahiBrowserEvent event, const char* name, const char* type, const char* domain,
                       AvahiLookupResultFlags, void* work) {
        auto text = [](const char* given) { return std::string(given ? given : ""); };
        static_cast<Work*>(work)->browsed(event, {interface, protocol, text(name), text(type), text(domain)});
    };
    browser_ = ::avahi_service_browser_new(
        client_.get(), interface_ ? static_cast<AvahiIfIndex>(interface_) : AVAHI_IF_UNSPEC,
        protocol_of(query_.family), query_.type.c_str(), query_.domain.c_str(), {}, on_event, this);
    if (!browser_)
        end(fmt::format("Avahi does not look for {} in {}: {}", query_.type, excerpt(query_.domain), why()));
}

void Work::browsed(AvahiBrowserEvent event, ServiceId id) {
    if (over_) return;
    switch (event) {
        case AVAHI_BROWSER_NEW: {
            auto [at, is_new] = resolving_.try_emplace(id, *this, id);
            if (!is_new) return;
            tell(Appeared{std::move(id)});
            return resolve(at->second);
        }
        case AVAHI_BROWSER_REMOVE:
            resolving_.erase(id);
            return tell(Vanished{std::move(id)});
        case AVAHI_BROWSER_ALL_FOR_NOW:
            return tell(AllForNow{});
        case AVAHI_BROWSER_FAILURE:
            return end(fmt::format("Avahi has stopped looking for {}: {}", query_.type, why()));
        case AVAHI_BROWSER_CACHE_EXHAUSTED:
            return;
    }
}

/// An address is taken from what is announced over its own protocol: a host with both announces both.
void Work::resolve(Resolving& what) {
    auto on_answer = [](AvahiServiceResolver*, AvahiIfIndex, AvahiProtocol, AvahiResolverEvent event,
                        const char*, const char*, const char*, const char*, const AvahiAddress* address,
                        uint16_t port, AvahiStringList* txt, AvahiLookupResultFlags, void* userdata) {
        auto& service = *static_cast<Resolving*>(userdata);
        if (event == AVAHI_RESOLVER_FOUND && address)
            service.work.resolved(service, address, port, txt);
        else
            service.work.unresolved(service);
    };
    const auto& id = what.id;
    const auto family = id.protocol == AVAHI_PROTO_UNSPEC ? protocol_of(query_.family) : id.protocol;
    what.resolver.reset();
    what.resolver.reset(::avahi_service_resolver_new(client_.get(), id.interface, id.protocol,
                                                     id.name.c_str(), id.type.c_str(), id.domain.c_str(),
                                                     family, {}, on_answer, &what));
    if (!what.resolver) unresolved(what);
}

void Work::resolved(Resolving& what, const AvahiAddress* address, uint16_t port, AvahiStringList* txt) {
    Announced announced{ip_of(*address), port};
    // In their order as Avahi 0.8 has it; from 0.9 on it is the reverse.
    for (auto* each = txt; each; each = ::avahi_string_list_get_next(each))
        announced.txt.emplace_back(reinterpret_cast<const char*>(::avahi_string_list_get_text(each)),
                                   ::avahi_string_list_get_size(each));
    what.answered = true;
    tell(Resolved{what.id, std::move(announced)});
}

/// Nobody answers for 5 s. Who did before is asked once more, before that counts.
void Work::unresolved(Resolving& what) {
    if (over_) return;
    if (std::exchange(what.answered, false)) return resolve_again(what, {});
    tell(Resolved{what.id, fail("Avahi finds no address for it: {}", why())});
    resolve_again(what, kAgain);
}

void Work::resolve_again(Resolving& what, std::chrono::seconds pause) {
    what.again.expires_after(pause);
    what.again.async_wait([this, &what](boost::system::error_code cancelled) {
        if (!cancelled && !over_) resolve(what);
    });
}

void Work::tell(ServiceEvent event) {
    post_([event = std::move(event)](auto& listener) { listener.told(event); });
}

void Work::end(std::string why) {
    if (std::exchange(over_, true)) return;
    post_([error = Error{std::move(why)}](auto& listener) { listener.ended(error); });
    loop_.stop();
}

}  // namespace

AvahiSession::AvahiSession(const asio::any_io_executor& executor, const ZeroconfQuery& query,
                           unsigned interface, Listener& listener)
    : link_(std::make_shared<Link>()) {
    link_->home = executor;
    link_->listener = &listener;
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the executor's thread
    try {
        std::thread([link = link_, query, interface] {
            auto post = [&link](Link::Tell tell) { Link::post(link, std::move(tell)); };
            Work(link->loop, query, interface, post).run();
        }).detach();
    } catch (const std::system_error& error) {
        Link::post(link_, [why = Error{fmt::format("cannot start a thread: {}", error.what())}](auto& told) {
            told.ended(why);
        });
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

AvahiSession::~AvahiSession() {
    link_->listener = nullptr;
    std::scoped_lock lock(link_->mutex);
    link_->home.reset();
    link_->loop.stop();
}

}  // namespace weir::discovery
