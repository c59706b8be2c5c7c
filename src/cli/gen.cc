// weir gen: pushes the tokens of the list that it has read last on a queue, each to one consumer. A token is
// chosen when a consumer has room for it.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>
#include <random>

#include "cli/dealer.h"
#include "cli/streams.h"
#include "cli/subcommand.h"
#include "proto/sp.h"

namespace weir::cli {
namespace {

struct Asked {
    std::string url;
    bool by_chance = false;
    bool weighted = false;
    bool dials = false;
};

void tell(const Error& what) {
    std::cerr << "weir gen: " << what.message << '\n' << std::flush;
}

int generate(const Asked& asked) {
    auto url = proto::sp::Url::parse(asked.url);
    if (!url) return refuse(url.error());
    std::signal(SIGPIPE, SIG_IGN);  // somebody who read the errors may have gone
    boost::asio::io_context context{1};
    SystemClock clock{context.get_executor()};
    boost::asio::signal_set signals(context, SIGTERM, SIGINT);
    signals.async_wait([&](auto, int) { context.stop(); });
    Dealer dealer({asked.by_chance, asked.weighted, std::random_device{}()});
    auto pusher = proto::sp::make_pusher({context.get_executor(), clock},
                                         {*url, asked.dials, [&] { return dealer.next(); }, tell});
    if (!pusher) return complain(pusher.error());
    auto replace = [&](const TokenList& list) {
        dealer.replace(list);
        (*pusher)->wake();
    };
    ListReader reader(replace, [](size_t line, const Error& why) {
        tell({fmt::format("line {}: {}; it is left out", line, why.message)});
    });
    auto input = Input::open(STDIN_FILENO, context.get_executor(),
                             [&](std::string_view text) { text.empty() ? reader.end() : reader.read(text); });
    if (!input) return complain(input.error());
    context.run();
    return kDone;
}

}  // namespace

Run declare_gen(Options& options, const Context&) {
    auto asked = std::make_shared<Asked>();
    options.argument("URL", asked->url, "Where to push: tcp://ADDRESS:PORT, tcp://*:PORT or ipc:///PATH");
    options.flag("--random", asked->by_chance, "Each by chance, and not in turns");
    options.flag("--weighted", asked->weighted, "As often as the weights of the list say");
    options.flag("--dial", asked->dials, "Connect to a consumer that listens at URL, and do not listen");
    return [asked] { return generate(*asked); };
}

}  // namespace weir::cli
