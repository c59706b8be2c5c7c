// A line of klb's configuration, taken from left to right. The syntax is that of CM4all's libcommon: words,
// values that are bare or quoted without escapes, paths and variables' values that are quoted with escapes.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"

namespace weir::config::klb {

using Variables = std::map<std::string, std::string, std::less<>>;

template <class T>
using Read = std::expected<T, Mistake>;

struct Token {
    std::string text;
    Place at;
};

class Line {
  public:
    static constexpr size_t kLongest = 64 << 10;  // with its variables

    /// `number` counts from 1. White space at the ends is not part of it.
    Line(std::string_view text, int number);

    bool ended() const { return at_ == text_.size(); }
    bool next_is(char c) const { return !ended() && text_[at_] == c; }
    /// Of what comes next, in the file: variables do not move it.
    Place place() const;
    std::unexpected<Mistake> mistake(std::string message) const;

    /// Puts the variables' values in: `${name}` between double quotes is the value, outside of quotes the
    /// value in single quotes, and between single quotes it is nothing special.
    Read<void> expand(const Variables& variables);

    /// Each takes what it finds, and the white space behind it; a word must have some, or be the last.
    bool take(std::string_view word);
    bool take(char symbol);
    Read<Token> word();
    /// What stands before `=`.
    Read<Token> name();
    Read<Token> value();
    Read<Token> quoted();
    Read<void> end() const;

  private:
    Read<void> expand_into(Line& out, size_t end, const Variables& variables, std::string_view around);
    void append(std::string_view text, int column);
    void skip_white();
    Read<Token> bare();

    std::string text_;
    std::vector<int> columns_;  // of each byte, and of the end
    int number_;
    size_t at_ = 0;
};

}  // namespace weir::config::klb
