#include "app/daemon.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <iostream>

#include "admin/api.h"
#include "admin/captures.h"
#include "admin/server.h"
#include "admin/sockets.h"
#include "alert/alerts.h"
#include "announce/bfd/parked.h"
#include "announce/bgp/speaker.h"
#include "announce/neighbour.h"
#include "app/engine.h"
#include "app/notify.h"
#include "app/process.h"
#include "app/sources.h"
#include "app/takeover.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/state_file.h"
#include "config/document.h"
#include "config/load.h"
#include "control/controller.h"
#include "sync/sharing.h"

namespace weir::app {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr auto kGiveWay = std::chrono::seconds(30);     // for a daemon to end
constexpr auto kLastPackets = std::chrono::seconds(1);  // for what was captured to go out
constexpr auto kWaitForUs = std::chrono::seconds(2);    // for peers to agree to it
constexpr auto kGoodbye = std::chrono::seconds(5);  // for peers to hear that we go, beside what is configured
constexpr auto kLastWords = std::chrono::seconds(2);  // for alerts that are still to be delivered

/// The probes' way is the engine's.
class EnginePath final : public health::Path {
  public:
    explicit EnginePath(engine::Engine& engine) : engine_(engine) {}
    net::Opened open(const model::TargetKey& target, net::Carrier carrier, net::Port port) override {
        return engine_.open_passage(target, carrier, port);
    }

  private:
    engine::Engine& engine_;
};

/// By all protocols.
class Announcers final : public announce::Announcer {
  public:
    explicit Announcers(std::vector<announce::Announcer*> all) : all_(std::move(all)) {}
    void announce(const model::Plan& plan, const std::vector<std::string>& attached) override {
        for (auto* each : all_) each->announce(plan, attached);
    }

  private:
    std::vector<announce::Announcer*> all_;
};

bool is_bound_to(const UniqueFd& socket, const std::string& path) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    return ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
           address.sun_family == AF_UNIX &&
           path == std::string_view(address.sun_path, strnlen(address.sun_path, sizeof address.sun_path));
}

class Running {
  public:
    Running(const cli::RunOptions& options, model::Config config)
        : options_(options), config_(std::move(config)) {}

    /// The sockets come first: where another daemon runs, nothing else may be touched.
    Status start();
    void loop() { io_.run(); }
    /// After the loop: what stays, and what the log says of it.
    Status stop();

  private:
    Status open_sockets();
    bool adopt(std::vector<admin::Handed> sockets);
    Status serve(const model::Admin& admin);
    void make_controller(model::HealthMap recovered);
    void watch_signals();
    void reload();
    void leave();
    void end(const char* why);
    void give_way();
    void take_leave();
    void recall_bfd();
    void leave_bfd();
    void tell(control::EventKind kind, std::string message, std::optional<net::Ip> peer);
    void finish_captures();
    void recall_alerts();
    void say_last_words();
    void leave_alerts();
    template <class Condition>
    void run_until(Condition holds, std::chrono::seconds limit);
    admin::Rendering answer(const admin::Request& request);
    std::string summary() const;

    const cli::RunOptions& options_;
    asio::io_context io_{1};
    SystemClock clock_{io_.get_executor()};
    // Goes last: then another daemon may begin.
    Handover handover_{io_.get_executor(),
                       {.give = [this] { return server_.hand_over(); },
                        .take_back = [this](auto sockets) { adopt(std::move(sockets)); },
                        .leave = [this] { give_way(); }}};
    model::Config config_;
    asio::signal_set signals_{io_, SIGHUP};  // the others end it at once until it has its sockets
    asio::steady_timer lifetime_{io_};
    StartedEngine engine_;
    std::unique_ptr<EnginePath> path_;
    announce::NeighbourAnnouncer neighbours_{io_.get_executor()};
    announce::bgp::Speaker speaker_{io_.get_executor(), [this](auto kind, std::string message, auto peer) {
                                        tell(kind, std::move(message), peer);
                                    }};
    Announcers announcers_{{&neighbours_, &speaker_}};
    sync::Sharing sharing_{
        io_.get_executor(),
        [this](auto kind, std::string message, auto peer) { tell(kind, std::move(message), peer); },
        [this] {
            if (controller_) controller_->wake();
        }};
    alert::Alerts alerts_{io_.get_executor(), clock_};
    StateFile unsent_{options_.state + "/alerts.json"};
    StateFile parked_{options_.state + "/bfd.json"};
    std::unique_ptr<control::Controller> controller_;
    std::unique_ptr<admin::Captures> captures_;
    admin::Handler api_;
    admin::Server server_{io_.get_executor(),
                          clock_,
                          [this](const admin::Request& request) { return answer(request); },
                          {.body_bytes = config::kMaxFileSize}};
    Watchdog watchdog_{io_.get_executor()};
    bool ready_ = false;  // the service manager knows
    bool lifetime_is_over_ = false;
    bool gives_way_ = false;
};

