// weir events: what has happened; with --follow, what happens.
#include <boost/json.hpp>
#include <iostream>

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

int follow(const Context& context, const json::array& before, bool as_json) {
    for (const auto& event : before) show(json::serialize(event), as_json);
    auto client = admin::Client::connect(context.socket);
    if (!client) return complain(client.error());
    admin::Request request;
    request.path = "/api/v1/events/stream";
    if (!before.empty()) request.query["after"] = json::serialize(before.back().at("id"));
    DataLines lines;
    auto streamed = client->stream(request, [&](std::string_view bytes) -> Status {
        lines.add(bytes, [&](std::string_view event) { show(event, as_json); });
        if (!std::cout) return fail("cannot write the events");
        return {};
    });
    return streamed ? int{kDone} : complain(streamed.error());
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
