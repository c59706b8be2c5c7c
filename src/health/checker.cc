#include "health/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "health/pace.h"

namespace weir::health {

namespace asio = boost::asio;
using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

constexpr size_t kMostExpiring = 1000;  // certificates that were told; then all are told again
constexpr size_t kProbesInATurn = 4;    // of the loop: a fraction of a millisecond

/// One check of one target, and what came of it so far.
struct Running {
    Running(const model::TargetKey& of, const model::Check& what, bool up)
        : target(of), check(what), tally(up) {}

    /// Takes over from `former`, a check of the same kind.
    Running(const model::Check& what, const Running& former)
        : target(former.target),
          check(what),
          tally(former.tally),
          last(former.last),
          not_probed(former.not_probed),
          probes(former.probes) {}

    bool is_opening() const { return probes < std::max(check.rise, check.fall); }

    const model::TargetKey target;
    const model::Check check;
    Tally tally;
    std::optional<Outcome> last;
    std::string not_probed;  // why the newest probe was not made; "" when it was
    unsigned probes = 0;
    std::optional<Pace> pace;      // once it has been started
    steady_clock::time_point due;  // the next probe, or the one that is under way
    bool probing = false;          // else it is on the agenda
    bool stopped = false;
    asio::cancellation_signal cancel;
};

using RunningPtr = std::shared_ptr<Running>;  // shared with the coroutine of its probe

struct Target {
    std::vector<RunningPtr> checks;
    bool up = false;
    system_clock::time_point changed_at = system_clock::now();
};

std::string known_of(const Running& running) {
    if (!running.last) return "not checked yet";
    auto text = running.last->message;
    if (running.last->ok) {
        auto latency =
            fmt::format(" in {:.1f} ms", static_cast<double>(running.last->latency.count()) / 1000);
        text.insert(std::min(text.find(": "), text.size()), latency);  // behind the code, before details
    }
    auto progress = running.tally.progress(running.check);
    return progress.empty() ? text : fmt::format("{} ({})", text, progress);
}

std::string reason_of(const Running& running) {
    auto text = known_of(running);
    return running.not_probed.empty() ? text
                                      : fmt::format("{}; not probed now: {}", text, running.not_probed);
}

/// Of a check of the same kind, or nothing.
void recall(Running& running, std::vector<Remembered>& past) {
    auto found = std::ranges::find(past, running.check.kind.index(), &Remembered::kind);
    if (found == past.end()) return;
    running.tally = std::move(found->tally);
    running.last = std::move(found->last);
    running.probes = found->probes;
    past.erase(found);
}

bool was_up(const Past& past) {
    return std::ranges::all_of(past.checks, [](const Remembered& check) { return check.tally.up(); });
}

bool is_settled(const Target& target) {
    return std::ranges::none_of(target.checks,
                                [](const RunningPtr& running) { return running->is_opening(); });
}

Checked summary_of(const Target& target) {
    auto rank = [](const RunningPtr& running) {
        auto at = running->last ? running->last->at : system_clock::time_point{};
        bool passed = running->last && running->last->ok;
        return std::tuple(running->tally.up(), passed, -at.time_since_epoch());
    };
    const auto& spokesman = *std::ranges::min_element(target.checks, {}, rank);
    return {{target.up, reason_of(*spokesman)}, spokesman->last, target.changed_at, is_settled(target)};
}

}  // namespace

struct Checker::State : std::enable_shared_from_this<State> {
    State(asio::any_io_executor on, World in, std::function<void()> call)
        : executor(std::move(on)), world(std::move(in)), on_change(std::move(call)), random(world.seed) {}

    std::vector<RunningPtr> replace(Target& target, const model::TargetKey& key,
                                    const std::vector<model::Check>& wanted);
    void start(const RunningPtr& running, size_t beside);
    void stop(const RunningPtr& running);
    void put(const RunningPtr& running, steady_clock::time_point due);
    void wait();
    void turn();
    void begin(const RunningPtr& running);
    void take(Running& running, Result<Outcome> outcome);
    void settle(const model::TargetKey& key, Target& target);
    void notify();
    double chance() { return std::uniform_real_distribution<>()(random); }

    static asio::awaitable<void> probe(std::shared_ptr<State> state, RunningPtr running);
    asio::awaitable<Result<Outcome>> try_to_probe(const Running& running);

    asio::any_io_executor executor;
    World world;
    std::function<void()> on_change;
    std::minstd_rand random;
    std::map<model::TargetKey, Target> targets;
    std::set<std::pair<steady_clock::time_point, RunningPtr>> agenda;  // of those that are not being probed
    std::optional<Clock::Time> alarm_at;
    Clock::Alarm alarm;  // then
    bool turn_is_posted = false;
    std::set<std::string> expiring_seen;
    std::map<std::string, model::TargetKey> expiring;  // of them what nobody has taken yet
    uint64_t not_probed_total = 0;
    std::set<model::TargetKey> changed;  // of `up`, until it is taken
    bool notifying = false;
};

