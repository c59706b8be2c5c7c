#include "admin/captures.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "admin/source.h"
#include "base/unique_fd.h"
#include "engine/fake_capturing.h"
#include "net/capture_file.h"

namespace weir::admin {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class CapturesTest : public testing::Test {
  protected:
    Response start(std::map<std::string, std::string> query = {}) {
        Request request;
        request.method = "POST";
        request.path = "/api/v1/capture";
        request.query = std::move(query);
        return captures->start(request);
    }
    void packet(uint8_t first) {
        const std::vector<uint8_t> bytes(60, first);
        capturing.sink({bytes, 1500, {}, "eth0", {engine::Action::tx, "web", {}, "flow table"}});
    }
    /// Takes until there is nothing or the end.
    std::string take(Source& source) {
        std::string all;
        for (auto next = source.take(); next && !next->empty(); next = source.take()) all += *next;
        return all;
    }
    /// The first byte of each packet in it.
    static std::vector<int> packets_in(const std::string& capture) {
        const UniqueFd file(memfd_create("capture", MFD_CLOEXEC));
        EXPECT_EQ(::write(file.get(), capture.data(), capture.size()), static_cast<ssize_t>(capture.size()));
        auto reader = net::CaptureReader::open(fmt::format("/proc/self/fd/{}", file.get()));
        std::vector<int> packets;
        if (!reader) return packets;
        while (auto next = reader->next().value()) {
            EXPECT_EQ(next->original_length, 1500u);
            packets.push_back(next->bytes[0]);
        }
        return packets;
    }

    engine::FakeCapturing capturing;
    std::chrono::steady_clock::time_point now{};
    CaptureLimits limits{.packets = 100, .time = 100s, .waiting_bytes = 4096};
    std::optional<Captures> captures{std::in_place, capturing, limits, [this] { return now; }};
};

TEST_F(CapturesTest, StreamsPacketsUntilThereAreEnough) {
    const auto response = start({{"count", "3"}});
    ASSERT_EQ(response.status, 200u) << response.body;
    std::string all = take(*response.source);
    for (uint8_t i = 1; i <= 5; ++i) packet(i);
    all += take(*response.source);
    EXPECT_FALSE(response.source->take()) << "the end";
    EXPECT_FALSE(capturing.sink) << "and the capture is over";
    EXPECT_THAT(packets_in(all), ElementsAre(1, 2, 3));
    EXPECT_THAT(all, HasSubstr("tx, service web, flow table"));
    EXPECT_THAT(all, HasSubstr("no packet was lost"));
}

TEST_F(CapturesTest, EndsWhenItsTimeIsOver) {
    const auto response = start({{"seconds", "5"}});
    now += 4s;
    take(*response.source);
    EXPECT_TRUE(capturing.sink);
    now += 1s;
    take(*response.source);
    EXPECT_FALSE(capturing.sink);
}

TEST_F(CapturesTest, EndsWithItsClientAndWithTheDaemon) {
    start();
    EXPECT_FALSE(capturing.sink) << "nobody took the answer";
    const auto response = start();
    EXPECT_TRUE(capturing.sink);
    packet(7);
    captures.reset();
    EXPECT_FALSE(capturing.sink);
    EXPECT_THAT(packets_in(take(*response.source)), ElementsAre(7));
}

TEST_F(CapturesTest, RefusesASecondOne) {
    auto first = start();
    EXPECT_EQ(start().status, 409u);
    first.source.reset();
    EXPECT_EQ(start().status, 200u);
}

TEST_F(CapturesTest, CountsWhatASlowClientAndTheEngineLost) {
    capturing.lost = 1000;
    const auto response = start();
    for (int i = 0; i < 60; ++i) packet(1);
    response.source->finish();
    const std::string all = take(*response.source);
    const auto packets = packets_in(all).size();
    EXPECT_GT(packets, 10u);
    EXPECT_LT(packets, 60u);
    EXPECT_THAT(all, HasSubstr(fmt::format("{} packets were lost", 1060 - packets)));
}

TEST_F(CapturesTest, HandsTheFilterOn) {
    start({{"service", "web"}, {"client", "192.0.2.0/24"}, {"snaplen", "96"}});
    const engine::CaptureFilter wanted{"web", *net::Prefix::parse("192.0.2.0/24"), 96};
    EXPECT_EQ(capturing.filter, wanted);
    start({{"client", "2001:db8::1"}});
    EXPECT_EQ(capturing.filter->client, *net::Prefix::parse("2001:db8::1/128"));
}

TEST_F(CapturesTest, RefusesWhatIsOutOfBounds) {
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"count", "0"}, {"count", "101"}, {"seconds", "5s"}, {"snaplen", "63"}, {"client", "nobody"}})
        EXPECT_EQ(start({{name, value}}).status, 400u) << name;
    capturing.refuse_next = Error{"there is no service 'wbe'"};
    EXPECT_THAT(start({{"service", "wbe"}}).body, HasSubstr("no service 'wbe'"));
    EXPECT_EQ(start().status, 200u) << "a refused one leaves nothing behind";
}

}  // namespace
}  // namespace weir::admin
