#include "admin/event_stream.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "control/json.h"
#include "control/sample.h"

namespace weir::admin {
namespace {

using namespace std::chrono_literals;
using control::Event;
using control::EventKind;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class EventStreamTest : public testing::Test {
  protected:
    void happens(const std::string& what) { events->add({EventKind::started, what}, {}); }
    EventStream stream(uint64_t after) {
        return {events, events->seat(), after, [this] { return now; }};
    }

    std::shared_ptr<control::Events> events =
        std::make_shared<control::Events>(control::Events::Time(1s), 200);
    const uint64_t before = events->last_id();
    std::chrono::steady_clock::time_point now{1h};
};

TEST_F(EventStreamTest, GivesWhatCameSinceAndThenWhatComes) {
    happens("a");
    happens("b");
    auto resumed = stream(before + 1);
    auto first = resumed.take().value();
    EXPECT_THAT(first, HasSubstr(fmt::format("\n\nid: {}\ndata: {{", before + 2)));
    EXPECT_THAT(first, testing::EndsWith("\n\n"));
    EXPECT_THAT(first, Not(HasSubstr("\"a\"")));
    EXPECT_EQ(resumed.take(), "");
    happens("c");
    EXPECT_THAT(resumed.take().value(), StartsWith(fmt::format("id: {}\n", before + 3)));
    EXPECT_EQ(resumed.summary(), "2 events");
}

TEST_F(EventStreamTest, BeginsWithTheOldestBehindAnIdThatIsStillToCome) {
    happens("a");
    auto ahead = stream(events->last_id() + 1'000'000);
    auto first = ahead.take().value();
    EXPECT_THAT(first, StartsWith(": earlier events are forgotten"));
    EXPECT_THAT(first, HasSubstr("\"a\""));
    happens("b");
    EXPECT_THAT(ahead.take().value(), HasSubstr("\"b\""));
}

TEST_F(EventStreamTest, SaysThatItIsThereWhenNothingHappens) {
    auto quiet = stream(before);
    EXPECT_THAT(quiet.take().value(), StartsWith(":"));
    now += 14s;
    EXPECT_EQ(quiet.take(), "");
    now += 1s;
    EXPECT_EQ(quiet.take(), ": still here\n\n");
    EXPECT_EQ(quiet.take(), "");
}

TEST_F(EventStreamTest, EndsWithTheClientAndWithTheDaemon) {
    auto finished = stream(before), orphaned = stream(before);
    finished.finish();
    EXPECT_EQ(finished.take(), std::nullopt);
    events.reset();
    EXPECT_EQ(orphaned.take(), std::nullopt);
}

TEST_F(EventStreamTest, DropsWhoIsTooSlowAndCountsHim) {
    auto slow = stream(before);
    slow.take();
    for (int i = 0; i < 201; ++i) happens("x");
    EXPECT_EQ(slow.take(), std::nullopt);
    EXPECT_EQ(events->dropped_readers_total(), 1u);
    auto stuck = stream(events->last_id());
    stuck.cut_off();
    EXPECT_EQ(stuck.take(), std::nullopt);
    EXPECT_EQ(events->dropped_readers_total(), 2u);
}

TEST_F(EventStreamTest, TellsWhoComesBackTooLateAndGivesWhatThereIs) {
    for (int i = 0; i < 201; ++i) happens("x");
    auto late = stream(before);
    EXPECT_THAT(late.take().value(), StartsWith(": earlier events are forgotten\n\nid: "));
    EXPECT_NE(late.take(), "") << "the other half";
    EXPECT_EQ(late.take(), "");
    EXPECT_EQ(events->dropped_readers_total(), 0u);
}

TEST_F(EventStreamTest, AreListedFromAnIdOnAndUpToANumber) {
    for (const char* what : {"a", "b", "c"}) happens(what);
    auto list = [&](std::map<std::string, std::string> query) {
        Request request;
        request.query = std::move(query);
        return list_events(*events, request);
    };
    EXPECT_EQ(boost::json::parse(list({}).body).as_array().size(), 3u);
    auto one = boost::json::parse(list({{"after", std::to_string(before + 1)}, {"limit", "1"}}).body);
    ASSERT_EQ(one.as_array().size(), 1u);
    EXPECT_EQ(one.at(0).at("message"), "b");
    for (auto [name, value] : {std::pair("after", "x"), {"after", "-1"}, {"limit", "0"}, {"limit", "1025"}})
        EXPECT_EQ(list({{name, value}}).status, 400u) << name << '=' << value;
}

TEST_F(EventStreamTest, AreBounded) {
    std::vector<Response> open;
    for (long i = 0; i < control::Events::kSeats; ++i) open.push_back(stream_events(events, {}));
    EXPECT_EQ(open.back().status, 200u);
    EXPECT_EQ(open.back().content_type, "text/event-stream");
    EXPECT_EQ(stream_events(events, {}).status, 503u);
    open.pop_back();
    EXPECT_EQ(stream_events(events, {}).status, 200u);
}

TEST_F(EventStreamTest, IsTakenUpAgainByItsHeader) {
    happens("a");
    Request request;
    request.last_event_id = std::to_string(before);
    EXPECT_THAT(stream_events(events, request).source->take().value(), HasSubstr("\"a\""));
    request.last_event_id = "tomorrow";
    EXPECT_EQ(stream_events(events, request).status, 400u);
}

TEST(EventJson, HasEveryFieldAndNullWhereItSaysNothing) {
    Event down{EventKind::backend_down,
               "it is down",
               "web",
               control::ip("10.0.0.1"),
               control::kSampleV6,
               7,
               control::SystemTime(1'700'000'000'123ms)};
    EXPECT_EQ(control::event_json(down),
              boost::json::parse(
                  R"({"id": 7, "at": "2023-11-14T22:13:20.123Z", "kind": "backend_down", "service": "web",
        "backend": "10.0.0.1", "peer": null, "vip": "2001:db8::1", "port": 80, "protocol": "tcp", "message": "it is down"})"));
    EXPECT_EQ(
        control::event_json({EventKind::started, "weir has started"}),
        boost::json::parse(R"({"id": 0, "at": "1970-01-01T00:00:00.000Z", "kind": "started", "service": null,
        "backend": null, "peer": null, "vip": null, "port": null, "protocol": null, "message": "weir has started"})"));
}

}  // namespace
}  // namespace weir::admin
