// The source `exec`: a program prints lists of backends. It runs again and again and each time all of its
// output is one list, or it runs on and ends each list with a blank line. It is shut in as a check's program
// is (base/child.h).
#include <boost/asio/this_coro.hpp>

#include "base/child.h"
#include "base/program.h"
#include "discovery/kinds.h"
#include "discovery/lists.h"
#include "discovery/pipe.h"
#include "discovery/search.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr Choice kTruth[] = {{"true", 1}, {"false", 0}};
constexpr Setting kSettings[] = {
    required({"command", Takes::list, "of words, the first an absolute path"}),
    {.name = "interval", .takes = Takes::milliseconds, .least = 1000, .most = 86400000, .fallback = "30s"},
    {.name = "timeout", .takes = Takes::milliseconds, .least = 100, .most = 3600000, .fallback = "10s"},
    {.name = "stream", .takes = Takes::choice, .choices = kTruth, .fallback = "false"},
    {"user", Takes::text, "a user's name or number", 0, 0, {}, "nobody"},
};
const Section kSection{"exec", kSettings};

constexpr auto kPace = 50ms;        // from a list of a stream to the next that is read
constexpr auto kLastCall = 1s;      // to end, for a program that has closed its output
constexpr auto kSteady = 30s;       // a stream that has lasted so long is started again soon
constexpr size_t kComplaint = 256;  // of what a program writes to its errors

class Exec final : public Search {
  public:
    Exec(const Surroundings& around, const model::SourceSpec& spec, Listener& listener)
        : Search(around, listener),
          command_(spec.list("command")),
          user_(spec.text("user", "nobody")),
          interval_(spec.duration("interval", 30s)),
          timeout_(spec.duration("timeout", 10s)),
          is_stream_(spec.number("stream", 0) != 0) {}

  private:
    /// One program, from its start to its end.
    struct Run {
        std::string text;  // of its output, where that is one list
        Lists lists{kLongestList};
        std::string complaint;
        std::optional<Error> trouble;  // what it is killed for
        Child* child = nullptr;
        Clock::Alarm last_call;
    };

    asio::awaitable<void> run() override;
    asio::awaitable<Status> run_program();
    Result<Child> start(Pipe& output, Pipe& errors, const asio::any_io_executor& executor);
    std::optional<Clock::Duration> take_text(Run& run, std::string_view bytes);
    std::optional<Clock::Duration> take_lists(Run& run, std::string_view bytes);
    Status take_end(const Run& run);
    Status tell(std::string_view text);

    const std::string& program() const { return command_.front(); }
    Error too_much() const {
        return {fmt::format("{} wrote a list of more than {} MiB", program(), kLongestList >> 20)};
    }

    const std::vector<std::string> command_;
    const std::string user_;
    const std::chrono::milliseconds interval_;
    const std::chrono::milliseconds timeout_;
    const bool is_stream_;
};

asio::awaitable<void> Exec::run() {
    for (;;) {
        auto begun = clock_.now();
        auto done = co_await run_program();
        if (!done) failed(done.error());
        auto lasted = clock_.now() - begun;
        if (is_stream_ ? lasted >= kSteady : done.has_value()) calm_down();
        if (done)
            co_await wait(std::max(interval_ - lasted, Clock::Duration()));
        else
            co_await wait_for_next_try();
    }
}

Result<Child> Exec::start(Pipe& output, Pipe& errors, const asio::any_io_executor& executor) {
    auto account = find_account(user_);
    if (!account) return propagate(account);
    Child::Order order{.command = command_,
                       .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"},
                       .user = account->user,
                       .group = account->group};
    if (!is_stream_) order.processor_time = std::chrono::ceil<std::chrono::seconds>(timeout_) + 1s;
    auto child = Child::start(order, {output.other_end().get(), errors.other_end().get()}, nullptr, executor);
    output.other_end().reset();
    errors.other_end().reset();
    return child;
}

