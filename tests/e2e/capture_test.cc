// weir capture against the real daemon: what comes in is in the capture, with what the datapath decided, and
// the ordinary program is back afterwards.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <linux/bpf.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <set>

#include "lab/frames.h"
#include "lab/tcp.h"
#include "net/packet.h"
#include "tests/e2e/site.h"

namespace weir::e2e {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;
using Bytes = std::vector<uint8_t>;

constexpr const char* kVip = "192.168.101.1:80";

struct Recorded {
    Bytes bytes;
    uint32_t original_length = 0;
    std::string comment;
};

uint32_t number(const std::string& text, size_t at, size_t size) {
    uint32_t value = 0;
    std::memcpy(&value, text.data() + at, size);
    return value;
}

/// The packets of a pcapng file that may still grow. libpcap gives no comments.
std::vector<Recorded> read_pcapng(const std::string& path) {
    constexpr uint32_t kPacket = 6, kComment = 1;
    const std::string file = lab::read_file(path);
    std::vector<Recorded> packets;
    for (size_t at = 0; at + 12 <= file.size();) {
        const uint32_t type = number(file, at, 4), length = number(file, at + 4, 4);
        if (length < 12 || at + length > file.size()) break;
        const std::string body = file.substr(at + 8, length - 12);
        at += length;
        if (type != kPacket) continue;
        const uint32_t captured = number(body, 12, 4);
        Recorded packet{{body.begin() + 20, body.begin() + 20 + captured}, number(body, 16, 4), ""};
        const size_t options = 20 + (captured + 3) / 4 * 4;
        if (options + 4 <= body.size() && number(body, options, 2) == kComment)
            packet.comment = body.substr(options + 4, number(body, options + 2, 2));
        packets.push_back(std::move(packet));
    }
    return packets;
}

class Capture : public SiteTest {
  protected:
    void SetUp() override {
        SiteTest::SetUp();
        if (IsSkipped()) return;
        site_.emplace(lab::DsrOptions{.lab = "capture"});
        site_->start(Yaml{});
        socket_.emplace(site_->client(), "eth0");
    }

    /// The XDP program on the balancer's interface.
    std::string program() {
        return site_->balancer().run([&] {
            uint32_t id = 0;
            bpf_xdp_query_id(static_cast<int>(site_->balancer().index("eth0")), 0, &id);
            const UniqueFd program(bpf_prog_get_fd_by_id(id));
            bpf_prog_info info{};
            uint32_t length = sizeof info;
            bpf_obj_get_info_by_fd(program.get(), &info, &length);
            return std::string(info.name);
        });
    }
    [[nodiscard]] bool await_program(const std::string& name) {
        return lab::wait_until([&] { return program() == name; }, kSoon);
    }
    std::string file() const { return dir_ / "out.pcapng"; }

    /// Returns when it captures.
    lab::Process capture(std::vector<std::string> words) {
        std::vector<std::string> argv{WEIR_BINARY, "--socket", site_->daemon().socket(),
                                      "capture",   "-o",       file()};
        argv.insert(argv.end(), words.begin(), words.end());
        lab::Process process(site_->balancer(), std::move(argv));
        EXPECT_TRUE(await_program("weir_capturing")) << process.err();
        return process;
    }

    /// What it said, and that nothing is missing at the file's end.
    void expect_whole(const lab::Process& process) {
        EXPECT_THAT(process.err(), testing::MatchesRegex("weir: [0-9]+ packets captured, [0-9]+ lost\n"));
        constexpr uint32_t kStatistics = 5;
        uint32_t last = 0;
        size_t at = 0;
        const std::string whole = lab::read_file(file());
        while (at + 12 <= whole.size() && number(whole, at + 4, 4) >= 12) {
            last = number(whole, at, 4);
            at += number(whole, at + 4, 4);
        }
        EXPECT_EQ(at, whole.size());
        EXPECT_EQ(last, kStatistics);
    }

    Bytes frame(const std::string& source, const std::string& destination, size_t payload = 0) {
        net::PacketSpec spec;
        spec.source_mac = site_->client().mac("eth0");
        spec.destination_mac = site_->balancer().mac("eth0");
        spec.source = lab::endpoint(source);
        spec.destination = lab::endpoint(destination);
        spec.payload = payload;
        return net::build_frame(spec);
    }
    /// What `weir trace` says of the flow, as a comment says it.
    std::string traced(const std::string& source, const std::string& vip) {
        const auto answer = site_->get(fmt::format("/api/v1/trace?src={}&vip={}&protocol=tcp", source, vip));
        const auto text = [&](const char* key) { return std::string(answer.at(key).as_string()); };
        if (text("action") != "forward") return fmt::format("{}, {}", text("action"), text("reason"));
        return fmt::format("tx, service web, backend {}, {}", text("backend"), text("reason"));
    }

