// What a webhook's server answered. Pure.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <optional>
#include <string_view>

#include "alert/sink.h"

namespace weir::alert {

/// An HTTP answer as it comes in, in pieces.
class Answer {
  public:
    Answer() { start(); }

    /// True once there is nothing more to wait for: it is whole, too long, or no HTTP.
    bool take(std::string_view bytes);

    bool has_status() const { return parser_->is_header_done() && status() / 100 != 1; }

    /// What it means for the message, if it ends here.
    Delivery judge(std::chrono::system_clock::time_point now) const;

  private:
    using Parser = boost::beast::http::response_parser<boost::beast::http::string_body>;
    void start();
    unsigned status() const { return parser_->get().result_int(); }
    std::string failure() const;

    std::optional<Parser> parser_;
    boost::beast::flat_buffer received_;
    boost::system::error_code code_;
};

/// Retry-After (RFC 9110, 10.2.3): seconds, or a date.
std::optional<std::chrono::seconds> retry_after(std::string_view text,
                                                std::chrono::system_clock::time_point now);

}  // namespace weir::alert
