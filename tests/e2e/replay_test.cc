// weir replay: captures of made frames go through the real program, on a host that has no interface.
#include <gmock/gmock.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fstream>

#include "lab/tcp.h"
#include "net/capture_file.h"
#include "net/packet.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

namespace json = boost::json;
using net::Ip;
using net::Mac;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Bytes = std::vector<uint8_t>;

const Mac kOwn = *Mac::parse("02:00:00:00:00:64");
const Mac kClient = *Mac::parse("02:00:00:00:00:01");
constexpr auto kBegin = std::chrono::sys_time<std::chrono::nanoseconds>(1'700'000'000'123'456'789ns);

net::PacketSpec packet(const std::string& source, const std::string& destination,
                       uint8_t flags = net::kTcpAck) {
    net::PacketSpec spec;
    spec.source_mac = kClient;
    spec.destination_mac = kOwn;
    spec.source = lab::endpoint(source);
    spec.destination = lab::endpoint(destination);
    spec.tcp_flags = flags;
    return spec;
}

/// One line of --json.
struct Row {
    std::string verdict, service, backend, reason;
    uint64_t length = 0;

    bool operator==(const Row&) const = default;
};
void PrintTo(const Row& row, std::ostream* out) {
    *out << fmt::format("{} {} {} {} {}", row.verdict, row.service, row.backend, row.reason, row.length);
}

struct Left {
    Bytes bytes;
    uint32_t original_length = 0;
    std::chrono::nanoseconds since_begin{};
};

std::vector<Left> read_capture(const std::string& path) {
    std::vector<Left> packets;
    auto capture = lab::must(net::CaptureReader::open(path));
    while (auto next = lab::must(capture.next()))
        packets.push_back(
            {{next->bytes.begin(), next->bytes.end()}, next->original_length, next->time - kBegin});
    return packets;
}

class Replay : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (!IsSkipped()) lab_.emplace("replay");
    }

    /// The service `web` on TCP port 80 of 192.0.2.1 and 2001:db8::1; `more`: further lines of it.
    static std::string config(const std::string& backends = "10.1.10.10, 10.1.10.11",
                              const std::string& more = "", const std::string& settings = "",
                              const std::string& vips = "192.0.2.1, \"2001:db8::1\"") {
        return fmt::format(
            "interfaces: [nowhere0]\n{}"
            "pools: {{web: {{static: [{}]}}}}\n"
            "services:\n"
            "  web:\n"
            "    vip: [{}]\n"
            "    ports: [80/tcp]\n"
            "    pool: web\n{}",
            settings, backends, vips, more);
    }

    /// A packet a millisecond.
    std::string write_capture(const std::vector<Bytes>& frames) {
        const std::string path = dir_ / "in.pcapng";
        auto file = lab::must(net::CaptureWriter::create(path, {"eth0"}));
        for (size_t i = 0; i < frames.size(); ++i)
            lab::must(file.write(
                {frames[i], static_cast<uint32_t>(frames[i].size()), kBegin + std::chrono::milliseconds(i)}));
        lab::must(file.flush());
        return path;
    }

    lab::Finished weir(const std::string& yaml, const std::string& capture,
                       const std::vector<std::string>& more) {
        std::vector<std::string> words{WEIR_BINARY, "replay", "-c", dir_.write("weir.yaml", yaml)};
        words.insert(words.end(), more.begin(), more.end());
        words.push_back(capture);
        return lab::run(lab_->host("nowhere"), std::move(words));
    }

    std::vector<Row> rows_of(const lab::Finished& finished) {
        std::vector<Row> rows;
        std::istringstream lines(finished.out);
        for (std::string line; std::getline(lines, line);) {
            const json::object object = json::parse(line).as_object();
            EXPECT_EQ(object.at("n").to_number<uint64_t>(), rows.size() + 1);
            const auto text = [&](const char* key) {
                return object.at(key).is_null() ? "-" : std::string(object.at(key).as_string());
            };
            rows.push_back({text("verdict"), text("service"), text("backend"), text("reason"),
                            object.at("length").to_number<uint64_t>()});
        }
        return rows;
    }

    /// What was said of each, with what would leave in left_.
    std::vector<Row> replay_file(const std::string& yaml, const std::string& capture,
                                 std::vector<std::string> more = {}) {
        more.insert(more.end(), {"--json", "-o", dir_ / "out.pcapng"});
        const lab::Finished finished = weir(yaml, capture, more);
        EXPECT_EQ(finished.status, 0) << finished.err;
        left_ = read_capture(dir_ / "out.pcapng");
        return rows_of(finished);
    }
    std::vector<Row> replay(const std::string& yaml, const std::vector<Bytes>& frames,
                            std::vector<std::string> more = {}) {
        return replay_file(yaml, write_capture(frames), std::move(more));
    }

    lab::TempDir dir_;
    std::optional<lab::Lab> lab_;
    std::vector<Left> left_;
};

