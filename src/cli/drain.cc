// weir drain: a backend gets no new flows; with --wait, until those that it has are gone.
#include <boost/json.hpp>
#include <iostream>
#include <thread>

#include "cli/override.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

constexpr auto kPatience = std::chrono::seconds(30);  // without an answer

struct Asked {
    Whom whom;
    bool wait = false;
    std::optional<std::chrono::seconds> deadline;
};

/// What a look at the override says: how the waiting ends, or nothing while it goes on.
std::optional<int> look(const Asked& asked, const std::optional<json::object>& row) {
    auto who = text_of(asked.whom);
    if (!row) return complain({fmt::format("the override of {} was lifted meanwhile", who)});
    if (auto cut = row->at("flows_cut"); !cut.is_null()) {
        auto flows = cut.to_number<uint64_t>();
        std::cout << fmt::format("{}: the deadline has passed; {} flows were cut off\n", who, flows);
        return flows == 0 ? kDone : kFailed;
    }
    if (row->at("state") != "draining")
        return complain({fmt::format("{} is not draining any more; somebody else has changed it", who)});
    if (!row->at("used").as_bool())
        return complain({fmt::format("{} is not in the configuration any more", who)});
    auto drained = row->at("drained");
    if (drained.is_null()) {  // a daemon that has only just started
        std::cout << who << ": its flows are being counted\n" << std::flush;
        return std::nullopt;
    }
    auto flows = row->at("flows_active").to_number<uint64_t>();
    std::cout << fmt::format("{}: {} flow{} left\n", who, flows, flows == 1 ? "" : "s") << std::flush;
    if (!drained.as_bool()) return std::nullopt;
    std::cout << fmt::format("{}: drained\n", who);
    return kDone;
}

/// A daemon that ends, or gives way to the next one, leaves the drain as it is: that is waited for.
int wait(const Context& context, const Asked& asked) {
    using std::chrono::steady_clock;
    for (auto seen = steady_clock::now();; std::this_thread::sleep_for(std::chrono::seconds(1))) {
        auto row = override_now(context, asked.whom);
        if (!row) {
            if (steady_clock::now() - seen >= kPatience) return complain(row.error());
            continue;
        }
        seen = steady_clock::now();
        if (auto end = look(asked, *row)) return *end;
    }
}

int drain(const Context& context, Asked& asked) {
    json::object body{{"state", "draining"}};
    if (asked.deadline) body["deadline_seconds"] = asked.deadline->count();
    if (int status = change(context, asked.whom, body); status != kDone) return status;
    if (asked.wait) return wait(context, asked);
    std::cout << text_of(asked.whom) << ": draining; `weir overrides` shows the flows left\n";
    return kDone;
}

}  // namespace

Run declare_drain(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    declare_whom(options, asked->whom);
    options.flag("--wait", asked->wait, "Print the flows left once a second, until all are gone");
    options.duration("--deadline", asked->deadline,
                     "Cut off what is left after this time, as 90s, 5m or 1h: the backend is disabled then");
    return [asked, &context] { return drain(context, *asked); };
}

}  // namespace weir::cli
