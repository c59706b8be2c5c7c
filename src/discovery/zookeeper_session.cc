#include "discovery/zookeeper_session.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <zookeeper/zookeeper.h>

#include <boost/asio/post.hpp>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

namespace weir::discovery {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

/// Each failed try to connect is a line of the library's; the source says once what it comes to.
void log(const char* line) {
    spdlog::debug("zookeeper: {}", line);
}

void log_nothing(const char*) {}

ZookeeperAnswer answer_of(int code) {
    switch (code) {
        case ZOK:
            return ZookeeperAnswer::done;
        case ZNONODE:
            return ZookeeperAnswer::absent;
        case ZNOAUTH:
            return ZookeeperAnswer::denied;
        case ZCONNECTIONLOSS:
        case ZOPERATIONTIMEOUT:
        case ZSESSIONEXPIRED:
        case ZINVALIDSTATE:
        case ZAUTHFAILED:
        case ZCLOSING:
        case ZSESSIONMOVED:
            return ZookeeperAnswer::lost;
        default:
            spdlog::debug("zookeeper: answer {}: {}", code, zerror(code));
            return ZookeeperAnswer::failed;
    }
}

ZookeeperState state_of(int state) {
    if (state == ZOO_CONNECTED_STATE) return ZookeeperState::connected;
    if (state == ZOO_EXPIRED_SESSION_STATE) return ZookeeperState::expired;
    if (state == ZOO_AUTH_FAILED_STATE) return ZookeeperState::refused;
    return ZookeeperState::connecting;
}

struct Reply {
    ZookeeperAnswer answer = ZookeeperAnswer::failed;
    std::vector<std::string> names{};
    std::string data{};
};

}  // namespace

std::string connect_string(const ZookeeperTerms& terms) {
    std::vector<std::string> servers;
    servers.reserve(terms.servers.size());
    // The library takes what stands behind the last colon for the port, and knows no brackets.
    for (const auto& server : terms.servers)
        servers.push_back(fmt::format("{}:{}", server.address.text(), server.port.value()));
    return fmt::format("{}{}", fmt::join(servers, ","), terms.chroot);
}

/// What the library's threads have, until it has ended them.
struct ZookeeperSession::Shared : std::enable_shared_from_this<Shared> {
    struct Question {
        Shared& shared;
        std::function<void(Reply)> then;
    };

    Shared(asio::any_io_executor where, Events what) : executor(std::move(where)), events(std::move(what)) {}

    /// From any thread. What is posted is not called once the session is gone.
    void post(std::function<void()> call) {
        std::lock_guard lock(mutex);
        if (!is_open) return;
        asio::post(executor, [shared = shared_from_this(), call = std::move(call)] {
            if (shared->is_open) call();  // changed on this thread only
        });
    }
    Question* ask(std::function<void(Reply)> then) {
        std::lock_guard lock(mutex);
        return questions.insert(std::make_unique<Question>(*this, std::move(then))).first->get();
    }
    std::function<void(Reply)> settle(const Question* question) {
        std::lock_guard lock(mutex);
        auto found = questions.find(question);
        auto then = std::move((*found)->then);
        questions.erase(found);
        return then;
    }
    void close() {
        std::lock_guard lock(mutex);
        is_open = false;
        executor = {};
    }

    struct ByAddress {
        using is_transparent = void;
        bool operator()(const auto& a, const auto& b) const { return address(a) < address(b); }
        static const Question* address(const std::unique_ptr<Question>& question) { return question.get(); }
        static const Question* address(const Question* question) { return question; }
    };

    std::mutex mutex;
    bool is_open = true;
    asio::any_io_executor executor;
    Events events;  // of the executor's thread
    std::set<std::unique_ptr<Question>, ByAddress> questions;
    zhandle_t* handle = nullptr;
};

