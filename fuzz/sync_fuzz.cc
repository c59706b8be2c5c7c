// Any bytes as what balancers tell each other: the first says whether they are the body of a message, as the
// parsers behind authentication see it (sync/wire.h), or what a member of the group (sync/member.h) gets from
// peers that have the key, one datagram after another.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "sync/fake_store.h"
#include "sync/member.h"

namespace {

using namespace weir;
using namespace weir::sync;

constexpr uint64_t kSelf = 1, kChallenge = 0x1111;
const std::string kKey = "0123456789abcdef";
const net::Endpoint kFrom{net::Ip::v4({10, 0, 0, 2}), model::kSyncPort};

void require(bool holds) {
    if (!holds) std::abort();
}

/// What weir would write of it says the same when it is read again.
void check_bodies(std::span<const uint8_t> body) {
    if (auto heartbeat = read_heartbeat(body)) require(read_heartbeat(write(*heartbeat)) == heartbeat);
    if (auto request = read_snapshot_request(body))
        require(read_snapshot_request(write(*request)) == request);
    if (auto end = read_snapshot_end(body)) require(read_snapshot_end(write(*end)) == end);
    if (auto header = read_header(body))
        require(header->version != kVersion || read_header(write(*header, {})) == header);
    auto flows = read_flows(body);
    if (!flows) return;
    FlowsWriter writer(flows->bucket_bits);
    for (const auto& section : flows->sections)
        for (const auto& flow : flows->of(section)) writer.add(section.target, flow);
    size_t count = 0;
    for (const auto& each : writer.take()) {
        require(each.bytes.size() <= kMostBody);
        auto again = read_flows(each.bytes);
        require(again && again->flows.size() == each.flows);
        require(std::equal(again->flows.begin(), again->flows.end(), flows->flows.begin() + count));
        count += each.flows;
    }
    require(count == flows->flows.size());
}

/// One peer that is believed, and the input in its mouth.
class Mouth final : public Transport {
  public:
    Sending send(const net::Endpoint&, std::span<const uint8_t> datagram) override {
        require(datagram.size() <= kMostDatagram);
        return Sending::done;
    }
    size_t receive(size_t, const Take& take) override {
        for (auto& each : queue) take(kFrom, each);
        return std::exchange(queue, {}).size();
    }
    void say(Header header, std::span<const uint8_t> body) {
        header.key = keys_.signing();
        header.fingerprint = fingerprint_of(0);
        header.sender = 2;
        header.sequence = ++sequence_;
        auto datagram = write(header, body);
        keys_.sign(datagram);
        queue.push_back(std::move(datagram));
    }

    std::vector<Bytes> queue;

  private:
    Keys keys_{{kKey}};
    uint64_t sequence_ = 0;
};

/// Each datagram: its type, whether it is for one alone, its length in two bytes, its body.
void check_member(std::span<const uint8_t> input) {
    model::TargetKey target{{net::Ip::v4({192, 0, 2, 1}), net::Port(80), model::Protocol::tcp},
                            net::Ip::v4({10, 0, 1, 1})};
    FakeStore store({target}, 16);
    store.see(target, {5, model::FlowState::established, {}});
    Mouth mouth;
    Member member(kSelf, store, mouth, [] { return kChallenge; }, [](auto, auto, auto) {});
    model::Sync settings;
    settings.peers = {kFrom};
    settings.keys = {kKey};
    member.set(settings, std::nullopt);
    Time now{std::chrono::seconds(1000)};
    const Heartbeat proof{.heard = {{kSelf, 7, kChallenge, 0, 0, true}}};
    mouth.say({.type = 1}, write(Heartbeat{}));
    mouth.say({.type = 1}, write(proof));
    for (member.step(now); input.size() >= 4; member.step(now += Member::kStep)) {
        const size_t size = std::min<size_t>({input[2] * 256u + input[3], input.size() - 4, kMostBody});
        mouth.say({.type = static_cast<uint8_t>(input[0] % 8), .to = input[1] % 2 ? kChallenge : 0},
                  input.subspan(4, size));
        input = input.subspan(4 + size);
    }
    Report report;
    member.report_to(report, now);
    require(report.peers.size() == 1 && report.refused.at(static_cast<size_t>(Refused::forged)).total == 0);
    require(store.find(5)->state == model::FlowState::established);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    // A copy of just this size, so that a read behind its end is seen.
    auto exact = std::make_unique<uint8_t[]>(size - 1);
    std::copy(data + 1, data + size, exact.get());
    std::span<const uint8_t> input(exact.get(), size - 1);
    if (data[0] % 2)
        check_bodies(input);
    else
        check_member(input);
    return 0;
}
