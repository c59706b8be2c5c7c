#include "alert/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <charconv>
#include <ctime>

#include "alert/text.h"

namespace weir::alert {

namespace http = boost::beast::http;

namespace {

constexpr size_t kMostHeader = size_t{16} * 1024;
constexpr size_t kMostBody = size_t{64} * 1024;
constexpr size_t kShown = 200;  // of the body, in a failure's text

}  // namespace

void Answer::start() {
    parser_.emplace();
    parser_->header_limit(kMostHeader);
    parser_->body_limit(kMostBody);
    parser_->eager(true);
}

bool Answer::take(std::string_view bytes) {
    auto room = received_.prepare(bytes.size());
    std::ranges::copy(bytes, static_cast<char*>(room.data()));
    received_.commit(bytes.size());
    while (received_.size() > 0 && !parser_->is_done()) {
        received_.consume(parser_->put(received_.data(), code_));
        if (code_ == http::error::need_more) {
            code_ = {};
            return false;
        }
        if (code_) return true;
        if (parser_->is_done() && !has_status()) start();  // an interim answer
    }
    return parser_->is_done();
}

std::string Answer::failure() const {
    auto text = fmt::format("HTTP {}", status());
    auto said = one_line(shorten(parser_->get().body(), kShown));
    return said.empty() ? text : fmt::format("{}: {}", text, said);
}

Delivery Answer::judge(std::chrono::system_clock::time_point now) const {
    if (!has_status())
        return {code_ ? fmt::format("not an HTTP answer: {}", code_.message())
                      : "connection closed before an answer"};
    if (status() / 100 == 2) return {};
    bool again = status() == 429 || status() == 408 || status() / 100 == 5;
    Delivery failed{failure(), again};
    auto asked = parser_->get()[http::field::retry_after];
    if (again) failed.wait = retry_after({asked.data(), asked.size()}, now);
    return failed;
}

std::optional<std::chrono::seconds> retry_after(std::string_view text,
                                                std::chrono::system_clock::time_point now) {
    int64_t seconds = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error == std::errc{} && end == text.data() + text.size())
        return seconds >= 0 ? std::optional(std::chrono::seconds(seconds)) : std::nullopt;
    std::tm date{};
    std::string copy(text);
    const char* rest = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (!rest || *rest != '\0') return std::nullopt;
    auto wait = std::chrono::system_clock::from_time_t(::timegm(&date)) - now;
    return std::chrono::ceil<std::chrono::seconds>(std::max(wait, wait.zero()));
}

}  // namespace weir::alert
