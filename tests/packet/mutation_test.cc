// Whatever the bytes: every packet gets a verdict and is counted once. Each packet of a corpus cut at every
// length, and random changes to it for 20 seconds, or WEIR_MUTATIONS of them. WEIR_SEED is where they begin.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "tests/packet/ways.h"

namespace weir::engine::xdp {
namespace {

using model::ForwardKind;
using model::Protocol;
using net::Family;
using wire::Header;
using wire::operator+;

constexpr size_t kLeastFrame = 14;  // the kernel runs no shorter one
constexpr int kBatch = 256;

uint64_t from_environment(const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string hex(const Bytes& bytes) {
    std::string out;
    for (auto byte : bytes) out += fmt::format("{:02x}", byte);
    return out;
}

Ip vip_of(Family family, size_t number) {
    return *Ip::parse(
        fmt::format(fmt::runtime(family == Family::v4 ? "192.0.2.{}" : "2001:db8::{}"), number));
}

class Mutations : public DatapathTest {
  protected:
    void SetUp() override {
        DatapathTest::SetUp();
        if (IsSkipped()) return;
        plan_.icmp.rate = 1'000'000'000;
        plan_.frontends.clear();
        for (auto family : {Family::v4, Family::v6}) add_services(family);
        apply();
        ASSERT_TRUE(tables_->set_ports({{1, {kBalancer, false}}}));  // where the kernel lets frames come in
        for (auto family : {Family::v4, Family::v6})
            for (size_t vip = 0; vip <= kVips; vip++) add_packets(family, vip);
        add_neighbours();
    }

    /// A VIP for each way; one that takes every port and protocol.
    void add_services(Family family) {
        for (size_t i = 0; i < kVips; i++)
            for (auto [port, protocol] : {std::pair{80, Protocol::tcp}, {53, Protocol::udp}}) {
                auto one = service(vip_of(family, i), static_cast<uint16_t>(port), protocol, family);
                one.forward.kind = kKinds[i % kKinds.size()];
                one.forward.dscp = one.forward.kind == ForwardKind::dscp ? kDscp : 0;
                if (i >= kKinds.size()) one.sticky.emplace();
                one.announce_arp = one.healthy = true;
                plan_.frontends.push_back(one);
            }
        auto all = service(vip_of(family, kVips), 1, Protocol::any, family);
        all.key.port = net::Port(0);
        all.key.more_ports = 0xffff;
        plan_.frontends.push_back(all);
    }
    static model::Frontend service(const Ip& vip, uint16_t port, Protocol protocol, Family family) {
        auto one = frontend(vip.text(), port, protocol, 0);
        one.forward.sources = {*net::Prefix::parse("10.64.7.0/24"), *net::Prefix::parse("2001:db8:64::/64")};
        for (int i = 1; i <= 3; i++)
            one.targets.push_back({{address_of(i, family)}, {true, ""}, Accepts::all});
        return one;
    }

    /// One packet of each kind to this VIP.
    void add_packets(Family family, size_t vip) {
        const bool v4 = family == Family::v4;
        const auto client = *Ip::parse(v4 ? "198.51.100.7" : "2001:db8:9::7");
        Header ip{.source = client, .destination = vip_of(family, vip), .identification = 7};
        auto add = [&](uint8_t protocol, const Bytes& payload) {
            ip.protocol = protocol;
            corpus_.push_back(wire::frame(kBalancer, kClient, tag_, wire::packet(ip, payload)));
            tag_ = tag_ ? std::nullopt : std::optional<uint16_t>(0x2007);
        };
        auto segment = wire::tcp(ip, 1000, 80, net::kTcpAck, wire::counting(20));
        auto datagram = wire::udp(ip, 1000, 53, wire::counting(40));
        add(wire::kTcp, wire::tcp(ip, 1000, 80, net::kTcpSyn, {}));
        add(wire::kTcp, segment);
        add(wire::kUdp, datagram);
        const uint8_t protocol = v4 ? wire::kIcmp : wire::kIcmpv6;
        add(protocol, wire::icmp(ip, v4 ? 8 : 128, 0, 1, wire::counting(16)));
        Header answer{.source = ip.destination, .destination = client};
        auto about = wire::packet(answer, wire::tcp(answer, 80, 1000, net::kTcpAck, {}));
        add(protocol, wire::icmp(ip, v4 ? 3 : 2, v4 ? 4 : 0, 1400, about));
        if (v4) {
            for (uint16_t fragment : {0x2000, 2}) {
                ip.fragment = fragment;
                add(wire::kUdp, datagram);
            }
            ip.fragment = 0x4000;
            ip.options = {7, 7, 4, 0, 0, 0, 0, 1};
            add(wire::kTcp, segment);
            ip.options.clear();
        } else {
            for (uint16_t fragment : {1, 16, 0})
                add(44, wire::fragment_header(wire::kUdp, fragment, 7) + datagram);
            add(0, Bytes{60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0} + segment);
        }
        ip.hops = 1;
        add(wire::kUdp, datagram);
        // Answers of NAT's backends.
        for (int i = 1; i <= 3; i++) {
            Header back{.source = address_of(i, family), .destination = client};
            corpus_.push_back(
                wire::frame(kBalancer, mac_of(i), {},
                            wire::packet(back, wire::tcp(back, 80, 1000, net::kTcpAck, wire::counting(5)))));
        }
    }

    void add_neighbours() {
        Bytes arp = wire::u16(1) + wire::u16(0x0800) + Bytes{6, 4, 0, 1};
        arp = arp + kClient.bytes + Bytes{198, 51, 100, 7} + Bytes(6) + Bytes{192, 0, 2, 0};
        corpus_.push_back(Bytes{} + Bytes(6, 0xff) + kClient.bytes + wire::u16(0x0806) + arp);
        Header ip{.source = *Ip::parse("2001:db8:9::7"),
                  .destination = vip_of(Family::v6, 0),
                  .protocol = wire::kIcmpv6,
                  .hops = 255};
        for (uint8_t type : {135, 136}) {
            auto about = Bytes{} + ip.destination.bytes() + Bytes{1, 1} + kClient.bytes;
            corpus_.push_back(
                wire::frame(kBalancer, kClient, {}, wire::packet(ip, wire::icmp(ip, type, 0, 0, about))));
        }
    }

    /// As run(), without the frame that comes out.
    uint32_t verdict_of(const Bytes& frame) const {
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                    .data_size_in = static_cast<uint32_t>(frame.size()), .repeat = 1);
        if (bpf_prog_test_run_opts(program_, &options)) return ~0u;
        return options.retval;
    }

    static bool is_verdict(uint32_t verdict) {
        return verdict == XDP_PASS || verdict == XDP_DROP || verdict == XDP_TX || verdict == XDP_REDIRECT;
    }

    /// Packets counted so far, wherever.
    uint64_t counted() const {
        uint64_t packets = 0;
        auto observation = observe();
        for (const auto& [key, traffic] : observation.targets) packets += traffic.packets_total;
        for (const auto& count : observation.not_forwarded) packets += count.packets_total;
        return packets;
    }

    /// The packet has a verdict, one count, and the same from the program that tells what it does.
    void expect_sound(const Bytes& frame) {
        auto before = counted();
        auto ran = run(frame);
        ASSERT_TRUE(is_verdict(ran.verdict)) << ran.verdict << " of " << hex(frame);
        ASSERT_EQ(counted() - before, 1u) << hex(frame);
        auto traced = tables_->replay(frame);
        ASSERT_TRUE(traced) << traced.error().message;
        ASSERT_EQ(static_cast<uint32_t>(traced->decision.action), ran.verdict)
            << traced->decision.reason << ": " << hex(frame);
        if (ran.verdict != XDP_DROP) {
            ASSERT_EQ(hex(traced->frame), hex(ran.frame)) << "from " << hex(frame);
        }
    }

    static constexpr std::array kKinds{ForwardKind::dsr, ForwardKind::ipip, ForwardKind::gre,
                                       ForwardKind::fou, ForwardKind::gue,  ForwardKind::dscp,
                                       ForwardKind::nat};
    static constexpr size_t kVips = 2 * kKinds.size();

    std::vector<Bytes> corpus_;
    std::optional<uint16_t> tag_;
};

/// A packet of the corpus with some changes.
class Mutator {
  public:
    Mutator(const std::vector<Bytes>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

    Bytes next() {
        auto frame = corpus_[below(corpus_.size())];
        for (auto changes = 1 + below(4); changes > 0; changes--) change(frame);
        if (frame.size() < kLeastFrame) frame.resize(kLeastFrame);
        return frame;
    }

  private:
    size_t below(size_t limit) { return static_cast<size_t>(random_() % limit); }
    uint8_t byte() { return static_cast<uint8_t>(random_()); }

    void change(Bytes& frame) {
        // Mostly in the headers, and mostly behind what makes it a packet for a VIP.
        static constexpr size_t kFrom[] = {0, 12, 16, 34, 34, 54, 54, 58};
        const size_t at = std::min(frame.size() - 1, kFrom[below(std::size(kFrom))] + below(60));
        static constexpr uint8_t kTelling[] = {0,  1,  2,  3,  4,  6,  8,   11,  17,  43,  44,   51,  58,  60,
                                               64, 69, 79, 80, 81, 96, 127, 128, 129, 132, 0xdd, 134, 0xff};
        switch (below(8)) {
            case 0:
                frame[at] ^= static_cast<uint8_t>(1u << below(8));
                break;
            case 1:
                frame[at] = byte();
                break;
            case 2:
            case 3:
                frame[at] = kTelling[below(std::size(kTelling))];
                break;
            case 4:
                if (at >= kLeastFrame) frame.resize(at);
                break;
            case 5: {
                Bytes more(1 + below(64), byte());
                frame.insert(frame.begin() + static_cast<long>(at), more.begin(), more.end());
                break;
            }
            case 6: {
                const auto& other = corpus_[below(corpus_.size())];
                std::copy(other.begin() + static_cast<long>(std::min(at, other.size())), other.end(),
                          std::back_inserter(frame));
                break;
            }
            case 7:
                frame.erase(frame.begin() + static_cast<long>(at),
                            frame.begin() + static_cast<long>(std::min(frame.size(), at + 1 + below(12))));
                if (frame.size() < kLeastFrame) frame.resize(kLeastFrame);
        }
        if (frame.size() > 1500) frame.resize(1500);
    }

    const std::vector<Bytes>& corpus_;
    std::mt19937_64 random_;
};

TEST_F(Mutations, EachPacketIsSoundCutAtEveryLength) {
    for (const auto& whole : corpus_)
        for (size_t length = kLeastFrame; length <= whole.size(); length++) {
            expect_sound({whole.begin(), whole.begin() + static_cast<long>(length)});
            if (HasFatalFailure()) return;
        }
    auto reasons = new_reasons();
    for (const char* reached : {"not_ip", "not_vip", "truncated", "echo", "expired", "neighbour"})
        EXPECT_GT(reasons[reached], 0u) << reached;
}

TEST_F(Mutations, RandomPacketsGetAVerdictAndOneCount) {
    using Clock = std::chrono::steady_clock;
    const auto count = from_environment("WEIR_MUTATIONS", 0), seed = from_environment("WEIR_SEED", 1);
    Mutator mutator(corpus_, seed);
    const auto begin = Clock::now();
    auto goes_on = [&](uint64_t done) {
        return count ? done < count : Clock::now() - begin < std::chrono::seconds(20);
    };
    uint64_t done = 0;
    std::vector<Bytes> batch(kBatch);
    while (goes_on(done)) {
        auto before = counted();
        for (auto& frame : batch) {
            frame = mutator.next();
            auto verdict = verdict_of(frame);
            ASSERT_TRUE(is_verdict(verdict)) << verdict << " of " << hex(frame);
        }
        const auto raised = counted() - before;
        if (raised != kBatch)  // whose fault it is, where that shows again
            for (const auto& frame : batch) {
                expect_sound(frame);
                if (HasFatalFailure()) return;
            }
        ASSERT_EQ(raised, uint64_t{kBatch}) << "after " << done << " packets, seed " << seed;
        expect_sound(batch[0]);
        if (HasFatalFailure()) return;
        done += kBatch;
    }
    auto seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::printf("%llu packets in %.1f s: %.0f a second\n", static_cast<unsigned long long>(done), seconds,
                static_cast<double>(done) / seconds);
    for (const auto& [reason, packets] : new_reasons())
        std::printf("%12llu %s\n", static_cast<unsigned long long>(packets), reason.c_str());
}

}  // namespace
}  // namespace weir::engine::xdp
