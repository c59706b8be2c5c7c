// Lists of tokens as text: `ADDRESS:PORT` a line, or `ADDRESS:PORT weight=N`; what follows a '#' does not
// count. A blank line ends a list, and so does the end of the text. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/ip.h"

namespace weir::cli {

struct Token {
    net::Endpoint to;
    uint32_t weight = 1;  // 0 … kMostTokenWeight

    bool operator==(const Token&) const = default;
};

using TokenList = std::vector<Token>;  // each endpoint once

constexpr uint32_t kMostTokenWeight = 1000;
constexpr size_t kMostTokens = 65536;  // of a list; those behind are refused
constexpr size_t kLongestLine = 1024;

/// One line, which is not blank.
Result<Token> read_token(std::string_view line);

/// Lists out of text that comes in pieces.
class ListReader {
  public:
    /// `take` gets each list when it ends. `complain` gets what is no token, with the number of its line from
    /// 1. A list of nothing but such lines says nothing, and is not taken.
    ListReader(std::function<void(TokenList)> take, std::function<void(size_t line, const Error&)> complain)
        : take_(std::move(take)), complain_(std::move(complain)) {}

    void read(std::string_view text);
    /// There is no more: what is there is a list, if anything is.
    void end();

  private:
    void read_line();
    void finish();
    void add(const Token& token);

    std::function<void(TokenList)> take_;
    std::function<void(size_t, const Error&)> complain_;
    std::string line_;  // up to now; no more of it than is looked at
    size_t number_ = 1;
    TokenList list_;
    std::map<net::Endpoint, size_t> places_;  // in the list
    bool is_spoilt_ = false;                  // there was something that is no token
};

}  // namespace weir::cli
