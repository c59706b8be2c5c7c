// weir events: what has happened; with --follow, what happens.
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <optional>
#include <thread>
#include <utility>

#include "admin/client.h"
#include "cli/show.h"
#include "cli/subcommand.h"
#include "cli/table.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

/// The `data:` lines of server-sent events, each as soon as it is whole.
class DataLines {
  public:
    template <class Take>
    void add(std::string_view bytes, Take take) {
        pending_ += bytes;
        for (size_t end; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1))
            if (pending_.starts_with("data: ")) take(std::string_view(pending_).substr(6, end - 6));
    }

  private:
    std::string pending_;
};

void show(std::string_view event, bool as_json) {
    if (as_json)
        std::cout << event << '\n';
    else
        show_event(std::cout, json::parse(json::string_view(event.data(), event.size())), coloured_output());
    std::cout.flush();
}

class Follower {
  public:
    Follower(const Context& context, bool as_json) : context_(context), as_json_(as_json) {}

    /// Shows it, and goes on behind it.
    void take(const json::value& event) {
        last_ = json::serialize(event.at("id"));
        show(json::serialize(event), as_json_);
    }
    /// To the stream's end. A daemon that ends, or gives way to the next one, is waited for.
    int run() {
        for (;; std::this_thread::sleep_for(std::chrono::seconds(1))) {
            auto streamed = read();
            if (streamed) return kDone;
            if (!std::cout || !seen_ || Clock::now() - *seen_ >= kPatience) return complain(streamed.error());
        }
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr auto kPatience = std::chrono::seconds(30);  // without a daemon

    Result<std::string> read() {
        auto client = admin::Client::connect(context_.socket);
        if (!client) return propagate(client);
        admin::Request request;
        request.path = "/api/v1/events/stream";
        if (!last_.empty()) request.query["after"] = last_;
        DataLines lines;
        auto streamed = client->stream(request, [&](std::string_view bytes) -> Status {
            lines.add(bytes, [this](std::string_view event) {
                take(json::parse(json::string_view(event.data(), event.size())));
            });
            begun_ = true;
            if (!std::cout) return fail("cannot write the events");
            return {};
        });
        if (std::exchange(begun_, false)) seen_ = Clock::now();
        return streamed;
    }

    const Context& context_;
    const bool as_json_;
    std::string last_;                       // event's id
    std::optional<Clock::time_point> seen_;  // the daemon
    bool begun_ = false;
};

int follow(const Context& context, const json::array& before, bool as_json) {
    Follower follower(context, as_json);
    for (const auto& event : before) follower.take(event);
    return follower.run();
}

int events(const Context& context, bool follows, bool as_json) {
    admin::Request request;
    request.path = "/api/v1/events";
    auto answer = ask(context, request);
    if (!answer) return complain(answer.error());
    auto list = json::parse(*answer).as_array();
    if (follows) return follow(context, list, as_json);
    if (as_json)
        std::cout << *answer;
    else
        for (const auto& event : list) show_event(std::cout, event, coloured_output());
    return kDone;
}

}  // namespace

Run declare_events(Options& options, const Context& context) {
    struct Asked {
        bool follow = false;
        bool json = false;
    };
    auto asked = std::make_shared<Asked>();
    options.flag("-f,--follow", asked->follow, "Go on with what happens, until Ctrl-C");
    options.flag("--json", asked->json, "Print what the API returns; with --follow an object a line");
    return [asked, &context] { return events(context, asked->follow, asked->json); };
}

}  // namespace weir::cli
