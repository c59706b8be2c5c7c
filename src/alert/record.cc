#include "alert/record.h"

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "alert/text.h"
#include "control/json.h"

namespace weir::alert {
namespace {

constexpr size_t kMostRecord = 2048;
constexpr size_t kMostJournal = size_t{48} * 1024;  // more would need a file in memory
constexpr std::string_view kMessageId = "d54caf8618d847e1b0edb0a046a0c696";

int level_of(model::Severity severity) {
    constexpr int kLevels[] = {6, 4, 3};  // informational, warning, error
    return kLevels[static_cast<size_t>(severity)];
}

/// What the message is about, by names as the API has them.
std::vector<std::pair<std::string_view, std::string>> parts_of(const Message& message, const Sender& sender) {
    const auto& event = message.worst();
    std::vector<std::pair<std::string_view, std::string>> parts{{"alert", sender.alert},
                                                                {"id", std::to_string(event.id)}};
    if (message.is_gathered()) parts.emplace_back("events", std::to_string(message.events.size()));
    if (!event.service.empty()) parts.emplace_back("service", event.service);
    if (event.backend) parts.emplace_back("backend", event.backend->text());
    if (event.peer) parts.emplace_back("peer", event.peer->text());
    if (event.frontend) {
        parts.emplace_back("vip", event.frontend->vip_text());
        parts.emplace_back("port", event.frontend->port_text());
        parts.emplace_back("protocol", model::to_text(event.frontend->protocol));
    }
    return parts;
}

/// The text, and the texts of the events that it stands for.
std::string whole_text(const Message& message, std::string_view between) {
    auto text = message.text;
    if (message.is_gathered())
        for (const auto& event : message.events) {
            text += between;
            text += event.message;
        }
    return text;
}

/// RFC 5424, 6.3.3.
std::string in_quotes(std::string_view value) {
    std::string out = "\"";
    for (char c : value) {
        if (c == '"' || c == '\\' || c == ']') out += '\\';
        out += c;
    }
    return out + '"';
}

/// What may stand in a record's header: visible ASCII, or nothing.
std::string header_field(const std::string& text) {
    bool fits = !text.empty() && text.size() <= 255 &&
                std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
    return fits ? text : "-";
}

std::string upper(std::string_view name) {
    std::string out(name);
    for (auto& c : out) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return out;
}

/// A value of several lines has its length before it: eight bytes, the least first.
void add_field(std::string& to, std::string_view name, std::string_view value) {
    to += name;
    if (value.find('\n') == value.npos) {
        to += '=';
    } else {
        to += '\n';
        for (int shift = 0; shift < 64; shift += 8) to += static_cast<char>(value.size() >> shift & 0xff);
    }
    to += value;
    to += '\n';
}

}  // namespace

std::string syslog_record(const Message& message, const Sender& sender, uint8_t facility) {
    const auto& event = message.worst();
    // 32473 is the enterprise number for examples (RFC 5612); weir has none of its own.
    auto record = fmt::format("<{}>1 {} {} weir {} {} [weir@32473",
                              facility * 8 + level_of(message.severity()), control::time_text(event.at),
                              header_field(sender.node), sender.pid, model::to_text(event.kind));
    for (const auto& [name, value] : parts_of(message, sender))
        record += fmt::format(" {}={}", name, in_quotes(value));
    return shorten(record + "] " + one_line(whole_text(message, "; ")), kMostRecord);
}

std::string local_syslog_record(const Message& message, const Sender& sender, uint8_t facility) {
    auto at = std::chrono::system_clock::to_time_t(message.worst().at);
    std::tm parts{};
    localtime_r(&at, &parts);
    char time[32];
    std::strftime(time, sizeof time, "%b %e %T", &parts);
    auto record = fmt::format("<{}>{} weir[{}]: {}: {}", facility * 8 + level_of(message.severity()), time,
                              sender.pid, sender.alert, one_line(whole_text(message, "; ")));
    return shorten(record, kMostRecord);
}

std::string journal_record(const Message& message, const Sender& sender) {
    std::string record;
    add_field(record, "MESSAGE", shorten(whole_text(message, "\n"), kMostJournal));
    add_field(record, "MESSAGE_ID", kMessageId);
    add_field(record, "PRIORITY", std::to_string(level_of(message.severity())));
    add_field(record, "SYSLOG_IDENTIFIER", "weir");
    add_field(record, "WEIR_EVENT", model::to_text(message.worst().kind));
    for (const auto& [name, value] : parts_of(message, sender))
        add_field(record, "WEIR_" + upper(name), value);
    return record;
}

}  // namespace weir::alert
