#include "config/klb/line.h"

#include <algorithm>

#include "config/reader.h"

namespace weir::config::klb {
namespace {

bool is_white(char c) {
    return c > 0 && c <= ' ';
}

bool is_letter_of_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_bare(char c) {
    return is_letter_of_word(c) || c == '.' || c == '-' || c == ':';
}

bool is_quote(char c) {
    return c == '"' || c == '\'';
}

/// What an escape stands for; 0 where it is none.
char escaped(char c) {
    if (c == 'n') return '\n';
    if (c == 'r') return '\r';
    return c == '\\' || is_quote(c) ? c : '\0';
}

/// How many of the first bytes are such.
size_t count_first(std::string_view text, bool (*such)(char)) {
    return static_cast<size_t>(std::ranges::find_if_not(text, such) - text.begin());
}

std::string no_such_variable(std::string_view name, const Variables& variables) {
    std::vector<std::string_view> known;
    for (const auto& [each, value] : variables) known.push_back(each);
    auto otherwise = fmt::format("write @set {}=\"…\" on a line before", name);
    return fmt::format("no variable '{}' is set; {}", name, suggest(name, known, otherwise));
}

}  // namespace

Line::Line(std::string_view text, int number) : number_(number) {
    const size_t begin = count_first(text, is_white);
    text = text.substr(begin);
    while (!text.empty() && is_white(text.back())) text.remove_suffix(1);
    text_ = text;
    columns_.resize(text.size() + 1);
    for (size_t i = 0; i < columns_.size(); i++) columns_[i] = static_cast<int>(begin + i + 1);
}

Place Line::place() const {
    return {number_, columns_[at_]};
}

std::unexpected<Mistake> Line::mistake(std::string message) const {
    return std::unexpected(Mistake{number_, columns_[at_], std::move(message)});
}

void Line::append(std::string_view text, int column) {
    text_ += text;
    columns_.insert(columns_.end(), text.size(), column);
}

/// Goes on to `end`, with `around` before and behind each value.
Read<void> Line::expand_into(Line& out, size_t end, const Variables& variables, std::string_view around) {
    while (at_ < end) {
        const std::string_view rest(text_.data() + at_, end - at_);
        if (!rest.starts_with("${")) {
            // Outside of quotes the next quote ends this stretch too.
            if (!around.empty() && is_quote(rest.front())) return {};
            out.append(rest.substr(0, 1), columns_[at_++]);
            continue;
        }
        const auto name = rest.substr(2, count_first(rest.substr(2), is_letter_of_word));
        if (name.empty()) return mistake("no name stands behind '${'; write it as in ${address}");
        if (!rest.substr(2 + name.size()).starts_with('}'))
            return mistake(fmt::format("'}}' is missing; write ${{{}}}", name));
        auto found = variables.find(name);
        if (found == variables.end()) return mistake(no_such_variable(name, variables));
        if (out.text_.size() + found->second.size() > kLongest)
            return mistake(fmt::format(
                "with its variables the line has more than {} bytes; write a shorter one", kLongest));
        out.append(around, columns_[at_]);
        out.append(found->second, columns_[at_]);
        out.append(around, columns_[at_]);
        at_ += name.size() + 3;
    }
    return {};
}

Read<void> Line::expand(const Variables& variables) {
    if (!text_.contains("${")) return {};
    Line out({}, number_);
    out.columns_.clear();
    while (!ended()) {
        if (auto done = expand_into(out, text_.size(), variables, "'"); !done) return done;
        if (ended()) break;
        const char quote = text_[at_];
        const size_t close = text_.find(quote, at_ + 1);
        out.append({&quote, 1}, columns_[at_++]);
        // In single quotes, and behind a quote that is not closed, everything stands for itself.
        if (quote == '\'' || close == text_.npos)
            while (at_ < std::min(close, text_.size())) out.append({&text_[at_], 1}, columns_[at_]), at_++;
        else if (auto done = expand_into(out, close, variables, {}); !done)
            return done;
        if (close != text_.npos) out.append({&quote, 1}, columns_[at_++]);
    }
    out.columns_.push_back(columns_.back());
    *this = std::move(out);
    return {};
}

void Line::skip_white() {
    at_ += count_first(std::string_view(text_).substr(at_), is_white);
}

bool Line::take(std::string_view word) {
    const auto rest = std::string_view(text_).substr(at_);
    if (!rest.starts_with(word) || (rest.size() > word.size() && !is_white(rest[word.size()]))) return false;
    at_ += word.size();
    skip_white();
    return true;
}

bool Line::take(char symbol) {
    if (!next_is(symbol)) return false;
    at_++;
    skip_white();
    return true;
}

Read<Token> Line::word() {
    const auto rest = std::string_view(text_).substr(at_);
    Token token{std::string(rest.substr(0, count_first(rest, is_letter_of_word))), place()};
    if (token.text.empty()) return mistake("no word stands here; write a directive such as 'service {'");
    if (!take(token.text)) {
        at_ += token.text.size();
        return mistake(
            fmt::format("no white space stands behind '{0}'; write some, as in '{0} …'", token.text));
    }
    return token;
}

Read<Token> Line::name() {
    const auto rest = std::string_view(text_).substr(at_);
    Token token{std::string(rest.substr(0, count_first(rest, is_letter_of_word))), place()};
    if (token.text.empty()) return mistake("no variable's name stands here; write @set NAME=\"VALUE\"");
    at_ += token.text.size();
    skip_white();
    if (!take('=')) return mistake(fmt::format("'=' is missing; write @set {}=\"VALUE\"", token.text));
    return token;
}

Read<Token> Line::bare() {
    const auto rest = std::string_view(text_).substr(at_);
    Token token{std::string(rest.substr(0, count_first(rest, is_bare))), place()};
    if (rest.empty()) return mistake("the value is missing; write one, in quotes");
    if (!take(token.text)) {
        at_ += token.text.size();
        return mistake("a value without quotes has only letters, digits and '_.:-'; write \"…\" around it");
    }
    return token;
}

Read<Token> Line::value() {
    if (ended() || !is_quote(text_[at_])) return bare();
    const size_t close = text_.find(text_[at_], at_ + 1);
    if (close == text_.npos) return mistake("this quote is not closed; write another at the value's end");
    if (close == at_ + 1) return mistake("the value is empty; write one, or leave the directive out");
    Token token{text_.substr(at_ + 1, close - at_ - 1), place()};
    at_ = close + 1;
    skip_white();
    return token;
}

Read<Token> Line::quoted() {
    if (ended() || !is_quote(text_[at_])) return mistake("no quoted text stands here; write \"…\"");
    Token token{{}, place()};
    size_t at = at_ + 1;
    for (; at < text_.size() && text_[at] != text_[at_]; at++) {
        char c = text_[at];
        if (c == '\\') {
            c = ++at < text_.size() ? escaped(text_[at]) : '\0';
            if (!c) {
                at_ = at - 1;
                return mistake("this is not an escape; write \\n, \\r, \\\\, \\' or \\\"");
            }
        }
        token.text += c;
    }
    if (at == text_.size()) return mistake("this quote is not closed; write another at the text's end");
    at_ = at + 1;
    skip_white();
    return token;
}

Read<void> Line::end() const {
    if (ended()) return {};
    return mistake(
        fmt::format("'{}' stands where the line should end; remove it, put a comment on a line of its own",
                    std::string_view(text_).substr(at_)));
}

}  // namespace weir::config::klb
