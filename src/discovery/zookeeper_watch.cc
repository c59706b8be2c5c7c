#include "discovery/zookeeper_watch.h"

#include "discovery/value.h"

namespace weir::discovery {

using std::chrono::milliseconds;

namespace {

/// Questions that are asked at a time. Together they fit into a socket's buffer, so the library is never kept
/// from ending by a server that doesn't read.
constexpr size_t kWindow = 64;

/// From a change to the set, for those that come with it.
constexpr auto kSettle = milliseconds(10);

}  // namespace

ZookeeperWatch::ZookeeperWatch(const Surroundings& around, ZookeeperTerms terms, std::string path,
                               Events events)
    : clock_(around.clock),
      executor_(around.executor),
      events_(std::move(events)),
      terms_(std::move(terms)),
      path_(std::move(path)),
      where_("ZooKeeper at " + connect_string(terms_)),
      children_(path_) {}

Status ZookeeperWatch::open() {
    auto session = ZookeeperSession::open(terms_, executor_,
                                          {.change = [this](ZookeeperState state) { change(state); },
                                           .stir = [this](const std::string& path) { stir(path); }});
    if (!session) return propagate(session);
    session_ = *std::move(session);
    patience_ = clock_.after(terms_.timeout, [this] { give_up_connecting(); });
    return {};
}

void ZookeeperWatch::change(ZookeeperState state) {
    bool was_connected = std::exchange(connected_, state == ZookeeperState::connected);
    if (state == ZookeeperState::expired) return end("");
    if (state == ZookeeperState::refused) return end("refuses weir; see user and password_file");
    if (connected_) {
        patience_.reset();
        start_over();
    } else if (was_connected) {
        // The library notices silence after two thirds of the time-out, so this is about when the session is
        // lost to a silent server.
        patience_ = clock_.after(terms_.timeout / 3, [this] { give_up_connecting(); });
    }
}

/// The library goes on, but with the addresses that it was given, and with a session that the servers may not
/// know any more: after a while another one is better.
void ZookeeperWatch::give_up_connecting() {
    events_.failed(Error{where_ + " does not answer"});
    patience_ = clock_.after(terms_.timeout * terms_.servers.size(), [this] { events_.over(); });
}

void ZookeeperWatch::end(const std::string& why) {
    patience_.reset();
    retry_.reset();
    if (!why.empty()) events_.failed(Error{fmt::format("{} {}", where_, why)});
    events_.over();
}

void ZookeeperWatch::stir(const std::string& path) {
    if (path == path_) return list();
    if (auto name = children_.name_of(path)) {
        to_read_.push_back(*std::move(name));
        read_next();
    }
}

void ZookeeperWatch::start_over() {
    retry_.reset();
    children_ = ZookeeperChildren(path_);
    to_read_.clear();
    list();
}

void ZookeeperWatch::list() {
    session_->children(path_, [this](Answer answer, std::vector<std::string> names) {
        take_names(answer, std::move(names));
    });
}

void ZookeeperWatch::take_names(Answer answer, std::vector<std::string> names) {
    if (answer == Answer::absent) return await_path();
    if (answer != Answer::done) return fail_and_retry(answer, path_);
    for (auto& name : children_.list(std::move(names))) to_read_.push_back(std::move(name));
    read_next();
    publish_soon();
}

/// Nobody can know whether the backends are gone, or the node was never there, or another is meant.
void ZookeeperWatch::await_path() {
    children_ = ZookeeperChildren(path_);
    events_.failed(
        Error{fmt::format("{} has no node '{}'; create it, or correct path", where_, excerpt(path_))});
    session_->exists(path_, [this](Answer answer) {
        if (answer == Answer::done)
            list();
        else if (answer != Answer::absent)
            fail_and_retry(answer, path_);
    });
}

void ZookeeperWatch::read_next() {
    for (; in_flight_ < kWindow && !to_read_.empty(); to_read_.pop_front()) {
        ++in_flight_;
        const auto& name = to_read_.front();
        session_->data(children_.path_of(name), [this, name](Answer answer, const std::string& data) {
            --in_flight_;
            take_data(name, answer, data);
            read_next();
        });
    }
}

void ZookeeperWatch::take_data(const std::string& name, Answer answer, std::string_view data) {
    if (answer == Answer::done)
        children_.read(name, data);
    else if (answer == Answer::absent)
        children_.remove(name);
    else
        return fail_and_retry(answer, children_.path_of(name));
    publish_soon();
}

void ZookeeperWatch::publish_soon() {
    if (publish_ || !children_.is_whole()) return;
    publish_ = clock_.after(kSettle, [this] {
        publish_.reset();
        if (!children_.is_whole()) return;
        has_found_ = true;
        backoff_.reset();
        events_.found(children_.set());
    });
}

void ZookeeperWatch::fail_and_retry(Answer answer, const std::string& path) {
    if (answer == Answer::lost) return;  // all is read again once there is a connection
    auto why = answer == Answer::denied ? "does not let weir read '{}'; see user and password_file"
                                        : "cannot answer what is in '{}'";
    events_.failed(Error{fmt::format("{} {}", where_, fmt::format(fmt::runtime(why), excerpt(path)))});
    if (!retry_) retry_ = clock_.after(backoff_.next(), [this] { start_over(); });
}

}  // namespace weir::discovery