TEST_F(Replay, RemembersAFlowFromPacketToPacket) {
    const std::pair<const char*, const char*> families[] = {{"198.51.100.7:", "192.0.2.1:80"},
                                                            {"[2001:db8:9::7]:", "[2001:db8::1]:80"}};
    for (const auto& [client, vip] : families) {
        std::vector<Bytes> frames;
        for (const uint8_t flags : {net::kTcpSyn, net::kTcpAck})
            for (int port = 1000; port < 1020; ++port)
                frames.push_back(build_frame(packet(client + std::to_string(port), vip, flags)));
        const auto rows = replay(config(), frames);
        ASSERT_THAT(rows, SizeIs(40));
        ASSERT_THAT(left_, SizeIs(40));
        std::map<std::string, int> flows;
        for (size_t i = 0; i < rows.size(); ++i) {
            const std::string reason = i < 20 ? "scheduler" : "flow table";
            EXPECT_EQ(rows[i], (Row{"tx", "web", rows[i % 20].backend, reason, frames[i].size()}));
            ++flows[rows[i].backend];
            EXPECT_EQ(left_[i].since_begin, std::chrono::milliseconds(i));
            const auto out = lab::must(net::parse_frame(left_[i].bytes));
            const auto in = lab::must(net::parse_frame(frames[i]));
            EXPECT_EQ(out.source_mac, kOwn);
            EXPECT_EQ(out.destination_mac.text(),
                      rows[i].backend == "10.1.10.10" ? "02:00:0a:01:0a:0a" : "02:00:0a:01:0a:0b");
            EXPECT_EQ(out.source, in.source);
            EXPECT_EQ(out.destination, in.destination);
            EXPECT_EQ(out.ttl + 1, in.ttl);
            EXPECT_TRUE(out.checksums_right);
        }
        EXPECT_THAT(flows, SizeIs(2)) << "both backends";
    }
}

TEST_F(Replay, CommentsEachPacketWithItsDecision) {
    replay(config("10.1.10.10"), {build_frame(packet("198.51.100.7:1", "192.0.2.9:80")),
                                  build_frame(packet("198.51.100.7:1", "192.0.2.1:80"))});
    EXPECT_THAT(lab::read_file(dir_ / "out.pcapng"),
                HasSubstr("packet 2: tx, service web, backend 10.1.10.10, scheduler"));
}

TEST_F(Replay, TakesTheMacsThatItIsGiven) {
    const std::vector<Bytes> frames{build_frame(packet("198.51.100.7:1", "192.0.2.1:80"))};
    const std::string neighbour = "10.1.10.10=06:00:00:00:00:07";
    const auto rows = replay(config("10.1.10.10"), frames, {"--neighbour", neighbour, "--mac", kOwn.text()});
    EXPECT_THAT(rows, ElementsAre(Row{"tx", "web", "10.1.10.10", "scheduler", frames[0].size()}));
    ASSERT_THAT(left_, SizeIs(1));
    EXPECT_EQ(lab::must(net::parse_frame(left_[0].bytes)).destination_mac.text(), "06:00:00:00:00:07");
    EXPECT_THAT(replay(config("10.1.10.10"), frames, {"--mac", "02:00:00:00:00:99"}),
                ElementsAre(Row{"pass", "web", "-", "not_for_us", frames[0].size()}));
    EXPECT_THAT(left_, SizeIs(0));
}