/// Fails with what went wrong; a stream always ends by that.
asio::awaitable<Status> Exec::run_program() {
    auto executor = co_await asio::this_coro::executor;
    Run run;
    auto output = Pipe::open(executor, clock_, [this, &run](std::string_view bytes) {
        return is_stream_ ? take_lists(run, bytes) : take_text(run, bytes);
    });
    auto errors = Pipe::open(executor, clock_, [&run](std::string_view bytes) {
        run.complaint += bytes.substr(0, kComplaint - run.complaint.size());
        return Clock::Duration();
    });
    if (!output) co_return propagate(output, program());
    if (!errors) co_return propagate(errors, program());
    auto child = start(*output, *errors, executor);
    if (!child) co_return propagate(child, program());
    run.child = &*child;
    output->start();
    errors->start();
    auto deadline = is_stream_ ? Clock::Time::max() : clock_.now() + timeout_;
    bool ended = co_await child->wait(clock_, deadline);
    if (!ended)
        run.trouble =
            Error{fmt::format("{} has not ended within {}", program(), duration_text(timeout_.count()))};
    output->finish();
    errors->finish();
    co_return take_end(run);
}

std::optional<Clock::Duration> Exec::take_text(Run& run, std::string_view bytes) {
    if (bytes.size() <= kLongestList - run.text.size()) {
        run.text += bytes;
        return Clock::Duration();
    }
    run.trouble = too_much();
    run.child->kill();
    return std::nullopt;
}

/// Of several lists at once the last one counts, and the program waits a little: one that writes without end
/// has no more than its share of the time.
std::optional<Clock::Duration> Exec::take_lists(Run& run, std::string_view bytes) {
    if (bytes.empty())
        run.last_call = clock_.after(kLastCall, [this, &run] {
            run.trouble = Error{program() + " has closed its output, but goes on"};
            run.child->kill();
        });
    std::optional<std::string> last;
    bool fits = run.lists.take(bytes, [&last](std::string_view list) { last = list; });
    if (last) {
        run.complaint.clear();
        if (auto told = tell(*last); !told) failed(told.error());
    }
    if (fits) return last ? Clock::Duration(kPace) : Clock::Duration();
    run.trouble = too_much();
    run.child->kill();
    return std::nullopt;
}

Status Exec::tell(std::string_view text) {
    auto list = read_list(text, program());
    if (!list) return propagate(list);
    found(*std::move(list));
    return {};
}

Status Exec::take_end(const Run& run) {
    auto line = run.complaint.substr(0, run.complaint.find('\n'));
    auto said = line.empty() ? "" : ": " + excerpt(line);
    if (run.trouble) return fail("{}{}", run.trouble->message, said);
    auto [exited, code] = run.child->end();
    if (!exited) return fail("{} was ended by signal {}{}", program(), code, said);
    if (code != 0 || is_stream_) return fail("{} ended with exit code {}{}", program(), code, said);
    return tell(run.text);
}

Status check(const model::SourceSpec& spec) {
    auto command = spec.list("command");
    if (command.empty()) return fail("'command' is empty; write words, the first an absolute path");
    for (const auto& word : command)
        if (word.contains('\0')) return fail("'{}' in 'command' is no text", excerpt(word));
    if (auto good = check_program(command.front()); !good) return good;
    if (auto account = find_account(spec.text("user", "nobody")); !account) return propagate(account);
    if (spec.number("stream", 0) != 0)
        for (std::string_view name : {"interval", "timeout"})
            if (spec.settings.contains(name))
                return fail("with 'stream' the program runs on: '{}' has no meaning; leave it out", name);
    return {};
}

}  // namespace

Kind exec_kind() {
    return {{&kSection, check},
            [](const Surroundings& around, const model::SourceSpec& spec,
               Listener& listener) -> std::unique_ptr<Source> {
                return Search::start(around, std::make_shared<Exec>(around, spec, listener));
            }};
}

}  // namespace weir::discovery
