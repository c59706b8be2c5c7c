#include "sync/wire.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "net/reader.h"

namespace weir::sync {
namespace {

constexpr size_t kFlowSize = 10;
constexpr size_t kHeardSize = 37;
constexpr uint8_t kLeaving = 1, kReady = 2;  // of a heartbeat's flags
constexpr uint8_t kBelieved = 1;             // of a heard peer's
constexpr uint8_t kVip6 = 1, kBackend6 = 2;  // of a section's
constexpr unsigned kStateShift = 14;

template <class Number>
void put(Bytes& out, Number value) {
    for (int shift = 8 * (sizeof value - 1); shift >= 0; shift -= 8)
        out.push_back(static_cast<uint8_t>(value >> shift));
}

void put(Bytes& out, const net::Ip& address) {
    out.insert(out.end(), address.bytes().begin(), address.bytes().end());
}

template <class Number>
void put_at(Bytes& out, size_t at, Number value) {
    for (size_t i = 0; i < sizeof value; ++i)
        out[at + i] = static_cast<uint8_t>(value >> 8 * (sizeof value - 1 - i));
}

template <size_t Size>
std::array<uint8_t, Size> take(net::Reader& in) {
    std::array<uint8_t, Size> bytes{};
    std::ranges::copy(in.take(Size), bytes.begin());
    return bytes;
}

net::Ip read_address(net::Reader& in, bool v6) {
    return v6 ? net::Ip::v6(take<16>(in)) : net::Ip::v4(take<4>(in));
}

std::optional<model::TargetKey> read_target(net::Reader& in) {
    const auto flags = in.u8();
    model::TargetKey target;
    auto& key = target.frontend;
    key.protocol = static_cast<model::Protocol>(in.u8());
    key.port = net::Port(in.u16());
    key.more_ports = in.u16();
    key.free_bits = in.u8();
    key.vip = read_address(in, flags & kVip6);
    target.backend = read_address(in, flags & kBackend6);
    if (in.failed() || flags > (kVip6 | kBackend6)) return std::nullopt;
    if (key.free_bits > net::bits(key.vip.family()) || key.port.value() + key.more_ports > 0xffff)
        return std::nullopt;
    return target;
}

bool read_section(net::Reader& in, Flows& out) {
    auto target = read_target(in);
    const size_t count = in.u16();
    if (!target || count == 0 || in.left() < count * kFlowSize) return false;
    out.sections.push_back({*target, out.flows.size(), count});
    for (size_t i = 0; i < count; ++i) {
        model::SharedFlow flow;
        flow.hash = in.u64();
        const auto rest = in.u16();
        flow.state = static_cast<model::FlowState>(rest >> kStateShift);
        flow.idle = std::chrono::seconds(rest & kMostIdle.count());
        if (rest >> kStateShift == 0) return false;
        out.flows.push_back(flow);
    }
    return true;
}

}  // namespace

std::optional<Header> read_header(std::span<const uint8_t> datagram) {
    net::Reader in(datagram);
    if (in.u32() != kMagic) return std::nullopt;
    Header header;
    header.version = in.u8();
    header.type = in.u8();
    in.u16();  // of later versions
    header.key = in.u32();
    header.fingerprint = in.u32();
    header.sender = in.u64();
    header.to = in.u64();
    header.sequence = in.u64();
    if (in.failed()) return std::nullopt;
    return header;
}

std::optional<Heartbeat> read_heartbeat(std::span<const uint8_t> body) {
    net::Reader in(body);
    Heartbeat heartbeat;
    const auto flags = in.u8();
    heartbeat.leaving = flags & kLeaving;
    heartbeat.ready = flags & kReady;
    const size_t heard = in.u8();
    const auto family = in.u8();
    in.u8();  // of later versions
    heartbeat.pass = std::chrono::milliseconds(in.u32());
    heartbeat.uptime = std::chrono::milliseconds(std::min<uint64_t>(in.u64(), kMostUptime.count()));
    heartbeat.clock = in.u64();
    if (heard > kMostHeard || (family != 0 && family != 4 && family != 6)) return std::nullopt;
    if (family != 0) heartbeat.node = read_address(in, family == 6);
    for (size_t i = 0; i < heard; ++i) {
        Heard each;
        each.peer = in.u64();
        each.challenge = in.u64();
        each.echo = in.u64();
        each.clock = in.u64();
        each.lost = in.u32();
        each.believed = in.u8() & kBelieved;
        heartbeat.heard.push_back(each);
    }
    if (in.failed()) return std::nullopt;
    return heartbeat;
}

std::optional<Flows> read_flows(std::span<const uint8_t> body) {
    net::Reader in(body);
    Flows flows;
    flows.bucket_bits = in.u8();
    if (flows.bucket_bits > kMostBucketBits || in.left() == 0) return std::nullopt;
    flows.flows.reserve(in.left() / kFlowSize);
    while (in.left() > 0)
        if (!read_section(in, flows)) return std::nullopt;
    if (in.failed()) return std::nullopt;
    return flows;
}

std::optional<SnapshotRequest> read_snapshot_request(std::span<const uint8_t> body) {
    net::Reader in(body);
    SnapshotRequest request{in.u32()};
    if (in.failed()) return std::nullopt;
    return request;
}

std::optional<SnapshotEnd> read_snapshot_end(std::span<const uint8_t> body) {
    net::Reader in(body);
    SnapshotEnd end{in.u32(), in.u64()};
    if (in.failed()) return std::nullopt;
    return end;
}

Bytes write(const Header& header, std::span<const uint8_t> body) {
    assert(body.size() <= kMostBody);
    Bytes out;
    out.reserve(kLeastDatagram + body.size());
    put(out, kMagic);
    put(out, header.version);
    put(out, header.type);
    put(out, uint16_t{0});
    put(out, header.key);
    put(out, header.fingerprint);
    put(out, header.sender);
    put(out, header.to);
    put(out, header.sequence);
    out.insert(out.end(), body.begin(), body.end());
    return out;
}

Bytes write(const Heartbeat& heartbeat) {
    assert(heartbeat.heard.size() <= kMostHeard);
    static_assert(24 + 16 + kMostHeard * kHeardSize <= kMostBody);
    Bytes out;
    put(out, static_cast<uint8_t>((heartbeat.leaving ? kLeaving : 0) | (heartbeat.ready ? kReady : 0)));
    put(out, static_cast<uint8_t>(heartbeat.heard.size()));
    put(out, static_cast<uint8_t>(!heartbeat.node ? 0 : heartbeat.node->is_v4() ? 4 : 6));
    put(out, uint8_t{0});
    put(out, static_cast<uint32_t>(std::min<int64_t>(heartbeat.pass.count(), UINT32_MAX)));
    put(out, static_cast<uint64_t>(heartbeat.uptime.count()));
    put(out, heartbeat.clock);
    if (heartbeat.node) put(out, *heartbeat.node);
    for (const auto& each : heartbeat.heard) {
        put(out, each.peer);
        put(out, each.challenge);
        put(out, each.echo);
        put(out, each.clock);
        put(out, each.lost);
        put(out, static_cast<uint8_t>(each.believed ? kBelieved : 0));
    }
    return out;
}

Bytes write(const SnapshotRequest& request) {
    Bytes out;
    put(out, request.number);
    return out;
}

Bytes write(const SnapshotEnd& end) {
    Bytes out;
    put(out, end.number);
    put(out, end.flows);
    return out;
}

void FlowsWriter::begin_body() {
    auto& body = bodies_.emplace_back();
    body.bytes.reserve(kMostBody);
    put(body.bytes, bucket_bits_);
    target_.reset();
}

void FlowsWriter::begin_section(const model::TargetKey& target) {
    const auto& key = target.frontend;
    const size_t size = 9 + key.vip.bytes().size() + target.backend.bytes().size();
    if (bodies_.empty() || bodies_.back().bytes.size() + size + kFlowSize > kMostBody) begin_body();
    auto& out = bodies_.back().bytes;
    put(out, static_cast<uint8_t>((key.vip.is_v4() ? 0 : kVip6) | (target.backend.is_v4() ? 0 : kBackend6)));
    put(out, static_cast<uint8_t>(key.protocol));
    put(out, key.port.value());
    put(out, key.more_ports);
    put(out, key.free_bits);
    put(out, key.vip);
    put(out, target.backend);
    count_at_ = out.size();
    count_ = 0;
    put(out, count_);
    target_ = target;
}

void FlowsWriter::add(const model::TargetKey& target, const model::SharedFlow& flow) {
    if (!target_ || *target_ != target || bodies_.back().bytes.size() + kFlowSize > kMostBody)
        begin_section(target);
    auto& body = bodies_.back();
    const auto idle = std::clamp(flow.idle, std::chrono::seconds(0), kMostIdle).count();
    put(body.bytes, flow.hash);
    put(body.bytes, static_cast<uint16_t>(static_cast<unsigned>(flow.state) << kStateShift |
                                          static_cast<unsigned>(idle)));
    put_at(body.bytes, count_at_, ++count_);
    ++body.flows;
}

std::vector<FlowsWriter::Body> FlowsWriter::take() {
    target_.reset();
    return std::exchange(bodies_, {});
}

}  // namespace weir::sync
