#include "alert/answer.h"

#include <gtest/gtest.h>

namespace weir::alert {
namespace {

using namespace std::chrono_literals;

const std::chrono::system_clock::time_point kNow{784'111'777s};  // Sun, 06 Nov 1994 08:49:37 GMT

Delivery after(std::string_view text) {
    Answer answer;
    answer.take(text);
    return answer.judge(kNow);
}

TEST(Answer, OfTwoHundredOrSoIsADelivery) {
    for (auto status : {"200 OK", "202 Accepted", "204 No Content"})
        EXPECT_EQ(after(fmt::format("HTTP/1.1 {}\r\nContent-Length: 0\r\n\r\n", status)), Delivery{})
            << status;
}

TEST(Answer, MayComeByteByByte) {
    Answer answer;
    constexpr std::string_view kText =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nohno";
    for (size_t i = 0; i < kText.size(); ++i)
        EXPECT_EQ(answer.take(kText.substr(i, 1)), i + 1 == kText.size()) << i;
    EXPECT_EQ(answer.judge(kNow), (Delivery{"HTTP 500: ohno", true}));
}

TEST(Answer, OfAnErrorIsTriedAgainWhereThatMayHelp) {
    for (int status : {408, 429, 500, 503})
        EXPECT_EQ(after(fmt::format("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", status)),
                  (Delivery{fmt::format("HTTP {}", status), true}));
    for (int status : {301, 304, 400, 401, 404, 410})
        EXPECT_EQ(after(fmt::format("HTTP/1.1 {} x\r\nContent-Length: 0\r\n\r\n", status)),
                  (Delivery{fmt::format("HTTP {}", status), false}));
}

TEST(Answer, SaysHowLongToWait) {
    EXPECT_EQ(after("HTTP/1.1 429 x\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"),
              (Delivery{"HTTP 429", true, 30s}));
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:50:00 GMT", kNow), 23s);
    EXPECT_EQ(retry_after("Sun, 06 Nov 1994 08:40:00 GMT", kNow), 0s);
    for (auto text : {"", "-1", "1.5", "soon", "Sun, 06 Nov 1994"})
        EXPECT_EQ(retry_after(text, kNow), std::nullopt) << text;
}

TEST(Answer, CountsByItsStatusThoughTheBodyIsCutOff) {
    EXPECT_TRUE(after("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").ok());
    EXPECT_TRUE(after("HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x')).ok());
}

TEST(Answer, ThatIsNoneIsAFailure) {
    EXPECT_EQ(after(""), (Delivery{"connection closed before an answer", true}));
    EXPECT_EQ(after("HTTP/1.1 200 OK\r\nConte"), (Delivery{"connection closed before an answer", true}));
    EXPECT_EQ(after("HTTP/1.1 100 Continue\r\n\r\n"), (Delivery{"connection closed before an answer", true}));
    EXPECT_EQ(after("SSH-2.0-OpenSSH\r\n\r\n"), (Delivery{"not an HTTP answer: bad version", true}));
    EXPECT_FALSE(after("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')).ok());
}

}  // namespace
}  // namespace weir::alert