/// Makes the target's checks the wanted ones: equal ones stay, others of the same kind hand over, the rest
/// begins anew. Returns those that are to be started.
std::vector<RunningPtr> Checker::State::replace(Target& target, const model::TargetKey& key,
                                                const std::vector<model::Check>& wanted) {
    std::vector<RunningPtr> fresh;
    auto former = std::exchange(target.checks, std::vector<RunningPtr>(wanted.size()));
    auto take_former = [&former](auto matches) {
        auto found = std::ranges::find_if(former, matches);
        if (found == former.end()) return RunningPtr();
        auto taken = std::move(*found);
        former.erase(found);
        return taken;
    };
    for (size_t i = 0; i < wanted.size(); i++)
        target.checks[i] = take_former([&](const RunningPtr& old) { return old->check == wanted[i]; });
    for (size_t i = 0; i < wanted.size(); i++) {
        if (target.checks[i]) continue;
        auto old = take_former(
            [&](const RunningPtr& it) { return it->check.kind.index() == wanted[i].kind.index(); });
        target.checks[i] = old ? std::make_shared<Running>(wanted[i], *old)
                               : std::make_shared<Running>(key, wanted[i], target.up);
        if (old) stop(old);
        fresh.push_back(target.checks[i]);
    }
    for (const auto& running : former) stop(running);
    return fresh;
}

/// `beside` so many others.
void Checker::State::start(const RunningPtr& running, size_t beside) {
    running->pace.emplace(world.clock.now(), running->check.interval, beside, chance());
    put(running, running->pace->first());
}

void Checker::State::stop(const RunningPtr& running) {
    running->stopped = true;
    if (running->probing)
        running->cancel.emit(asio::cancellation_type::terminal);
    else
        agenda.erase({running->due, running});
}

void Checker::State::put(const RunningPtr& running, steady_clock::time_point due) {
    running->due = due;
    agenda.emplace(due, running);
}

/// For the next probe that is due.
void Checker::State::wait() {
    if (turn_is_posted) return;
    auto next = agenda.empty() ? std::nullopt : std::optional(agenda.begin()->first);
    if (alarm_at == next) return;
    alarm_at = next;
    alarm.reset();
    if (!next) return;
    alarm = world.clock.at(*next, [this] {
        alarm_at.reset();
        turn();
    });
}

/// A loop that has fallen behind finds thousands due at once. What came in meanwhile, from operators and from
/// the probes' own sockets, must not wait for all of them: those that stay have the next turn.
void Checker::State::turn() {
    for (size_t i = 0; i < kProbesInATurn; i++) {
        if (agenda.empty() || agenda.begin()->first > world.clock.now()) return wait();
        begin(agenda.extract(agenda.begin()).value().second);
    }
    if (std::exchange(turn_is_posted, true)) return;
    asio::post(executor, [weak = weak_from_this()] {
        auto state = weak.lock();
        if (!state) return;
        state->turn_is_posted = false;
        state->turn();
    });
}

void Checker::State::begin(const RunningPtr& running) {
    running->probing = true;
    // The handler holds on to the signal until the coroutine is gone; only then there may be another one.
    auto ended = [state = shared_from_this(), running,
                  started = world.clock.now()](const std::exception_ptr& thrown) {
        running->probing = false;
        if (running->stopped) return;
        if (thrown) std::rethrow_exception(thrown);
        state->put(running, running->pace->next(started, state->world.clock.now(), running->is_opening(),
                                                state->chance()));
        state->wait();
    };
    asio::co_spawn(executor, probe(shared_from_this(), running),
                   asio::bind_cancellation_slot(running->cancel.slot(), std::move(ended)));
}

asio::awaitable<void> Checker::State::probe(std::shared_ptr<State> state, RunningPtr running) {
    if (running->stopped) co_return;
    auto outcome = co_await state->try_to_probe(*running);
    if (!running->stopped) state->take(*running, std::move(outcome));
}

/// Whatever goes wrong with one probe must not end the others.
asio::awaitable<Result<Outcome>> Checker::State::try_to_probe(const Running& running) {
    try {
        co_return co_await world.probe(running.check, running.target);
    } catch (const std::exception& thrown) {
        if (running.stopped) throw;
        co_return fail("{}", thrown.what());
    }
}

