// A source by itself on a host of the lab, with whom it tells: what it finds, and when. Its loop runs in the
// test's thread, which is in the host's network namespace then. Its time is the machine's, but for what a
// test lets pass at once, so that nobody waits for what takes long.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/fake_clock.h"
#include "discovery/source.h"
#include "lab/host.h"
#include "lab/wait.h"

namespace weir::e2e {

class LoneSource final : private discovery::Listener {
  public:
    using Spec = std::map<std::string, model::SourceSpec::Value, std::less<>>;

    /// Throws for settings that do not fit together.
    LoneSource(lab::Host& host, const discovery::Kind& kind, Spec settings);
    ~LoneSource() override;
    LoneSource(const LoneSource&) = delete;

    /// Runs the loop until it is so; false if it has not come so within `limit`.
    [[nodiscard]] bool await(const std::function<bool()>& so, lab::Duration limit = std::chrono::seconds(30));
    /// Until these were found last, each as ADDRESS[:PORT], with `*WEIGHT` where that is not 1, and nothing
    /// has failed since.
    [[nodiscard]] bool awaits(const std::set<std::string>& members);
    /// Until it has failed with these words since a set was found.
    [[nodiscard]] bool awaits_failure(const std::string& words);
    /// As await(), with seconds that pass faster than the machine's: for what comes after long pauses.
    [[nodiscard]] bool await_later(const std::function<bool()>& so);
    /// Runs the loop for a while, in which nothing should happen.
    void idle(lab::Duration time);
    /// At once: nothing comes from outside meanwhile.
    void let_pass(Clock::Duration span);

    std::set<std::string> members() const;
    const discovery::Set& last() const { return last_; }
    size_t times_found() const { return times_found_; }
    size_t times_failed() const { return times_failed_; }
    /// "" where a set was found since.
    const std::string& error() const { return error_; }
    /// Whether these were found last, and nothing has failed since.
    bool has(const std::set<std::string>& members) const;

    /// The source goes; how long that took.
    lab::Duration end();

  private:
    void found(discovery::Set set) override;
    void failed(const Error& why) override;
    void follow_the_machine();

    lab::Host& host_;
    boost::asio::io_context context_;
    FakeClock clock_{context_};
    std::chrono::steady_clock::time_point machine_ = std::chrono::steady_clock::now();  // as the clock has it
    discovery::Set last_;
    size_t times_found_ = 0;
    size_t times_failed_ = 0;
    std::string error_ = "nothing was heard of it";
    std::unique_ptr<discovery::Source> source_;
};

/// Threads of this process.
size_t threads();

}  // namespace weir::e2e