/// Those of the daemon that runs already, and the service manager's; others where these are not enough. Once
/// a daemon has given way there is none to go back to, so what cannot be listened on is a problem and no end,
/// and what the kernel would refuse is found out before that. TCP comes with the controller.
Status Running::open_sockets() {
    if (auto done = server_.protect(config_.admin); !done) return done;
    if (can_take_over(options_.socket))
        if (auto done = try_engine(config_); !done) return propagate(done, "the running daemon stays");
    auto taken = take_over(options_.socket, options_.pin, kGiveWay);
    if (!taken) return propagate(taken);
    const bool took_over = taken->has_value();
    auto sockets = std::move(*taken).value_or(std::vector<admin::Handed>());
    for (auto& socket : admin::inherited_sockets())
        sockets.push_back({admin::Origin::inherited, std::move(socket)});
    auto done = adopt(std::move(sockets)) ? Status() : server_.listen_unix(options_.socket);
    if (done) done = handover_.listen(options_.socket, options_.pin);
    if (!done && !took_over) return done;
    if (!done) spdlog::error("nobody can give orders, but the datapath is kept: {}", done.error().message);
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    return {};
}

/// Whether the one at options_.socket is among them.
bool Running::adopt(std::vector<admin::Handed> sockets) {
    bool has_own = false;
    for (auto& each : sockets) {
        bool is_own = each.origin == admin::Origin::file || is_bound_to(each.socket, options_.socket);
        auto done = server_.adopt(std::move(each), options_.socket);
        if (!done) spdlog::error("a socket that was handed over is not served: {}", done.error().message);
        has_own = has_own || (done && is_own);
    }
    return has_own;
}

Status Running::serve(const model::Admin& admin) {
    if (auto done = server_.protect(admin); !done)
        return propagate(done, "the admin API keeps its certificate and tokens");
    auto done = server_.listen_tcp(admin.listen);
    return done ? done : propagate(done, "the admin API is not where the configuration wants it");
}

/// Requests that come before the controller is there, or after it, have to wait for the next try.
admin::Rendering Running::answer(const admin::Request& request) {
    if (api_) return api_(request);
    return [] { return admin::error(503, "the daemon is starting or stopping; try again"); };
}

void Running::make_controller(model::HealthMap recovered) {
    control::Controller::Options options;
    options.config_path = options_.config;
    options.load = [path = options_.config] { return load_config(path); };
    options.parse = parse_config;
    if (!recovered.empty()) speaker_.assume_restart();
    options.on_config = [this](const model::Config& config) {
        auto speaks = speaker_.set(config);
        auto shares = sharing_.set(config);
        auto serves = serve(config.admin);
        if (!serves) return serves;
        return speaks ? shares : speaks;
    };
    options.on_applied = [this] {
        if (ready_) notify_status(summary());
    };
    options.recovered = std::move(recovered);
    options.announcer = &announcers_;
    options.bgp = &speaker_;
    options.sync = &sharing_;
    options.knows_flows = [this] { return sharing_.knows_flows(); };
    options.stands_by = [this](bool ready) {
        sharing_.stand(ready);
        return sharing_.is_outranked();
    };
    options.herald = &alerts_;
    options.source_kinds = source_kinds();
    options.supply_file = options_.state + "/supply.json";
    options.possible = is_possible;
    options.overrides_file = options_.state + "/overrides.json";
    options.health_file = options_.state + "/health.json";
    path_ = std::make_unique<EnginePath>(*engine_.engine);
    controller_ = std::make_unique<control::Controller>(io_.get_executor(), clock_, *engine_.engine, *path_,
                                                        std::move(config_), std::move(options));
    api_ = admin::api({*controller_, *captures_, server_.tally()});
}

Status Running::start() {
    if (auto done = open_sockets(); !done) return done;
    auto started = start_engine(io_.get_executor(), clock_, {options_.pin, options_.state}, config_, [this] {
        if (controller_) controller_->wake();
    });
    if (!started) return propagate(started);
    engine_ = std::move(*started);
    captures_ = std::make_unique<admin::Captures>(*engine_.capturing);
    sharing_.use(*engine_.flows);
    make_controller(std::exchange(engine_.recovered, {}));
    watch_signals();
    if (options_.lifetime) {
        lifetime_.expires_after(*options_.lifetime);
        lifetime_.async_wait([this](error_code error) {
            if (!error) leave();
        });
    }
    recall_alerts();
    recall_bfd();
    controller_->start();
    notify_ready(summary());
    ready_ = true;
    return {};
}

std::string Running::summary() const {
    if (!controller_->not_in_force().empty()) return "retrying: " + controller_->not_in_force();
    return fmt::format("plan {} in force", controller_->applied_number());
}

void Running::watch_signals() {
    signals_.async_wait([this](error_code error, int signal) {
        if (error) return;
        if (signal != SIGHUP) return end(signal == SIGTERM ? "SIGTERM" : "SIGINT");
        reload();
        watch_signals();
    });
}

void Running::reload() {
    notify_reloading();
    controller_->reload();
    notify_ready(summary());
}