TEST_F(Replay, SaysWhyAPacketDoesNotGoOn) {
    auto other_protocol = packet("198.51.100.7:1", "192.0.2.1:80");
    other_protocol.protocol = net::kUdp;
    auto at_its_end = packet("198.51.100.7:1", "192.0.2.1:80");
    at_its_end.ttl = 1;
    auto elsewhere = packet("198.51.100.7:1", "192.0.2.1:80");
    elsewhere.destination_mac = kClient;
    Bytes short_of_tcp = build_frame(packet("198.51.100.7:1", "192.0.2.1:80"));
    short_of_tcp.resize(14 + 20 + 8);
    const std::vector<Bytes> frames{build_frame(packet("198.51.100.7:1", "198.51.100.9:80")),
                                    build_frame(packet("198.51.100.7:1", "192.0.2.1:81")),
                                    build_frame(other_protocol),
                                    build_frame(at_its_end),
                                    build_frame(elsewhere),
                                    short_of_tcp,
                                    Bytes(13),
                                    Bytes(60)};
    const auto rows = replay(config(), frames);
    ASSERT_THAT(rows, SizeIs(8));
    EXPECT_EQ(rows[0], (Row{"pass", "-", "-", "not_vip", 54}));
    EXPECT_EQ(rows[1], (Row{"drop", "-", "-", "unmatched", 54}));
    EXPECT_EQ(rows[2], (Row{"drop", "-", "-", "unmatched", 42}));
    EXPECT_EQ(rows[3], (Row{"tx", "web", "-", "expired", 54 + 28})) << "the sender is told";
    EXPECT_EQ(rows[4], (Row{"pass", "web", "-", "not_for_us", 54}));
    EXPECT_EQ(rows[5], (Row{"drop", "-", "-", "truncated", 42}));
    EXPECT_EQ(rows[6], (Row{"pass", "-", "-", "too short to replay", 13}));
    EXPECT_EQ(rows[7], (Row{"pass", "-", "-", "not_ip", 60}));
    EXPECT_THAT(left_, SizeIs(1));

    const auto nobody = replay(config("{address: 10.1.10.10, state: disabled}"), {frames[3], frames[4]});
    EXPECT_THAT(nobody, Each(Row{"drop", "web", "-", "no_backend", 54}));
}

struct Tunnel {
    const char* method;
    const char* backend;
    const char* source;  // of the outer header
    size_t outer;        // bytes in front of the packet
    uint8_t protocol;    // of the outer header
};

TEST_F(Replay, PutsPacketsIntoTunnels) {
    const Tunnel tunnels[] = {{"ipip", "10.1.10.10", "10.9.9.9", 20, 4},
                              {"gre", "10.1.10.10", "10.9.9.9", 24, 47},
                              {"fou", "10.1.10.10", "10.9.9.9", 28, 17},
                              {"gue", "10.1.10.10", "10.9.9.9", 32, 17},
                              {"ipip", "\"2001:db8:10::10\"", "2001:db8::fe", 40, 4},
                              {"gue", "\"2001:db8:10::10\"", "2001:db8::fe", 52, 17}};
    const Bytes in = build_frame(packet("198.51.100.7:1", "192.0.2.1:80"));
    for (const auto& [method, backend, source, outer, protocol] : tunnels) {
        SCOPED_TRACE(fmt::format("{} to {}", method, backend));
        const auto yaml =
            config(backend, fmt::format("    forward: {}\n", method), "node: {address: 10.9.9.9}\n");
        const auto rows = replay(yaml, {in});
        ASSERT_THAT(rows, SizeIs(1));
        EXPECT_EQ(rows[0].verdict, "tx");
        EXPECT_EQ(rows[0].length, in.size() + outer);
        ASSERT_THAT(left_, SizeIs(1));
        const Bytes& out = left_[0].bytes;
        ASSERT_EQ(out.size(), in.size() + outer);
        const bool v4 = outer < 40;
        EXPECT_EQ(out[14 + (v4 ? 9 : 6)], protocol);
        const Ip from = lab::must(Ip::parse(source)), to = lab::must(Ip::parse(rows[0].backend));
        const Bytes addresses(out.begin() + 14 + (v4 ? 12 : 8), out.begin() + 14 + (v4 ? 20 : 40));
        Bytes expected(from.bytes().begin(), from.bytes().end());
        expected.insert(expected.end(), to.bytes().begin(), to.bytes().end());
        EXPECT_EQ(addresses, expected);
        Bytes inner(out.begin(), out.begin() + 12);
        inner.insert(inner.end(), {0x08, 0x00});
        inner.insert(inner.end(), out.begin() + 14 + static_cast<long>(outer), out.end());
        const auto parsed = lab::must(net::parse_frame(inner));
        EXPECT_EQ(parsed.destination, lab::endpoint("192.0.2.1:80"));
        EXPECT_EQ(parsed.ttl, 63);
        EXPECT_TRUE(parsed.checksums_right);
    }
}

