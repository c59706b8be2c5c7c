// weir replay: what the datapath does with each packet of a capture, from the datapath itself. The packets
// come from a file, and what would leave goes to a file: no interface is touched.
#include <boost/json.hpp>
#include <filesystem>
#include <iostream>

#include "cli/subcommand.h"
#include "cli/table.h"
#include "config/load.h"
#include "control/preview.h"
#include "net/capture_file.h"

namespace weir::cli {
namespace {

constexpr uint32_t kLongest = 1 << 18;  // bytes: no frame is longer, whatever a capture says

struct Asked {
    std::string config;
    std::string in;
    std::string out;
    bool json = false;
    std::vector<std::string> neighbours;
    std::string mac;
    size_t mtu = 1500;
};

Result<engine::ReplaySetup> setup_of(const Asked& asked) {
    engine::ReplaySetup setup;
    setup.mtu = static_cast<uint32_t>(asked.mtu);
    for (const auto& neighbour : asked.neighbours) {
        auto equals = neighbour.find('=');
        if (equals == std::string::npos) return fail("--neighbour {}: IP=MAC is wanted", neighbour);
        auto ip = net::Ip::parse(neighbour.substr(0, equals));
        if (!ip) return propagate(ip, "--neighbour " + neighbour);
        auto mac = net::Mac::parse(neighbour.substr(equals + 1));
        if (!mac) return propagate(mac, "--neighbour " + neighbour);
        setup.neighbours.insert_or_assign(*ip, *mac);
    }
    if (!asked.mac.empty()) {
        auto mac = net::Mac::parse(asked.mac);
        if (!mac) return propagate(mac, "--mac");
        setup.own_mac = *mac;
    }
    std::error_code ignored;
    if (std::filesystem::equivalent(asked.in, asked.out, ignored))
        return fail("-o {}: that is the capture to be read", asked.out);
    return setup;
}

/// A packet with what was decided.
struct Decided {
    uint64_t n = 0;  // from 1
    engine::Replayed replayed;
    size_t length = 0;  // of the whole frame
};

class Listing {
  public:
    Listing(const model::Plan& plan, std::ostream& out, bool json);
    void add(const Decided& packet);
    /// How many packets had which outcome; a JSON listing has none.
    void end();

  private:
    std::ostream& out_;
    bool json_;
    size_t services_ = 7, backends_ = 7;  // widths of the columns
    std::map<std::pair<std::string, std::string_view>, uint64_t> outcomes_;
};

Listing::Listing(const model::Plan& plan, std::ostream& out, bool json) : out_(out), json_(json) {
    for (const auto& frontend : plan.frontends) {
        services_ = std::max(services_, frontend.service.size());
        for (const auto& target : frontend.targets)
            backends_ = std::max(backends_, target.backend.address.text().size());
    }
    if (!json_)
        out_ << fmt::format("{:>8}  {:<8}  {:>6}  {:<{}}  {:<{}}  {}\n", "PACKET", "VERDICT", "LENGTH",
                            "SERVICE", services_, "BACKEND", backends_, "REASON");
}

void Listing::add(const Decided& packet) {
    const auto& [action, service, backend, reason] = packet.replayed.decision;
    if (!json_) {
        out_ << fmt::format("{:>8}  {:<8}  {:>6}  {:<{}}  {:<{}}  {}\n", packet.n, engine::to_text(action),
                            packet.length, service.value_or("-"), services_, backend ? backend->text() : "-",
                            backends_, reason);
        ++outcomes_[{reason, engine::to_text(action)}];
        return;
    }
    boost::json::object row{{"n", packet.n}, {"verdict", engine::to_text(action)}};
    row["service"] = service ? boost::json::value(*service) : nullptr;
    row["backend"] = backend ? boost::json::value(backend->text()) : nullptr;
    row["reason"] = reason;
    row["length"] = packet.length;
    out_ << boost::json::serialize(row) << '\n';
}

void Listing::end() {
    if (json_) return;
    out_ << '\n';
    Table table({">PACKETS", "VERDICT", "REASON"});
    for (const auto& [outcome, packets] : outcomes_)
        table.add({packets, std::string(outcome.second), outcome.first});
    table.print(out_, false);
}

/// Replays until the end of the capture, or until it cannot be read any further.
Status replay_all(net::CaptureReader& capture, engine::Replay& replay, Listing& listing,
                  std::optional<net::CaptureWriter>& out) {
    std::vector<uint8_t> whole;
    for (uint64_t n = 1;; n++) {
        auto packet = capture.next();
        if (!packet) return propagate(packet);
        if (!*packet) return {};
        // What the capture has cut off is payload, which decides nothing: zeros stand for it.
        whole.assign((*packet)->bytes.begin(), (*packet)->bytes.end());
        whole.resize(std::max<size_t>(whole.size(), std::min((*packet)->original_length, kLongest)));
        const size_t cut = whole.size() - (*packet)->bytes.size();
        auto replayed = replay(whole);
        if (!replayed) return propagate(replayed, fmt::format("packet {}", n));
        Decided decided{n, std::move(*replayed), 0};
        auto& frame = decided.replayed.frame;
        const bool leaves = engine::leaves(decided.replayed.decision.action);
        decided.length = leaves ? frame.size() : (*packet)->original_length;
        listing.add(decided);
        if (!out || !leaves) continue;
        if (frame.size() >= whole.size()) frame.resize(frame.size() - cut);
        auto comment = fmt::format("packet {}: {}", n, decided.replayed.decision.text());
        if (auto written =
                out->write({frame, static_cast<uint32_t>(decided.length), (*packet)->time}, comment);
            !written)
            return written;
    }
}

int replay(const Context& context, const Asked& asked) {
    auto setup = setup_of(asked);
    if (!setup) return refuse(setup.error());
    auto config = context.daemon->load(asked.config);
    if (!config) return refuse(asked.config, config.error());
    auto capture = net::CaptureReader::open(asked.in);
    if (!capture) return complain(capture.error());
    const auto plan = control::preview(*config, {});
    auto opened = context.daemon->replay(plan, std::move(*setup));
    if (!opened) return complain(opened.error());
    std::optional<net::CaptureWriter> out;
    if (!asked.out.empty()) {
        auto created = net::CaptureWriter::create(asked.out, {"replay"});
        if (!created) return complain(created.error());
        out = std::move(*created);
    }
    Listing listing(plan, asked.out == "-" ? std::cerr : std::cout, asked.json);
    auto done = replay_all(*capture, *opened, listing, out);
    listing.end();
    if (out && done) done = out->flush();
    return done ? int{kDone} : complain(done.error());
}

}  // namespace

Run declare_replay(Options& options, const Context& context) {
    auto asked = std::make_shared<Asked>();
    options.required("-c,--config", asked->config,
                     "The configuration, weir.yaml(5); every backend is taken as healthy");
    options.argument("IN.pcap", asked->in, "The capture, pcap or pcapng; - is standard input");
    options.option("-o,--output", asked->out, "Write what would leave here, as pcapng; - is standard output");
    options.flag("--json", asked->json, "Print a JSON object for each packet, one a line");
    options.repeated("--neighbour", asked->neighbours,
                     "IP=MAC of a backend; default: one made from its address");
    options.option("--mac", asked->mac, "The balancer's own; default: that of the first frame to a VIP");
    options.number("--mtu", asked->mtu, 68, 65535, "Of the way to the backends");
    return [asked, &context] { return replay(context, *asked); };
}

}  // namespace weir::cli
