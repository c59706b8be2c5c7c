// weir refresh: a list of backends on standard output each time that a source finds another one.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>

#include "base/log.h"
#include "cli/printed_list.h"
#include "cli/source_options.h"
#include "cli/streams.h"
#include "cli/subcommand.h"
#include "cli/token_list.h"

namespace weir::cli {
namespace {

constexpr size_t kMostTold = 20;  // of what is left out of a list

struct Asked {
    std::string kind;
    bool weighted = false;
    size_t default_port = 0;
    std::vector<std::string> fixed;  // of `static`
    std::map<std::string, std::unique_ptr<SourceOptions>> sources;

    PrintedList::Order order() const {
        PrintedList::Order order{weighted, {}};
        if (default_port > 0) order.default_port = net::Port(static_cast<uint16_t>(default_port));
        return order;
    }
};

void tell(std::string_view kind, std::string_view what) {
    std::cerr << "weir refresh " << kind << ": " << what << '\n' << std::flush;
}

/// The loop in which a source searches and lists are printed.
class Refreshing final : private discovery::Listener {
  public:
    explicit Refreshing(const Asked& asked) : kind_(asked.kind), list_(asked.order()) {}

    Status open() {
        std::signal(SIGPIPE, SIG_IGN);
        auto output = Output::open(STDOUT_FILENO, context_.get_executor(), [this](std::string why) {
            if (!why.empty()) failure_ = Error{std::move(why)};
            context_.stop();
        });
        if (!output) return propagate(output);
        output_ = std::move(*output);
        signals_.async_wait([this](auto, int) { context_.stop(); });
        return {};
    }
    Status run() {
        context_.run();
        source_.reset();
        if (failure_) return std::unexpected(*failure_);
        return {};
    }
    void print(const discovery::Set& set) {
        auto news = list_.update(set);
        if (news.text) output_->write(*std::move(news.text));
        for (size_t i = 0; i < std::min(news.left_out.size(), kMostTold); ++i)
            tell(kind_, news.left_out[i] + "; it is left out");
        if (news.left_out.size() > kMostTold)
            tell(kind_, fmt::format("{} more are left out", news.left_out.size() - kMostTold));
    }
    void search(const discovery::Kind& kind, const model::SourceSpec& spec) {
        source_ = kind.make({context_.get_executor(), clock_}, spec, *this);
    }

  private:
    void found(discovery::Set set) override { print(set); }
    void failed(const Error& why) override { tell(kind_, why.message + "; the last list stays"); }

    const std::string kind_;
    PrintedList list_;
    boost::asio::io_context context_{1};
    SystemClock clock_{context_.get_executor()};
    boost::asio::signal_set signals_{context_, SIGTERM, SIGINT};
    std::unique_ptr<Output> output_;
    std::optional<Error> failure_;
    std::unique_ptr<discovery::Source> source_;
};

Result<discovery::Set> fixed_set(const std::vector<std::string>& lines) {
    if (lines.empty()) return fail("static needs addresses: `weir refresh static 127.0.0.1:8000`");
    discovery::Set set;
    for (const auto& line : lines) {
        auto token = read_token(line);
        if (!token) return propagate(token);
        set.members.push_back({token->to.address, token->to.port, token->weight});
    }
    return set;
}

int run(const Asked& asked, auto begin) {
    set_up_log("error");
    Refreshing refreshing(asked);
    auto done = refreshing.open();
    if (done) {
        begin(refreshing);
        done = refreshing.run();
    }
    return done ? int{kDone} : complain(done.error());
}

int refresh(const Asked& asked, std::span<const discovery::Kind> kinds) {
    if (asked.kind == "static") {
        auto set = fixed_set(asked.fixed);
        if (!set) return refuse(set.error());
        return run(asked, [&](Refreshing& refreshing) { refreshing.print(*set); });
    }
    std::vector<model::SourceKind> known;
    for (const auto& kind : kinds) known.push_back(kind.known);
    auto spec = asked.sources.at(asked.kind)->spec(known);
    if (!spec) return refuse(spec.error());
    const auto& kind = *std::ranges::find(
        kinds, asked.kind, [](const discovery::Kind& each) { return each.known.section->name; });
    return run(asked, [&](Refreshing& refreshing) { refreshing.search(kind, *spec); });
}

}  // namespace

Run declare_refresh(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    options.flag("--weighted", asked->weighted, "Print weights, too: ADDRESS:PORT weight=N");
    options.number("--default-port", asked->default_port, 0, 65535,
                   "Of backends that the source knows no port of; 0: they are left out");
    auto choose = [held = std::weak_ptr(asked)](const std::string& kind) {
        return [held, kind] { held.lock()->kind = kind; };
    };
    options.subcommand("static", "Always the same", choose("static"))
        .arguments("ADDRESS:PORT", asked->fixed, "A backend; 'ADDRESS:PORT weight=N' gives it a weight");
    std::span<const discovery::Kind> kinds;
    if (context.daemon && context.daemon->source_kinds) kinds = context.daemon->source_kinds();
    for (const auto& kind : kinds) {
        const std::string name(kind.known.section->name);
        auto entry = options.subcommand(name, fmt::format("What a source `{}` finds, weir.yaml(5)", name),
                                        choose(name), name == "zookeeper" ? "zk" : "");
        asked->sources[name] = std::make_unique<SourceOptions>(*kind.known.section, entry);
    }
    return [asked, kinds] { return refresh(*asked, kinds); };
}

}  // namespace weir::cli