void Checker::State::take(Running& running, Result<Outcome> outcome) {
    running.not_probed = outcome ? "" : outcome.error().message;
    if (!outcome) {
        not_probed_total++;
        return;
    }
    bool ok = outcome->ok;
    if (expiring_seen.size() >= kMostExpiring) expiring_seen.clear();
    if (!outcome->expiring.empty() && expiring_seen.insert(outcome->expiring).second) {
        expiring.emplace(outcome->expiring, running.target);
        notify();
    }
    running.last = std::move(*outcome);
    running.probes++;
    if (running.tally.add(ok, running.check)) settle(running.target, targets.at(running.target));
}

void Checker::State::settle(const model::TargetKey& key, Target& target) {
    bool up =
        std::ranges::all_of(target.checks, [](const RunningPtr& running) { return running->tally.up(); });
    if (up == target.up) return;
    target.up = up;
    target.changed_at = system_clock::now();
    changed.insert(key);
    notify();
}

/// Posted, so that the callback may do what it likes here, and many changes at a time are one call.
void Checker::State::notify() {
    if (std::exchange(notifying, true)) return;
    asio::post(executor, [weak = weak_from_this()] {
        auto state = weak.lock();
        if (!state) return;
        state->notifying = false;
        auto call = state->on_change;
        if (call) call();
    });
}

Checker::Checker(asio::any_io_executor executor, World world, std::function<void()> on_change)
    : state_(std::make_shared<State>(std::move(executor), std::move(world), std::move(on_change))) {}

Checker::Checker(const asio::any_io_executor& executor, Clock& clock, Path& path,
                 std::function<void()> on_change)
    : Checker(executor,
              World{.clock = clock,
                    .probe =
                        [&path, &clock](const model::Check& check, const model::TargetKey& target) {
                            return health::probe(check, target, path, clock);
                        }},
              std::move(on_change)) {}

Checker::~Checker() {
    state_->on_change = nullptr;
    try {
        set({});
    } catch (...) {  // what cannot be stopped finds nobody to tell
    }
}

void Checker::set(const Work& work, const model::HealthMap& known, const Memory& memory) {
    auto& state = *state_;
    std::erase_if(state.targets, [&](const auto& entry) {
        auto wanted = work.find(entry.first);
        if (wanted != work.end() && !wanted->second.empty()) return false;
        for (const auto& running : entry.second.checks) state.stop(running);
        return true;
    });
    std::vector<RunningPtr> fresh;
    for (const auto& [key, wanted] : work) {
        if (wanted.empty()) continue;
        auto [place, is_new] = state.targets.try_emplace(key);
        auto& target = place->second;
        auto former = is_new ? known.find(key) : known.end();
        if (former != known.end()) target.up = former->second.up;
        std::ranges::copy(state.replace(target, key, wanted), std::back_inserter(fresh));
        auto past = former == known.end() ? memory.end() : memory.find(key);
        if (past != memory.end()) {
            auto checks = past->second.checks;
            for (const auto& running : target.checks) recall(*running, checks);
        }
        state.settle(key, target);
        if (past != memory.end() && was_up(past->second) == target.up)
            target.changed_at = past->second.changed_at;
    }
    for (const auto& running : fresh) state.start(running, fresh.size());
    state.wait();
}

std::map<model::TargetKey, Checked> Checker::checked() const {
    std::map<model::TargetKey, Checked> all;
    for (const auto& [key, target] : state_->targets) all.emplace_hint(all.end(), key, summary_of(target));
    return all;
}

std::map<std::string, model::TargetKey> Checker::take_expiring() {
    return std::exchange(state_->expiring, {});
}

NotProbed Checker::not_probed() const {
    NotProbed found{state_->not_probed_total, 0, ""};
    for (const auto& [key, target] : state_->targets)
        for (const auto& running : target.checks) {
            if (running->not_probed.empty()) continue;
            found.checks++;
            found.why = running->not_probed;
        }
    return found;
}

Memory Checker::memory() const {
    Memory memory;
    for (const auto& [key, target] : state_->targets) {
        auto& past = memory.try_emplace(memory.end(), key)->second;
        past.changed_at = target.changed_at;
        for (const auto& running : target.checks)
            past.checks.push_back(
                {running->check.kind.index(), running->tally, running->last, running->probes});
    }
    return memory;
}

std::optional<Checked> Checker::checked(const model::TargetKey& target) const {
    auto found = state_->targets.find(target);
    if (found == state_->targets.end()) return std::nullopt;
    return summary_of(found->second);
}

bool Checker::settled() const {
    return std::ranges::all_of(state_->targets, [](const auto& entry) { return is_settled(entry.second); });
}

std::set<model::TargetKey> Checker::take_changed() {
    return std::exchange(state_->changed, {});
}

}  // namespace weir::health
