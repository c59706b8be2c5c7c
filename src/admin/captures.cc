#include "admin/captures.h"

#include <algorithm>

#include "admin/query.h"
#include "admin/source.h"
#include "net/pcapng.h"

namespace weir::admin {
namespace {

struct Wanted {
    engine::CaptureFilter filter;
    uint64_t packets = 1000;
    uint64_t seconds = 60;
};

Result<Wanted> wanted_by(const Request& request, const CaptureLimits& limits) {
    Wanted wanted;
    auto most_seconds = static_cast<uint64_t>(limits.time.count());
    auto packets = number_parameter(request, "count", 1, limits.packets, wanted.packets);
    auto seconds = number_parameter(request, "seconds", 1, most_seconds, wanted.seconds);
    auto snaplen = number_parameter(request, "snaplen", engine::kShortestSnap, engine::kLongestSnap,
                                    wanted.filter.snaplen);
    for (const auto& read : {packets, seconds, snaplen})
        if (!read) return propagate(read);
    wanted.packets = *packets;
    wanted.seconds = *seconds;
    wanted.filter.snaplen = static_cast<uint32_t>(*snaplen);
    if (auto found = request.query.find("service"); found != request.query.end())
        wanted.filter.service = found->second;
    auto found = request.query.find("client");
    if (found == request.query.end()) return wanted;
    if (auto ip = net::Ip::parse(found->second)) {
        wanted.filter.client = net::only(*ip);
        return wanted;
    }
    auto prefix = net::Prefix::parse(found->second);
    if (!prefix) return propagate(prefix, "client");
    wanted.filter.client = *prefix;
    return wanted;
}

}  // namespace

class Captures::Session final : public Source {
  public:
    Session(engine::Capturing& capturing, const CaptureLimits& limits, Clock now, const Wanted& wanted)
        : capturing_(capturing),
          limits_(limits),
          now_(std::move(now)),
          left_(wanted.packets),
          end_(now_() + std::chrono::seconds(wanted.seconds)) {
        append(net::pcapng::section());
    }
    ~Session() override { stop(); }

    Status start(const engine::CaptureFilter& filter) {
        auto started =
            capturing_.start_capture(filter, [this](const engine::CapturedFrame& frame) { add(frame); });
        runs_ = started.has_value();
        return started;
    }
    std::optional<std::string> take() override {
        if (left_ == 0 || now_() >= end_) stop();
        if (!runs_ && waiting_.empty()) return std::nullopt;
        return std::exchange(waiting_, {});
    }
    void finish() override { stop(); }
    std::string summary() const override {
        return fmt::format("{} packets captured, {} lost", packets_, lost_);
    }
    bool runs() const { return runs_; }
    /// Puts the ordinary program back into force.
    void stop();

  private:
    void add(const engine::CapturedFrame& frame);
    uint32_t number_of(const std::string& interface);
    void append(const net::pcapng::Bytes& block) { waiting_.append(block.begin(), block.end()); }

    engine::Capturing& capturing_;
    const CaptureLimits limits_;
    Clock now_;
    uint64_t left_;  // packets
    std::chrono::steady_clock::time_point end_;
    bool runs_ = false;
    std::vector<std::string> interfaces_;
    uint64_t packets_ = 0, lost_ = 0;
    std::string waiting_;
};

uint32_t Captures::Session::number_of(const std::string& interface) {
    auto found = std::ranges::find(interfaces_, interface);
    auto number = static_cast<uint32_t>(found - interfaces_.begin());
    if (found != interfaces_.end()) return number;
    if (auto block = net::pcapng::interface(interface)) append(*block);
    interfaces_.push_back(interface);
    return number;
}

void Captures::Session::add(const engine::CapturedFrame& frame) {
    if (left_ == 0) return;
    if (waiting_.size() + frame.bytes.size() > limits_.waiting_bytes) {
        ++lost_;
        return;
    }
    auto interface = number_of(frame.interface);
    auto block =
        net::pcapng::packet({frame.bytes, frame.length, frame.time}, frame.decision.text(), interface);
    if (!block) {
        ++lost_;
        return;
    }
    append(*block);
    ++packets_;
    --left_;
}

void Captures::Session::stop() {
    if (!runs_) return;
    runs_ = false;
    lost_ += capturing_.stop_capture();
    auto interface = number_of(interfaces_.empty() ? "none" : interfaces_.front());
    auto comment =
        lost_ == 0 ? "no packet was lost" : fmt::format("{} packets were lost: too many came", lost_);
    append(net::pcapng::statistics(interface, std::chrono::system_clock::now(), packets_ + lost_, lost_,
                                   comment));
}

Captures::Captures(engine::Capturing& capturing, CaptureLimits limits, Clock now)
    : capturing_(capturing), limits_(limits), now_(std::move(now)) {}

Captures::~Captures() {
    finish();
}

void Captures::finish() {
    if (auto session = running_.lock()) session->stop();
}

Response Captures::start(const Request& request) {
    auto wanted = wanted_by(request, limits_);
    if (!wanted) return error(400, wanted.error().message);
    if (auto running = running_.lock(); running && running->runs())
        return error(409, "another capture runs; there is one at a time");
    auto session = std::make_shared<Session>(capturing_, limits_, now_, *wanted);
    if (auto started = session->start(wanted->filter); !started) return error(400, started.error().message);
    running_ = session;
    Response response{200, "", "application/x-pcapng"};
    response.source = std::move(session);
    return response;
}

}  // namespace weir::admin
