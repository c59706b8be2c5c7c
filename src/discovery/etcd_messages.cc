#include "discovery/etcd_messages.h"

#include <openssl/evp.h>

#include <boost/json.hpp>
#include <charconv>

#include "discovery/value.h"

namespace weir::discovery::etcd {
namespace {

namespace json = boost::json;

Result<json::object> parse_object(std::string_view text) {
    boost::system::error_code error;
    auto value = json::parse(text, error);
    if (error || !value.is_object()) return fail("its answer is not etcd's: '{}'", excerpt(text));
    return std::move(value.get_object());
}

/// A field's string; "" where there is none.
std::string_view text_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

bool flag_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_bool() && value->get_bool();
}

/// In quotes or not; 0 where there is none.
int64_t number_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    if (value && value->is_int64()) return value->get_int64();
    int64_t number = 0;
    auto text = text_in(object, name);
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

const json::object* object_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? value->if_object() : nullptr;
}

/// No list is an empty one.
json::array list_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_array() ? value->get_array() : json::array();
}

int64_t revision_of(const json::object& answer) {
    const auto* header = object_in(answer, "header");
    return header ? number_in(*header, "revision") : 0;
}

Result<KeyValue> read_pair(const json::object& pair) {
    auto key = from_base64(text_in(pair, "key"));
    if (!key) return propagate(key, "a key");
    auto value = from_base64(text_in(pair, "value"));
    if (!value) return propagate(value, "a value");
    return KeyValue{*std::move(key), *std::move(value)};
}

Result<Change> read_change(const json::value& event) {
    const auto* object = event.if_object();
    const auto* pair = object ? object_in(*object, "kv") : nullptr;
    if (!pair) return fail("an event without a key: '{}'", excerpt(json::serialize(event)));
    auto read = read_pair(*pair);
    if (!read) return propagate(read);
    Change change{.key = std::move(read->key), .value = {}, .revision = number_in(*pair, "mod_revision")};
    if (text_in(*object, "type") != "DELETE") change.value = std::move(read->value);
    return change;
}

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a zero
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                    reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.pop_back();
    return out;
}

Result<std::string> from_base64(std::string_view text) {
    std::string out(text.size() / 4 * 3, '\0');
    if (text.empty()) return out;
    // EVP_DecodeBlock would let blanks through.
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    auto digits = std::min(text.find_first_not_of(kDigits), text.size());
    auto pads = text.size() - digits;
    bool whole =
        text.size() % 4 == 0 && pads <= 2 && text.substr(digits) == std::string_view("==").substr(0, pads);
    int size = !whole ? -1
                      : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                        reinterpret_cast<const unsigned char*>(text.data()),
                                        static_cast<int>(text.size()));
    if (size < 0) return fail("'{}' is not base64", excerpt(text));
    out.resize(static_cast<size_t>(size) - pads);  // it counts what is filled up, too
    return out;
}

std::string end_of(std::string_view prefix) {
    std::string end(prefix);
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (end.empty()) return {'\0', 1};  // all keys from the first on
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return end;
}

std::string range_request(std::string_view first, std::string_view end, size_t most, int64_t revision) {
    json::object request{{"key", to_base64(first)}, {"range_end", to_base64(end)}, {"limit", most}};
    if (revision > 0) request["revision"] = revision;
    return json::serialize(request);
}

Result<Range> read_range(std::string_view answer) {
    auto object = parse_object(answer);
    if (!object) return propagate(object);
    Range range{.revision = revision_of(*object), .more = flag_in(*object, "more")};
    if (range.revision <= 0) return fail("its answer is not etcd's: '{}'", excerpt(answer));
    for (const auto& item : list_in(*object, "kvs")) {
        if (!item.is_object()) return fail("a key that is none: '{}'", excerpt(json::serialize(item)));
        auto pair = read_pair(item.get_object());
        if (!pair) return propagate(pair);
        range.pairs.push_back(*std::move(pair));
    }
    return range;
}

std::string watch_request(std::string_view prefix, int64_t revision) {
    return json::serialize(
        json::object{{"create_request", json::object{{"key", to_base64(prefix)},
                                                     {"range_end", to_base64(end_of(prefix))},
                                                     {"start_revision", revision},
                                                     {"progress_notify", true}}}});
}

Result<Notice> read_notice(const json::value& message) {
    const auto* whole = message.if_object();
    if (const auto* error = whole ? object_in(*whole, "error") : nullptr)
        return fail("{}", excerpt(text_in(*error, "message")));
    const auto* result = whole ? object_in(*whole, "result") : nullptr;
    if (!result) return fail("its message is not etcd's: '{}'", excerpt(json::serialize(message)));
    Notice notice{.revision = revision_of(*result),
                  .created = flag_in(*result, "created"),
                  .canceled = flag_in(*result, "canceled"),
                  .compacted = number_in(*result, "compact_revision"),
                  .reason = excerpt(text_in(*result, "cancel_reason"))};
    for (const auto& event : list_in(*result, "events")) {
        auto change = read_change(event);
        if (!change) return propagate(change);
        notice.changes.push_back(*std::move(change));
    }
    return notice;
}

std::string login_request(std::string_view user, std::string_view password) {
    return json::serialize(json::object{{"name", user}, {"password", password}});
}

Result<std::string> read_token(std::string_view answer) {
    auto object = parse_object(answer);
    if (!object) return propagate(object);
    auto token = text_in(*object, "token");
    if (token.empty()) return fail("its answer has no token");
    return std::string(token);
}

std::string read_complaint(std::string_view answer) {
    auto object = parse_object(answer);
    if (!object) return "";
    auto text = text_in(*object, "error");
    return excerpt(text.empty() ? text_in(*object, "message") : text);
}

}  // namespace weir::discovery::etcd