TEST_F(Replay, SaysWhatATunnelHasNoRoomFor) {
    auto longest = packet("198.51.100.7:1", "192.0.2.1:80");
    longest.payload = 1500 - 40 - 20;
    auto too_long = longest;
    too_long.payload++;
    const std::vector<Bytes> frames{build_frame(longest), build_frame(too_long)};
    const auto yaml = config("10.1.10.10", "    forward: ipip\n");
    auto rows = replay(yaml, frames);
    ASSERT_THAT(rows, SizeIs(2));
    EXPECT_EQ(rows[0].reason, "scheduler");
    EXPECT_EQ(rows[1].reason, "too_big");
    EXPECT_EQ(rows[1].backend, "-");
    rows = replay(yaml, frames, {"--mtu", "9000"});
    ASSERT_THAT(rows, SizeIs(2));
    EXPECT_EQ(rows[1].reason, "flow table");
}

TEST_F(Replay, TranslatesBothWays) {
    struct Case {
        const char *client, *vip_address, *vip, *backend, *translated;
    };
    const Case cases[] = {{"198.51.100.7:1000", "192.0.2.1", "192.0.2.1:80", "10.1.10.10", "10.1.10.10:8080"},
                          {"[2001:db8:9::7]:1000", "\"2001:db8::1\"", "[2001:db8::1]:80",
                           "\"2001:db8:10::10\"", "[2001:db8:10::10]:8080"}};
    for (const auto& [client, vip_address, vip, backend, translated] : cases) {
        auto answer = packet(translated, client, net::kTcpSyn | net::kTcpAck);
        answer.source_mac = *Mac::parse("02:00:00:00:01:0a");
        const auto yaml = config(fmt::format("{{address: {}, port: 8080}}", backend), "    forward: nat\n",
                                 "", vip_address);
        const auto rows = replay(
            yaml, {build_frame(answer), build_frame(packet(client, vip, net::kTcpSyn)), build_frame(answer)});
        ASSERT_THAT(rows, SizeIs(3));
        EXPECT_EQ(rows[0].verdict, "pass") << "nobody has asked yet";
        EXPECT_EQ(rows[1].reason, "scheduler");
        EXPECT_EQ(rows[2].reason, "flow table");
        EXPECT_EQ(rows[2].service, "web");
        EXPECT_EQ(rows[2].backend, rows[1].backend);
        ASSERT_THAT(left_, SizeIs(2));
        const auto there = lab::must(net::parse_frame(left_[0].bytes));
        EXPECT_EQ(there.destination.text(), translated);
        EXPECT_EQ(there.source.text(), client);
        EXPECT_TRUE(there.checksums_right);
        const auto back = lab::must(net::parse_frame(left_[1].bytes));
        EXPECT_EQ(back.source.text(), vip);
        EXPECT_EQ(back.destination.text(), client);
        EXPECT_EQ(back.destination_mac, kClient);
        EXPECT_TRUE(back.checksums_right);
    }
}

TEST_F(Replay, PutsBackendsIntoTheirVlan) {
    auto tagged = packet("198.51.100.7:1", "192.0.2.1:80");
    tagged.vlan = 20;
    replay(config("10.1.10.10", "", "vlans: {10: [10.1.10.0/24]}\n"), {build_frame(tagged)});
    ASSERT_THAT(left_, SizeIs(1));
    EXPECT_EQ(lab::must(net::parse_frame(left_[0].bytes)).vlan, 10);
}

TEST_F(Replay, ReplaysFramesOfEveryLength) {
    std::vector<Bytes> frames;
    for (const size_t payload : {3400u, 4096u, 9000u, 40000u, 65495u}) {
        auto spec = packet("198.51.100.7:1", "192.0.2.1:80");
        spec.payload = payload;
        frames.push_back(build_frame(spec));
    }
    frames.emplace_back(70000);
    const auto rows = replay(config("10.1.10.10"), frames);
    ASSERT_THAT(rows, SizeIs(6));
    for (size_t i = 0; i < 5; ++i) {
        EXPECT_EQ(rows[i].verdict, "tx");
        ASSERT_EQ(rows[i].length, frames[i].size());
        EXPECT_EQ(Bytes(left_[i].bytes.begin() + 54, left_[i].bytes.end()),
                  Bytes(frames[i].begin() + 54, frames[i].end()));
    }
    EXPECT_EQ(rows[5], (Row{"pass", "-", "-", "too long to replay", 70000}));
}