    lab::TempDir dir_;
    std::optional<Site> site_;
    std::optional<lab::FrameSocket> socket_;
};

TEST_F(Capture, RecordsAServicesPacketsWithWhatWasDecided) {
    std::map<Bytes, std::string> expected;
    std::vector<std::pair<Bytes, Bytes>> sent;  // and what no service takes
    for (int i = 0; i < 20; ++i) {
        const bool v4 = i % 2;
        const auto source = fmt::format("{}:{}", v4 ? "172.16.0.9" : "[2001:db8:9::9]", 2000 + i);
        const std::string vip = v4 ? "192.168.101.1" : "[2001:db8:101::1]";
        sent.emplace_back(frame(source, vip + ":80"), frame(source, vip + ":81"));
        expected[sent.back().first] = traced(source, vip + ":80");
    }
    auto process = capture({"--service", "web", "--count", "20"});
    for (const auto& [taken, other] : sent) {
        socket_->send(other);
        socket_->send(taken);
    }
    EXPECT_EQ(process.wait(kSoon), 0) << process.err();
    EXPECT_EQ(process.err(), "weir: 20 packets captured, 0 lost\n");
    EXPECT_EQ(program(), "weir") << "the ordinary one is back";
    std::map<Bytes, std::string> recorded;
    for (const auto& packet : read_pcapng(file())) {
        recorded[packet.bytes] = packet.comment;
        EXPECT_EQ(packet.original_length, packet.bytes.size());
    }
    EXPECT_EQ(recorded, expected);
    for (const auto& [bytes, comment] : recorded) EXPECT_THAT(comment, EndsWith("scheduler"));
}

TEST_F(Capture, KeepsToOneClientAndToSoManyBytes) {
    auto process = capture({"--client", "172.16.1.0/24", "--snaplen", "80"});
    for (const char* source : {"172.16.0.255:1", "172.16.1.0:1", "172.16.2.0:1", "172.16.1.255:1"})
        for (const char* to : {kVip, "192.168.101.1:81"}) socket_->send(frame(source, to, 500));
    ASSERT_TRUE(lab::wait_until([&] { return read_pcapng(file()).size() == 4; }, kSoon));
    const auto packets = read_pcapng(file());
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(packets[i].original_length, 554u);
        EXPECT_THAT(packets[i].bytes, SizeIs(80));
        EXPECT_THAT(packets[i].comment, i % 2 ? testing::Matcher<std::string>("drop, unmatched")
                                              : StartsWith("tx, service web, backend 10.1.10."));
    }
    process.kill(SIGINT);
    EXPECT_EQ(process.wait(kSoon), 0) << "an operator who has seen enough";
    EXPECT_EQ(process.err(), "weir: 4 packets captured, 0 lost\n");
    EXPECT_THAT(lab::read_file(file()), HasSubstr("no packet was lost"));
    EXPECT_EQ(program(), "weir");
}

TEST_F(Capture, LeavesNothingBehindWhenItsClientIsKilled) {
    auto process = capture({});
    process.kill(SIGKILL);
    EXPECT_TRUE(await_program("weir"));
    EXPECT_THAT(capture({}).pid(), testing::Gt(0)) << "the next one may";
}

TEST_F(Capture, RefusesWhatItCannotDo) {
    const auto fails = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"capture", "-o", dir_ / "refused"});
        return site_->weir(std::move(words));
    };
    EXPECT_EQ(fails({"--client", "nobody"}).status, 2);
    EXPECT_EQ(fails({"--count", "0"}).status, 2);
    const auto unknown = fails({"--service", "wbe"});
    EXPECT_EQ(unknown.status, 1);
    EXPECT_THAT(unknown.err, HasSubstr("there is no service 'wbe'"));
    auto process = capture({});
    const auto second = fails({});
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.err, HasSubstr("another capture runs"));
}

TEST_F(Capture, GoesOnOverAReloadThatExchangesTheTables) {
    auto process = capture({"--service", "web"});
    socket_->send(frame("172.16.0.9:1", kVip));
    ASSERT_TRUE(lab::wait_until([&] { return read_pcapng(file()).size() == 1; }, kSoon));
    Yaml yaml;
    yaml.settings = "flows: {size: 4096}\n";
    yaml.vips = "192.168.100.1, " + yaml.vips;  // another frontend takes the first one's number
    std::ofstream(site_->daemon().config_path()) << yaml.text();
    ASSERT_EQ(site_->weir({"reload"}).status, 0);
    EXPECT_EQ(program(), "weir_capturing");
    socket_->send(frame("172.16.0.9:1", kVip));
    socket_->send(frame("172.16.0.9:2", "192.168.100.1:80"));
    ASSERT_TRUE(lab::wait_until([&] { return read_pcapng(file()).size() == 3; }, kSoon));
    const auto packets = read_pcapng(file());
    EXPECT_THAT(packets[0].comment, EndsWith("scheduler"));
    EXPECT_THAT(packets[1].comment, EndsWith("flow table"));
    for (size_t i = 0; i < 2; ++i) EXPECT_THAT(packets[i].comment, StartsWith("tx, service web, backend"));
    EXPECT_EQ(packets[2].comment, "drop, service web, no_backend") << "nobody has answered there yet";
}

TEST_F(Capture, ForwardsWhenTheDaemonIsKilledAndEndsWithTheNextOne) {
    auto process = capture({});
    site_->daemon().kill();
    EXPECT_EQ(process.wait(kSoon), 1);
    EXPECT_EQ(program(), "weir_capturing");
    EXPECT_TRUE(answered_by(site_->ask(kVip), {"backend-1", "backend-2", "backend-3"}));
    site_->daemon().start();
    EXPECT_TRUE(await_program("weir"));
}

TEST_F(Capture, EndsWithTheDaemon) {
    auto process = capture({});
    ::kill(site_->daemon().pid(), SIGTERM);
    EXPECT_EQ(process.wait(kSoon), 0) << "its end has come, too: " << process.err();
    expect_whole(process);
    EXPECT_TRUE(await_program("weir"));
}

TEST_F(Capture, EndsWhenAnotherDaemonTakesOver) {
    auto process = capture({});
    EXPECT_EQ(site_->daemon().replace(), 0);
    EXPECT_EQ(process.wait(kSoon), 0) << process.err();
    expect_whole(process);
    EXPECT_TRUE(await_program("weir"));
}

}  // namespace
}  // namespace weir::e2e
