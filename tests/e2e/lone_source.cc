#include "tests/e2e/lone_source.h"

#include <filesystem>
#include <iterator>

#include "lab/failure.h"

namespace weir::e2e {

using std::chrono::steady_clock;

LoneSource::LoneSource(lab::Host& host, const discovery::Kind& kind, Spec settings) : host_(host) {
    const model::SourceSpec spec{std::string(kind.known.section->name), std::move(settings)};
    lab::must(kind.known.check(spec));
    host_.run([&] { source_ = kind.make({context_.get_executor(), clock_}, spec, *this); });
    if (times_found_ + times_failed_ > 0) lab::give_up("it tells before it is made");
}

LoneSource::~LoneSource() {
    source_.reset();
    clock_.settle();
}

bool LoneSource::await(const std::function<bool()>& so, lab::Duration limit) {
    const auto deadline = steady_clock::now() + limit;
    return host_.run([&] {
        while (!so() && steady_clock::now() < deadline) {
            lab::throw_if_interrupted();
            context_.restart();
            context_.run_one_for(std::chrono::milliseconds(5));
            follow_the_machine();
        }
        return so();
    });
}

void LoneSource::follow_the_machine() {
    const auto before = std::exchange(machine_, steady_clock::now());
    clock_.move(machine_ - before);
}

bool LoneSource::awaits(const std::set<std::string>& wanted) {
    return await([&] { return has(wanted); });
}

bool LoneSource::has(const std::set<std::string>& wanted) const {
    return error_.empty() && members() == wanted;
}

bool LoneSource::await_later(const std::function<bool()>& so) {
    for (int second = 0; second < 60 && !so(); second++) {
        let_pass(std::chrono::seconds(1));
        [[maybe_unused]] const bool not_yet = await(so, std::chrono::milliseconds(300));
    }
    return so();
}

void LoneSource::let_pass(Clock::Duration span) {
    host_.run([&] { clock_.move(span); });
}

bool LoneSource::awaits_failure(const std::string& words) {
    return await([&] { return error_.find(words) != std::string::npos; });
}

void LoneSource::idle(lab::Duration time) {
    [[maybe_unused]] const bool never = await([] { return false; }, time);
}

std::set<std::string> LoneSource::members() const {
    std::set<std::string> all;
    for (const auto& each : last_.members) {
        const auto where = each.port ? net::Endpoint{each.address, *each.port}.text() : each.address.text();
        all.insert(each.weight == 1 ? where : fmt::format("{}*{}", where, each.weight));
    }
    return all;
}

lab::Duration LoneSource::end() {
    const auto before = steady_clock::now();
    source_.reset();
    return std::chrono::duration_cast<lab::Duration>(steady_clock::now() - before);
}

void LoneSource::found(discovery::Set set) {
    if (!source_) lab::give_up("it tells when it is gone");
    ++times_found_;
    last_ = std::move(set);
    error_.clear();
}

void LoneSource::failed(const Error& why) {
    if (!source_) lab::give_up("it tells when it is gone");
    ++times_failed_;
    error_ = why.message;
}

size_t threads() {
    using Entries = std::filesystem::directory_iterator;
    return static_cast<size_t>(std::distance(Entries("/proc/self/task"), Entries()));
}

}  // namespace weir::e2e