/// A classic capture, little-endian with microseconds.
std::string classic(const std::vector<std::pair<Bytes, uint32_t>>& packets, uint32_t link = 1) {
    std::string file;
    const auto put = [&](uint32_t value) { file.append(reinterpret_cast<const char*>(&value), 4); };
    for (const uint32_t word : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 65535u, link}) put(word);
    for (const auto& [bytes, original] : packets) {
        for (const uint32_t word : {1'700'000'000u, 123'456u, static_cast<uint32_t>(bytes.size()), original})
            put(word);
        file.append(bytes.begin(), bytes.end());
    }
    return file;
}

TEST_F(Replay, ReadsClassicCapturesThatWereCutShort) {
    auto spec = packet("198.51.100.7:1", "192.0.2.1:80");
    spec.payload = 1000;
    Bytes frame = build_frame(spec);
    const auto length = static_cast<uint32_t>(frame.size());
    frame.resize(96);
    const auto path = dir_.write("in.pcap", classic({{frame, length}}));
    const auto rows = replay_file(config("10.1.10.10", "    forward: ipip\n"), path);
    EXPECT_THAT(rows, ElementsAre(Row{"tx", "web", "10.1.10.10", "scheduler", length + 20}));
    ASSERT_THAT(left_, SizeIs(1));
    EXPECT_EQ(left_[0].original_length, length + 20);
    EXPECT_EQ(left_[0].bytes.size(), 96u + 20u);
    EXPECT_EQ(left_[0].since_begin, -789ns) << "microseconds";
}

TEST_F(Replay, ListsForPeopleWithASummary) {
    const std::string capture = write_capture({build_frame(packet("198.51.100.7:1", "192.0.2.1:80")),
                                               build_frame(packet("198.51.100.7:1", "192.0.2.1:80")),
                                               build_frame(packet("198.51.100.7:1", "192.0.2.1:81"))});
    const lab::Finished listed = weir(config("10.1.10.10"), capture, {});
    EXPECT_EQ(listed.status, 0) << listed.err;
    EXPECT_EQ(listed.out,
              "  PACKET  VERDICT   LENGTH  SERVICE  BACKEND     REASON\n"
              "       1  tx            54  web      10.1.10.10  scheduler\n"
              "       2  tx            54  web      10.1.10.10  flow table\n"
              "       3  drop          54  -        -           unmatched\n"
              "\n"
              "PACKETS  VERDICT  REASON\n"
              "      1  tx       flow table\n"
              "      1  tx       scheduler\n"
              "      1  drop     unmatched\n");
}

TEST_F(Replay, TellsBadInputFromFailure) {
    const std::string capture = write_capture({build_frame(packet("198.51.100.7:1", "192.0.2.1:80"))});
    EXPECT_EQ(weir("interfaces: 7\n", capture, {}).status, 2);
    EXPECT_EQ(weir(config(), capture, {"--neighbour", "10.1.10.10"}).status, 2);
    EXPECT_EQ(weir(config(), capture, {"--mac", "02:00"}).status, 2);
    EXPECT_EQ(weir(config(), capture, {"-o", capture}).status, 2);
    EXPECT_EQ(weir(config(), dir_ / "missing.pcap", {}).status, 1);
    EXPECT_EQ(weir(config(), dir_.write("text", "this is no capture"), {}).status, 1);
    const lab::Finished cooked = weir(config(), dir_.write("cooked", classic({}, 113)), {});
    EXPECT_EQ(cooked.status, 1);
    EXPECT_THAT(cooked.err, HasSubstr("only Ethernet"));

    std::ofstream(capture, std::ios::app | std::ios::binary) << "garbage, and more of it than a block";
    const lab::Finished broken = weir(config(), capture, {"--json"});
    EXPECT_EQ(broken.status, 1);
    EXPECT_THAT(broken.err, HasSubstr("packet 2"));
    EXPECT_THAT(rows_of(broken), SizeIs(1)) << "what could be read";
}

}  // namespace
}  // namespace weir::e2e
