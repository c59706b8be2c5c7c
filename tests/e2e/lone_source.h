// A source by itself on a host of the lab, with whom it tells: what it finds, and when. Its loop runs in the
// test's thread, which is in the host's network namespace then.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "discovery/source.h"
#include "lab/host.h"
#include "lab/wait.h"

namespace weir::e2e {

class LoneSource final : private discovery::Listener {
  public:
    using Spec = std::map<std::string, model::SourceSpec::Value, std::less<>>;

    /// Throws for settings that do not fit together.
    LoneSource(lab::Host& host, const discovery::Kind& kind, Spec settings);

    /// Runs the loop until it is so; false if it has not come so within `limit`.
    [[nodiscard]] bool await(const std::function<bool()>& so, lab::Duration limit = std::chrono::seconds(30));
    /// Until these were found last, each as ADDRESS[:PORT], with `*WEIGHT` where that is not 1, and nothing
    /// has failed since.
    [[nodiscard]] bool awaits(const std::set<std::string>& members);
    /// Until it has failed with these words since a set was found.
    [[nodiscard]] bool awaits_failure(const std::string& words);
    /// Runs the loop for a while, in which nothing should happen.
    void idle(lab::Duration time);

    std::set<std::string> members() const;
    const discovery::Set& last() const { return last_; }
    size_t times_found() const { return times_found_; }
    size_t times_failed() const { return times_failed_; }
    /// "" where a set was found since.
    const std::string& error() const { return error_; }

    /// The source goes; how long that took.
    lab::Duration end();

  private:
    void found(discovery::Set set) override;
    void failed(const Error& why) override;

    lab::Host& host_;
    boost::asio::io_context context_;
    SystemClock clock_{context_.get_executor()};
    discovery::Set last_;
    size_t times_found_ = 0;
    size_t times_failed_ = 0;
    std::string error_ = "nothing was heard of it";
    std::unique_ptr<discovery::Source> source_;
};

/// Threads of this process.
size_t threads();

/// Prints what a change took from the server to the listener, which the tests do not judge.
void print_delay(const std::string& of, std::chrono::steady_clock::time_point since);

}  // namespace weir::e2e
