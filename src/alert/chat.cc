#include "alert/chat.h"

#include <algorithm>
#include <boost/json.hpp>

#include "alert/text.h"
#include "control/json.h"

namespace weir::alert {
namespace {

namespace json = boost::json;

constexpr size_t kMostLines = 10;  // people read no more, and chats limit what a message may have

json::object plain(const Message& message, const Sender& sender) {
    json::object object{{"alert", sender.alert}, {"node", sender.node}, {"weir", sender.version}};
    object["severity"] = std::string(model::to_text(message.severity()));
    if (!message.is_gathered()) {
        for (auto& field : control::event_json(message.events.front())) object.insert(field);
        return object;
    }
    object["message"] = message.text;
    auto& events = object["events"].emplace_array();
    for (const auto& event : message.events) events.push_back(control::event_json(event));
    return object;
}

/// The text, then the events one by one, and how many more there are.
std::vector<std::string> lines_of(const Message& message) {
    std::vector<std::string> lines{shorten(message.text, kMostLine)};
    if (!message.is_gathered()) return lines;
    auto shown = std::min(message.events.size(), kMostLines);
    for (size_t i = 0; i < shown; ++i) lines.push_back("• " + shorten(message.events[i].message, kMostLine));
    if (shown < message.events.size())
        lines.push_back(fmt::format("… and {} more", message.events.size() - shown));
    return lines;
}

/// docs.slack.dev, "Formatting message text": these three and no others.
std::string for_slack(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else
            out += c;
    }
    return out;
}

json::object slack(const Message& message, const Sender& sender) {
    constexpr std::string_view kSigns[] = {":information_source:", ":warning:", ":x:"};
    auto text =
        fmt::format("{} *{}*", kSigns[static_cast<size_t>(message.severity())], for_slack(sender.node));
    const char* before = " ";
    for (const auto& line : lines_of(message)) {
        text += before + for_slack(line);
        before = "\n";
    }
    return {{"text", text}};
}

/// A run of text, unlike a TextBlock, has no markup in it that a name could be mistaken for.
json::object block(const std::string& text, const char* color, bool bold) {
    json::object run{{"type", "TextRun"}, {"text", text}, {"color", color}};
    if (bold) run["weight"] = "Bolder";
    return {{"type", "RichTextBlock"}, {"inlines", json::array{run}}};
}

json::object teams(const Message& message, const Sender& sender) {
    constexpr const char* kColors[] = {"Default", "Warning", "Attention"};
    json::array body{block(fmt::format("weir on {}", sender.node),
                           kColors[static_cast<size_t>(message.severity())], true)};
    for (const auto& line : lines_of(message)) body.push_back(block(line, "Default", false));
    json::object card{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
                      {"type", "AdaptiveCard"},
                      {"version", "1.4"},
                      {"body", std::move(body)}};
    json::object attachment{{"contentType", "application/vnd.microsoft.card.adaptive"},
                            {"contentUrl", nullptr},
                            {"content", std::move(card)}};
    return {{"type", "message"}, {"attachments", json::array{std::move(attachment)}}};
}

}  // namespace

std::string body_of(const Message& message, const Sender& sender, model::WebhookFormat format) {
    switch (format) {
        case model::WebhookFormat::slack:
            return json::serialize(slack(message, sender));
        case model::WebhookFormat::teams:
            return json::serialize(teams(message, sender));
        case model::WebhookFormat::json:
            break;
    }
    return json::serialize(plain(message, sender));
}

}  // namespace weir::alert
