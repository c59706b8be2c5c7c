#include "cli/token_list.h"

#include <charconv>

namespace weir::cli {
namespace {

constexpr std::string_view kSpace = " \t\r";
constexpr size_t kLongestExcerpt = 60;

std::string_view take_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    auto word = text.substr(0, text.find_first_of(kSpace));
    text.remove_prefix(word.size());
    return word;
}

/// For messages: what terminals can show of it.
std::string excerpt(std::string_view text) {
    std::string shown;
    for (char c : text.substr(0, kLongestExcerpt)) shown += c >= 0x20 && c < 0x7f ? c : '?';
    return text.size() > kLongestExcerpt ? shown + "…" : shown;
}

Result<uint32_t> read_weight(std::string_view text) {
    uint32_t weight = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
    if (error != std::errc{} || end != text.data() + text.size() || weight > kMostTokenWeight)
        return fail("'{}' is no weight; write a number from 0 to {}", excerpt(text), kMostTokenWeight);
    return weight;
}

}  // namespace

Result<Token> read_token(std::string_view line) {
    constexpr std::string_view kWeight = "weight=";
    auto address = take_word(line);
    auto endpoint = net::Endpoint::parse(address);
    if (!endpoint) return fail("'{}' is no ADDRESS:PORT or [IPv6]:PORT", excerpt(address));
    if (endpoint->address.is_unspecified() || endpoint->address.is_multicast())
        return fail("nobody can be reached at {}", endpoint->text());
    Token token{*endpoint};
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
        if (!word.starts_with(kWeight)) continue;  // a tag: it is somebody else's
        auto weight = read_weight(word.substr(kWeight.size()));
        if (!weight) return propagate(weight);
        token.weight = *weight;
    }
    return token;
}

void ListReader::read(std::string_view text) {
    while (!text.empty()) {
        auto end = text.find('\n');
        line_ += text.substr(0, std::min(end, kLongestLine + 1 - std::min(line_.size(), kLongestLine + 1)));
        if (end == text.npos) return;
        read_line();
        text.remove_prefix(end + 1);
    }
}

void ListReader::end() {
    if (!line_.empty()) read_line();
    if (!list_.empty() || is_spoilt_) finish();
}

void ListReader::read_line() {
    auto line = std::exchange(line_, {});
    auto number = number_++;
    auto content = std::string_view(line).substr(0, line.find('#'));
    if (content.find_first_not_of(kSpace) == content.npos) {
        if (content.size() == line.size() && line.size() <= kLongestLine) finish();
        return;
    }
    auto token =
        line.size() > kLongestLine ? fail("a line of more than {} bytes", kLongestLine) : read_token(content);
    if (token && list_.size() == kMostTokens && !places_.contains(token->to))
        token = fail("a list of more than {} tokens", kMostTokens);
    if (token) return add(*token);
    is_spoilt_ = true;
    complain_(number, token.error());
}

/// Who stands there twice is one, as he was told of last.
void ListReader::add(const Token& token) {
    auto [place, is_new] = places_.try_emplace(token.to, list_.size());
    if (is_new)
        list_.push_back(token);
    else
        list_[place->second] = token;
}

void ListReader::finish() {
    bool says_nothing = std::exchange(is_spoilt_, false) && list_.empty();
    places_.clear();
    if (!says_nothing) take_(std::exchange(list_, {}));
}

}  // namespace weir::cli