/// What the library calls, in its own threads.
struct ZookeeperSession::Callbacks {
    static void watch(zhandle_t*, int type, int state, const char* path, void* context) {
        auto* self = static_cast<Shared*>(context);
        if (type == ZOO_SESSION_EVENT)
            self->post([self, now = state_of(state)] { self->events.change(now); });
        else
            self->post([self, path = std::string(path)] { self->events.stir(path); });
    }
    static void finish(const void* context, Reply reply) {
        const auto* question = static_cast<const Shared::Question*>(context);
        auto* self = &question->shared;
        self->post([then = self->settle(question), reply = std::move(reply)] { then(reply); });
    }
    static void on_names(int code, const String_vector* names, const void* context) {
        Reply reply{answer_of(code)};
        if (code == ZOK) reply.names.assign(names->data, names->data + names->count);
        finish(context, std::move(reply));
    }
    static void on_data(int code, const char* data, int size, const Stat*, const void* context) {
        Reply reply{answer_of(code)};
        if (code == ZOK && size > 0) reply.data.assign(data, static_cast<size_t>(size));
        finish(context, std::move(reply));
    }
    static void on_stat(int code, const Stat*, const void* context) { finish(context, {answer_of(code)}); }
    /// A refusal comes as a change of state.
    static void on_credentials(int, const void*) {}
};

Result<std::unique_ptr<ZookeeperSession>> ZookeeperSession::open(const ZookeeperTerms& terms,
                                                                 asio::any_io_executor executor,
                                                                 Events events) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    auto shared = std::make_shared<Shared>(std::move(executor), std::move(events));
    auto servers = connect_string(terms);
    shared->handle =
        zookeeper_init2(servers.c_str(), Callbacks::watch, static_cast<int>(terms.timeout.count()), nullptr,
                        shared.get(), ZOO_NO_LOG_CLIENTENV, log);
    if (!shared->handle) return fail_with(errno, "cannot begin a ZooKeeper session with {}", servers);
    std::unique_ptr<ZookeeperSession> session(new ZookeeperSession(shared));
    if (terms.credentials.empty()) return session;
    int code = zoo_add_auth(shared->handle, "digest", terms.credentials.data(),
                            static_cast<int>(terms.credentials.size()), Callbacks::on_credentials, nullptr);
    if (code != ZOK) return fail("cannot say to ZooKeeper who weir is: {}", zerror(code));
    return session;
}

ZookeeperSession::ZookeeperSession(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

ZookeeperSession::~ZookeeperSession() {
    shared_->close();
    zoo_set_log_callback(shared_->handle, log_nothing);
    // The library joins its threads and gives a connected server a second and a half to close the
    // connection, up to three more to take the request to. Nobody waits for that, not even the daemon's end.
    auto end = [shared = shared_] { zookeeper_close(shared->handle); };
    try {
        std::thread(end).detach();
    } catch (const std::system_error&) {
        end();
    }
}

void ZookeeperSession::children(const std::string& path,
                                std::function<void(Answer, std::vector<std::string>)> then) {
    auto* question =
        shared_->ask([then = std::move(then)](const Reply& reply) { then(reply.answer, reply.names); });
    int code = zoo_aget_children(shared_->handle, path.c_str(), 1, Callbacks::on_names, question);
    if (code != ZOK) Callbacks::finish(question, {answer_of(code)});
}

void ZookeeperSession::data(const std::string& path, std::function<void(Answer, std::string)> then) {
    auto* question =
        shared_->ask([then = std::move(then)](const Reply& reply) { then(reply.answer, reply.data); });
    int code = zoo_aget(shared_->handle, path.c_str(), 1, Callbacks::on_data, question);
    if (code != ZOK) Callbacks::finish(question, {answer_of(code)});
}

void ZookeeperSession::exists(const std::string& path, std::function<void(Answer)> then) {
    auto* question = shared_->ask([then = std::move(then)](const Reply& reply) { then(reply.answer); });
    int code = zoo_aexists(shared_->handle, path.c_str(), 1, Callbacks::on_stat, question);
    if (code != ZOK) Callbacks::finish(question, {answer_of(code)});
}

}  // namespace weir::discovery
