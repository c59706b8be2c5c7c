#include "alert/chat.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "alert/sample.h"

namespace weir::alert {
namespace {

namespace json = boost::json;
using model::WebhookFormat;

json::value body(std::vector<control::Event> events, WebhookFormat format) {
    return json::parse(body_of(message_of(std::move(events)), kSender, format));
}

TEST(PlainBody, IsTheEventAsTheApiHasItAndWhoSaysIt) {
    EXPECT_EQ(body({down()}, WebhookFormat::json), json::parse(R"({
        "alert": "oncall", "node": "lb1", "weir": "0.1", "severity": "warning",
        "id": 1, "at": "2026-11-21T22:14:56.000Z", "kind": "backend_down", "service": "web",
        "backend": "10.0.0.1", "peer": null, "vip": "192.0.2.1", "port": 80, "protocol": "tcp",
        "message": "backend 10.0.0.1 is down"})"));
}

TEST(PlainBody, HasAllEventsThatWereGathered) {
    EXPECT_EQ(body({up(2), event(model::EventKind::plan_failed, "failed")}, WebhookFormat::json),
              json::parse(R"({
        "alert": "oncall", "node": "lb1", "weir": "0.1", "severity": "error",
        "message": "2 events, the worst: failed",
        "events": [
            {"id": 2, "at": "2026-11-21T22:14:56.000Z", "kind": "backend_up", "service": "web",
             "backend": "10.0.0.2", "peer": null, "vip": "192.0.2.1", "port": 80, "protocol": "tcp",
             "message": "backend 10.0.0.2 is up"},
            {"id": 9, "at": "2026-11-21T22:14:56.000Z", "kind": "plan_failed", "service": null,
             "backend": null, "peer": null, "vip": null, "port": null, "protocol": null, "message": "failed"}]})"));
}

TEST(SlackBody, IsAText) {
    EXPECT_EQ(body({down()}, WebhookFormat::slack),
              json::parse(R"({"text": ":warning: *lb1* backend 10.0.0.1 is down"})"));
    EXPECT_EQ(body({up()}, WebhookFormat::slack),
              json::parse(R"({"text": ":information_source: *lb1* backend 10.0.0.1 is up"})"));
}

TEST(SlackBody, EscapesWhatIsMarkup) {
    EXPECT_EQ(body({event(model::EventKind::plan_failed, "<!channel> a & b")}, WebhookFormat::slack),
              json::parse(R"({"text": ":x: *lb1* &lt;!channel&gt; a &amp; b"})"));
}

TEST(SlackBody, HasTheFirstOfManyEvents) {
    std::vector<control::Event> events;
    std::string lines;
    for (int i = 1; i <= 13; ++i) events.push_back(down(i));
    for (int i = 1; i <= 10; ++i) lines += fmt::format("\n• backend 10.0.0.{} is down", i);
    EXPECT_EQ(body(events, WebhookFormat::slack).at("text").as_string(),
              ":warning: *lb1* 13 events, the worst: backend 10.0.0.1 is down" + lines + "\n… and 3 more");
}

TEST(SlackBody, IsOfBoundedLength) {
    auto text =
        body({event(model::EventKind::reload_refused, std::string(100'000, 'x'))}, WebhookFormat::slack)
            .at("text")
            .as_string();
    EXPECT_LT(text.size(), 1100u);
    EXPECT_TRUE(text.ends_with("x…"));
}

TEST(TeamsBody, IsAnAdaptiveCard) {
    EXPECT_EQ(body({down(1), down(2)}, WebhookFormat::teams), json::parse(R"({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {"type": "RichTextBlock", "inlines": [
                        {"type": "TextRun", "text": "weir on lb1", "color": "Warning", "weight": "Bolder"}]},
                    {"type": "RichTextBlock", "inlines": [
                        {"type": "TextRun", "text": "2 events, the worst: backend 10.0.0.1 is down", "color": "Default"}]},
                    {"type": "RichTextBlock", "inlines": [
                        {"type": "TextRun", "text": "• backend 10.0.0.1 is down", "color": "Default"}]},
                    {"type": "RichTextBlock", "inlines": [
                        {"type": "TextRun", "text": "• backend 10.0.0.2 is down", "color": "Default"}]}]}}]})"));
}

}  // namespace
}  // namespace weir::alert