/// For good: first nobody is told any more that the VIPs are here, then the datapath goes.
void Running::leave() {
    lifetime_is_over_ = true;
    controller_->withdraw();
    auto linger = controller_->config().announcing.linger;
    spdlog::info("the time of --for is over: the VIPs are withdrawn, and the datapath goes in {} s",
                 linger.count());
    lifetime_.expires_after(linger);
    lifetime_.async_wait([this](error_code error) {
        if (!error) end("the time of --for is over");
    });
}

void Running::end(const char* why) {
    spdlog::info("stopping: {}", why);
    notify_stopping();
    io_.stop();
}

/// The other daemon goes on with the same datapath, so that routers should not even notice.
void Running::give_way() {
    gives_way_ = true;
    end("another daemon takes over");
}

void Running::tell(control::EventKind kind, std::string message, std::optional<net::Ip> peer) {
    if (controller_)
        controller_->tell({.kind = kind, .message = std::move(message), .peer = peer});
    else
        spdlog::info("{}", message);
}

/// The loop again, once it has ended.
template <class Condition>
void Running::run_until(Condition holds, std::chrono::seconds limit) {
    auto until = std::chrono::steady_clock::now() + limit;
    for (io_.restart(); !holds() && io_.run_one_until(until) > 0;) continue;
}

/// A capture's client is to have its end.
void Running::finish_captures() {
    captures_->finish();
    run_until([this] { return !captures_->has_client(); }, kLastPackets);
}

/// What a former daemon could not deliver. At once no more in the file: better lost in a crash than told by
/// every daemon that crashes.
void Running::recall_alerts() {
    auto loaded = unsent_.load([this](std::string_view text) -> Status {
        auto unsent = alert::read_unsent(text, std::chrono::system_clock::now());
        if (!unsent) return propagate(unsent);
        alerts_.recall(*std::move(unsent));
        return {};
    });
    if (loaded) loaded = unsent_.remove();
    if (!loaded) spdlog::warn("what alerts had still to tell: {}", loaded.error().message);
}

void Running::leave_alerts() {
    auto unsent = alerts_.unsent();
    if (unsent.empty()) return;
    if (auto saved = unsent_.save(alert::unsent_text(unsent)); !saved)
        spdlog::warn("what alerts have still to tell is lost: {}", saved.error().message);
    for (const auto& [name, events] : unsent)
        spdlog::warn("alert {}: {} events are left to the next daemon", name, events.size());
}

/// The sessions of the daemon that gave way: peers are not to notice.
void Running::recall_bfd() {
    auto loaded = parked_.load([this](std::string_view text) -> Status {
        auto parked = announce::bfd::read_parked(text, std::chrono::system_clock::now());
        if (!parked) return propagate(parked);
        speaker_.resume(*std::move(parked));
        return {};
    });
    if (loaded) loaded = parked_.remove();
    if (!loaded) spdlog::warn("BFD sessions begin anew: {}", loaded.error().message);
}

void Running::leave_bfd() {
    const auto until = std::chrono::system_clock::now() + controller_->config().bgp.restart_time;
    speaker_.give_way();
    run_until([this] { return speaker_.parked().has_value(); }, kWaitForUs);
    if (!speaker_.parked() || speaker_.parked()->empty()) return;
    auto saved = parked_.save(announce::bfd::parked_text(*speaker_.parked(), until));
    if (!saved) spdlog::warn("BFD sessions are not handed over: {}", saved.error().message);
}

/// While checks and API go on: routers turn elsewhere before the last of them is told that we are gone.
void Running::take_leave() {
    if (gives_way_) return leave_bfd();
    speaker_.leave();
    // Who asks again does not want to wait.
    signals_.async_wait([this](error_code error, int) {
        if (!error) speaker_.vanish();
    });
    const auto& bgp = controller_->config().bgp;
    run_until([this] { return speaker_.is_gone(); }, kGoodbye + bgp.drain + bgp.graceful_shutdown);
    speaker_.vanish();
}

/// Nothing but the alerts has to do with what happens now.
void Running::say_last_words() {
    signals_.cancel();
    alerts_.finish();
    run_until([this] { return alerts_.is_empty(); }, kLastWords);
    leave_alerts();
}

Status Running::stop() {
    take_leave();
    api_ = nullptr;
    finish_captures();
    captures_.reset();
    controller_->save();
    controller_.reset();
    sharing_.stop(gives_way_);
    engine_ = {};
    say_last_words();
    if (lifetime_is_over_) return remove_engine(options_.pin, options_.state);
    spdlog::info(
        "the datapath stays in force, pinned under {} and on record under {}; `weir run --cleanup` "
        "removes it",
        options_.pin, options_.state);
    return {};
}

}  // namespace

int run_daemon(const cli::RunOptions& options) {
    set_up_log(options.log_level);
    set_up_process();
    auto config = load_config(options.config);
    if (!config) {
        std::cerr << config::describe(options.config, config.error());
        return 2;
    }
    Running running(options, std::move(*config));
    auto done = running.start();
    if (done) {
        running.loop();
        done = running.stop();
    }
    if (!done) spdlog::error("{}", done.error().message);
    return done ? 0 : 1;
}

}  // namespace weir::app
