// Runs the sources of all pools, and keeps what they have found, over restarts too. On the control thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "control/events.h"
#include "control/supplies.h"
#include "control/supply_file.h"
#include "discovery/source.h"

namespace weir::control {

enum class SourceState : uint8_t {
    starting,  // it has not found anything yet
    ok,
    failing,  // what it has found last may be out of date
};
std::string_view to_text(SourceState state);

/// A source for people.
struct SourceRow {
    std::string pool;
    std::string kind;
    SourceState state = SourceState::starting;
    size_t members = 0;                   // in force
    std::string error{};                  // why it fails; "" while it does not
    std::string held_back{};              // why its last set is not in force; "" when it is
    std::vector<std::string> refused{};   // what stood where members should, in its last set
    std::vector<std::string> left_out{};  // members that are not backends of the pool, and why
    size_t duplicates = 0;
    size_t damped = 0;  // members that it no longer has, and that stay for a while
    std::optional<std::chrono::system_clock::time_point> answered_at{};  // when it last found anything
    std::optional<std::chrono::system_clock::time_point> changed_at{};   // when its members last changed
    uint64_t sets_total = 0;
    uint64_t failures_total = 0;
};

class Supply {
  public:
    struct Options {
        std::span<const discovery::Kind> kinds{};  // outlive it
        std::string file{};                        // "": what is found ends with it
        std::function<std::chrono::system_clock::time_point()> wall_clock = std::chrono::system_clock::now;
        std::function<void(Event)> tell = [](const Event&) {};
        /// What the sources of the pool have found is another set now.
        std::function<void(const std::string& pool)> on_change = [](const std::string&) {};
    };
    /// The clock outlives it.
    Supply(boost::asio::any_io_executor executor, Clock& clock, Options options);
    ~Supply();
    Supply(const Supply&) = delete;

    /// Runs the sources that this configuration has, and no others. The same goes on as it was.
    void set(const model::Config& config);

    Supplies supplies() const;
    /// In the order of the pools, and of their sources. `left_out` is not filled in.
    std::vector<SourceRow> rows() const;

    /// Writes what is not yet in the file.
    void save();

  private:
    class Line;
    using Lines = std::vector<std::unique_ptr<Line>>;

    void changed(const Line& line);
    std::unique_ptr<Line> open(const std::string& pool, const Supplied& begin, const Taking& taking,
                               bool is_of_other);

    const boost::asio::any_io_executor executor_;
    Clock& clock_;
    const Options options_;
    SupplyFile file_;
    bool has_begun_ = false;  // what the file has is no news any more
    std::map<std::string, Lines> lines_;
    Clock::Alarm next_save_;
    Clock::Duration pause_{};  // before it
};

}  // namespace weir::control
