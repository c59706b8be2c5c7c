// weir proxy: carries connections, each to the backend that the next token of a queue names.
#include "cli/subcommand.h"

namespace weir::cli {
namespace {

struct Asked {
    std::string front;
    ProxyOptions options;
    size_t retries = 2;
    std::optional<std::chrono::seconds> wait;
};

int proxy(Asked& asked, const Context& context) {
    auto front = net::Endpoint::parse(asked.front);
    if (!front) return refuse(front.error());
    if (asked.options.urls.empty())
        return refuse({"proxy needs a queue: `weir proxy 127.0.0.1:8080 tcp://127.0.0.1:1024`"});
    asked.options.front = *front;
    asked.options.retries = static_cast<unsigned>(asked.retries);
    if (asked.wait) asked.options.wait = *asked.wait;
    auto done = context.daemon->proxy(asked.options);
    return done ? kDone : complain(done.error());
}

}  // namespace

Run declare_proxy(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    options.argument("FRONT", asked->front, "Where to listen, as ADDRESS:PORT");
    options.arguments("URL", asked->options.urls,
                      "Queues to pull tokens from; those of the first go before those of the others");
    options.flag("-d,--daemon", asked->options.background, "Go to the background, once it listens");
    options.flag("-f,--fork", asked->options.every_core, "A worker for each core");
    options.duration("--wait", asked->wait, "So long a connection waits for a token (5s)");
    options.number("--retries", asked->retries, 0, 100, "So many more tokens are tried for a connection");
    return [asked, &context] { return proxy(*asked, context); };
}

}  // namespace weir::cli
