// weir capture: packets as they come in, each with what the datapath decided of it, as pcapng.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>

#include "admin/client.h"
#include "cli/subcommand.h"
#include "net/ip.h"

namespace weir::cli {
namespace {

struct Asked {
    std::string service;
    std::string client;
    size_t count = 1000;
    std::optional<std::chrono::seconds> time;
    size_t snaplen = 9216;
    std::string out;
};

admin::Request request_for(const Asked& asked) {
    admin::Request request;
    request.method = "POST";
    request.path = "/api/v1/capture";
    if (!asked.service.empty()) request.query["service"] = asked.service;
    if (!asked.client.empty()) request.query["client"] = asked.client;
    request.query["count"] = std::to_string(asked.count);
    if (asked.time) request.query["seconds"] = std::to_string(asked.time->count());
    request.query["snaplen"] = std::to_string(asked.snaplen);
    return request;
}

struct Close {
    void operator()(std::FILE* file) const {
        if (file != stdout) std::fclose(file);
    }
};

int capture(const Context& context, const Asked& asked) {
    if (!asked.client.empty() && !net::Ip::parse(asked.client)) {
        if (auto prefix = net::Prefix::parse(asked.client); !prefix)
            return refuse({"--client: " + prefix.error().message});
    }
    if (asked.out == "-" && ::isatty(STDOUT_FILENO))
        return refuse({"-o -: a terminal cannot show a capture; give a file, or pipe it"});
    auto client = admin::Client::connect(context.socket);
    if (!client) return complain(client.error());
    std::unique_ptr<std::FILE, Close> file(asked.out == "-" ? stdout : std::fopen(asked.out.c_str(), "wbe"));
    if (!file) return complain(fail_with(errno, "cannot create {}", asked.out).error());
    std::signal(SIGPIPE, SIG_IGN);
    auto write = [&](std::string_view bytes) -> Status {
        if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() || std::fflush(file.get()))
            return fail_with(errno, "cannot write {}", asked.out);
        return {};
    };
    auto streamed = client->stream(request_for(asked), write);
    if (!streamed) return complain(streamed.error());
    std::cerr << "weir: " << *streamed << '\n';
    return kDone;
}

}  // namespace

Run declare_capture(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    options.option("--service", asked->service,
                   "Only packets that this service takes, or its backends answer");
    options.option("--client", asked->client, "Only packets from or to this address or prefix");
    options.number("--count", asked->count, 1, 1'000'000, "End after so many packets");
    options.duration("--for", asked->time, "End after this time, as 90s, 5m or 1h; default 60s");
    options.number("--snaplen", asked->snaplen, 64, 9216, "Bytes of each frame that are kept");
    options.required("-o,--output", asked->out, "Write the capture here, as pcapng; - is standard output");
    return [asked, &context] { return capture(context, *asked); };
}

}  // namespace weir::cli
