// The decoder of QUIC connection ids as the kernel runs it: accepted by the verifier, and saying the same as
// in user space.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <linux/if_ether.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>

#include "engine/xdp/bpf/quic.h"
#include "engine/xdp/quic_vectors.h"
#include "quic.skel.h"

namespace weir::engine::xdp {
namespace {

constexpr unsigned kVerifierStatistics = 4;  // a log level
constexpr unsigned kMostProcessed = 100'000;

struct Destroy {
    void operator()(quic_bpf* bpf) const { quic_bpf::destroy(bpf); }
};

/// What the verifier says it looked at: "processed N insns (limit …".
unsigned processed(const std::string& log) {
    unsigned count = 0;
    auto at = log.find("processed ");
    if (at != std::string::npos) std::sscanf(log.c_str() + at, "processed %u insns", &count);
    return count;
}

class QuicInKernel : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
        bpf_.reset(quic_bpf::open());
        ASSERT_TRUE(bpf_);
        bpf_program__set_log_level(bpf_->progs.decode, kVerifierStatistics);
        bpf_program__set_log_buf(bpf_->progs.decode, log_.data(), log_.size());
        ASSERT_EQ(quic_bpf::load(bpf_.get()), 0) << log_.c_str();
    }

    weir_quic_table& table() { return bpf_->bss->table; }

    /// The server id of a UDP payload.
    weir_server_id run(const Bytes& payload, int repeat = 1) {
        Bytes frame(ETH_HLEN);
        frame.insert(frame.end(), payload.begin(), payload.end());
        LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                    .data_size_in = static_cast<uint32_t>(frame.size()), .repeat = repeat);
        EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(bpf_->progs.decode), &options), 0);
        nanoseconds_ = options.duration;
        EXPECT_EQ(options.retval, bpf_->bss->server.length);
        return bpf_->bss->server;
    }

    void print_cost(const char* name, const Bytes& payload) {
        run(payload, 100'000);
        std::printf("%-16s %u ns a packet\n", name, nanoseconds_);
    }

    std::unique_ptr<quic_bpf, Destroy> bpf_;
    std::string log_ = std::string(1 << 16, '\0');
    uint32_t nanoseconds_ = 0;
};

TEST_F(QuicInKernel, CostsTheVerifierLittle) {
    unsigned count = processed(log_);
    std::printf("the verifier processed %u instructions\n", count);
    EXPECT_GT(count, 0u) << log_.c_str();
    EXPECT_LT(count, kMostProcessed);
}

TEST_F(QuicInKernel, DecodesTheDraftsVectorsAtEveryTruncation) {
    for (const auto& vector : kQuicVectors) {
        table() = table_of(vector);
        auto id = from_hex(vector.id);
        for (const Bytes& packet : {short_packet(id, 40), long_packet(id, 40)}) {
            size_t needs = packet.size() - 40;
            for (size_t length = 0; length <= packet.size(); length++) {
                Bytes payload(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(length));
                auto expected = length < needs ? Bytes{} : from_hex(vector.server_id);
                ASSERT_EQ(bytes_of(run(payload)), expected) << vector.name << ", " << length << " bytes";
            }
        }
        print_cost(vector.name.data(), short_packet(id, 100));
    }
    print_cost("unroutable", short_packet(Bytes(20, 0xff), 100));
}

TEST_F(QuicInKernel, SaysOfAnyBytesWhatUserSpaceSays) {
    std::mt19937 source(1);
    auto random = [&](unsigned below) { return static_cast<unsigned>(source() % below); };
    int routable = 0;
    for (int i = 0; i < 20'000; i++) {
        if (i % 100 == 0) {
            for (unsigned rotation = 0; rotation < WEIR_QUIC_UNROUTABLE; rotation++) {
                QuicKey key;
                for (auto& byte : key) byte = static_cast<uint8_t>(source());
                const unsigned server_id_length = 1 + random(15);
                const unsigned nonce_length = 4 + random(16 - server_id_length);
                table().config[rotation] = make_quic_config(server_id_length, nonce_length,
                                                            random(4) ? std::optional(key) : std::nullopt)
                                               .value();
            }
        }
        Bytes payload(random(40));
        for (auto& byte : payload) byte = static_cast<uint8_t>(source());
        if (payload.size() > QUIC_LONG_ID_LENGTH && random(2)) payload[QUIC_LONG_ID_LENGTH] %= 24;
        weir_server_id expected{};
        find_quic_server(payload.data(), payload.data() + payload.size(), &table(), &expected);
        auto found = run(payload);
        ASSERT_EQ(std::memcmp(&found, &expected, sizeof found), 0) << "payload " << i;
        routable += found.length != 0;
    }
    EXPECT_GT(routable, 1'000);
}

}  // namespace
}  // namespace weir::engine::xdp
