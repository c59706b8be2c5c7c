// The children of a node and what is in them, watched over one session: read whole when the session connects,
// also again, and from then on what the server tells of. A set is reported only while every child is known.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "discovery/zookeeper_children.h"
#include "discovery/zookeeper_session.h"

namespace weir::discovery {

class ZookeeperWatch {
  public:
    /// What it calls.
    struct Events {
        std::function<void(Set)> found;
        std::function<void(const Error&)> failed;
        std::function<void()> over;  // another session is needed
    };

    ZookeeperWatch(const Surroundings& around, ZookeeperTerms terms, std::string path, Events events);

    /// Begins.
    Status open();
    /// Whether a set has been reported: the session was of use.
    bool has_found() const { return has_found_; }

  private:
    using Answer = ZookeeperAnswer;

    void change(ZookeeperState state);
    void stir(const std::string& path);
    void start_over();
    void list();
    void take_names(Answer answer, std::vector<std::string> names);
    void await_path();
    void read_next();
    void take_data(const std::string& name, Answer answer, std::string_view data);
    void publish_soon();
    void fail_and_retry(Answer answer, const std::string& path);
    void give_up_connecting();
    void end(const std::string& why);

    Clock& clock_;
    const boost::asio::any_io_executor executor_;
    const Events events_;
    const ZookeeperTerms terms_;
    const std::string path_;
    const std::string where_;  // for messages
    ZookeeperChildren children_;
    std::deque<std::string> to_read_;
    size_t in_flight_ = 0;
    bool connected_ = false;
    bool has_found_ = false;
    Backoff backoff_{std::chrono::seconds(1), std::chrono::seconds(30)};
    Clock::Alarm patience_;  // with the servers
    Clock::Alarm retry_;
    Clock::Alarm publish_;
    std::unique_ptr<ZookeeperSession> session_;  // first to go: it calls
};

}  // namespace weir::discovery
