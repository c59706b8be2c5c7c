#include "tests/e2e/lone_source.h"

#include <filesystem>
#include <iostream>
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

bool LoneSource::await(const std::function<bool()>& so, lab::Duration limit) {
    const auto deadline = steady_clock::now() + limit;
    return host_.run([&] {
        while (!so() && steady_clock::now() < deadline) {
            context_.restart();
            context_.run_one_for(std::chrono::milliseconds(50));
        }
        return so();
    });
}

bool LoneSource::awaits(const std::set<std::string>& wanted) {
    return await([&] { return error_.empty() && members() == wanted; });
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

void print_delay(const std::string& of, steady_clock::time_point since) {
    const auto span = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - since);
    std::cout << of << ": " << span.count() << " ms\n";
}

}  // namespace weir::e2e
