#include "alert/record.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <ctime>
#include <map>

#include "alert/sample.h"

namespace weir::alert {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::string_literals;

TEST(SyslogRecord, HasWhatItIsAboutAsStructuredData) {
    EXPECT_EQ(syslog_record(message_of({down()}), kSender, 3),
              "<28>1 2026-11-21T22:14:56.000Z lb1 weir 77 backend_down [weir@32473 alert=\"oncall\" id=\"1\" "
              "service=\"web\" backend=\"10.0.0.1\" vip=\"192.0.2.1\" port=\"80\" protocol=\"tcp\"] "
              "backend 10.0.0.1 is down");
}

TEST(SyslogRecord, HasTheSeverityAndTheFacility) {
    EXPECT_THAT(syslog_record(message_of({event(model::EventKind::plan_failed)}), kSender, 16),
                StartsWith("<131>1 "));
    EXPECT_THAT(syslog_record(message_of({up()}), kSender, 0), StartsWith("<6>1 "));
}

TEST(SyslogRecord, OfSeveralEventsHasThemAll) {
    auto record = syslog_record(message_of({up(2), down(1)}), kSender, 3);
    EXPECT_THAT(record, HasSubstr(" events=\"2\" service=\"web\" backend=\"10.0.0.1\" "));
    EXPECT_THAT(record, HasSubstr("] 2 events, the worst: backend 10.0.0.1 is down; backend 10.0.0.2 is up; "
                                  "backend 10.0.0.1 is down"));
}

TEST(SyslogRecord, IsOneLineOfBoundedLength) {
    auto record = syslog_record(
        message_of({event(model::EventKind::reload_refused, "a\nb" + std::string(5000, 'x'))}), kSender, 3);
    EXPECT_EQ(record.size(), 2048u);
    EXPECT_THAT(record, HasSubstr("] a bxxx"));
}

TEST(SyslogRecord, EscapesValuesAndLeavesOutANameThatDoesNotFit) {
    auto odd = down();
    odd.service = R"(a"b\c]d)";
    Sender sender = kSender;
    sender.node = "two words";
    auto record = syslog_record(message_of({odd}), sender, 3);
    EXPECT_THAT(record, HasSubstr(R"( service="a\"b\\c\]d" )"));
    EXPECT_THAT(record, HasSubstr("Z - weir 77 "));
}

TEST(LocalSyslogRecord, IsAsTheCLibraryWritesIt) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    EXPECT_EQ(local_syslog_record(message_of({down()}), kSender, 3),
              "<28>Nov 21 22:14:56 weir[77]: oncall: backend 10.0.0.1 is down");
}

/// What journald makes of a record.
std::map<std::string, std::string> fields_of(std::string_view record) {
    std::map<std::string, std::string> fields;
    while (!record.empty()) {
        auto end = record.find_first_of("=\n");
        auto name = std::string(record.substr(0, end));
        bool is_line = record[end] == '=';
        record.remove_prefix(end + 1);
        size_t size = record.find('\n');
        if (!is_line) {
            size = 0;
            for (size_t i = 0; i < 8; ++i)
                size |= static_cast<size_t>(static_cast<unsigned char>(record[i])) << 8 * i;
            record.remove_prefix(8);
        }
        fields[name] = record.substr(0, size);
        EXPECT_EQ(record.at(size), '\n');
        record.remove_prefix(size + 1);
    }
    return fields;
}

TEST(JournalRecord, HasAFieldForEachPart) {
    EXPECT_EQ(fields_of(journal_record(message_of({down()}), kSender)),
              (std::map<std::string, std::string>{{"MESSAGE", "backend 10.0.0.1 is down"},
                                                  {"MESSAGE_ID", "d54caf8618d847e1b0edb0a046a0c696"},
                                                  {"PRIORITY", "4"},
                                                  {"SYSLOG_IDENTIFIER", "weir"},
                                                  {"WEIR_EVENT", "backend_down"},
                                                  {"WEIR_ALERT", "oncall"},
                                                  {"WEIR_ID", "1"},
                                                  {"WEIR_SERVICE", "web"},
                                                  {"WEIR_BACKEND", "10.0.0.1"},
                                                  {"WEIR_VIP", "192.0.2.1"},
                                                  {"WEIR_PORT", "80"},
                                                  {"WEIR_PROTOCOL", "tcp"}}));
}

TEST(JournalRecord, HasTheLengthBeforeSeveralLines) {
    auto record = journal_record(message_of({event(model::EventKind::reload_refused, "a\nb=c\n")}), kSender);
    EXPECT_THAT(record, StartsWith("MESSAGE\n\x06\0\0\0\0\0\0\0a\nb=c\n\nMESSAGE_ID="s));
    EXPECT_EQ(
        fields_of(journal_record(message_of({up(1), down(2)}), kSender)).at("MESSAGE"),
        "2 events, the worst: backend 10.0.0.2 is down\nbackend 10.0.0.1 is up\nbackend 10.0.0.2 is down");
}

}  // namespace
}  // namespace weir::alert
