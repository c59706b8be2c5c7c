// What is said to etcd and what it answers, as JSON (the gateway of its API v3: the messages of rpc.proto by
// protobuf's JSON mapping; bytes are in base64, 64-bit numbers in quotes, and what is zero is left out).
// Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::discovery::etcd {

std::string to_base64(std::string_view bytes);
Result<std::string> from_base64(std::string_view text);

/// The first key behind all that begin with the prefix, which is not empty.
std::string end_of(std::string_view prefix);

/// Keys from `first` to before `end`, as they were at a revision; at 0, as they are.
std::string range_request(std::string_view first, std::string_view end, size_t most, int64_t revision);

struct KeyValue {
    std::string key;
    std::string value;
};
struct Range {
    int64_t revision = 0;  // of the store when it answered
    bool more = false;     // there are than were asked for
    std::vector<KeyValue> pairs{};
};
Result<Range> read_range(std::string_view answer);

/// All changes to keys with the prefix from that revision on.
std::string watch_request(std::string_view prefix, int64_t revision);

struct Change {
    std::string key;
    std::optional<std::string> value;  // nothing: it is deleted
    int64_t revision = 0;
};
/// A message of a watch.
struct Notice {
    int64_t revision = 0;  // of the store
    bool created = false;  // the watch has begun
    bool canceled = false;
    int64_t compacted = 0;  // the oldest revision that can be watched, where the asked one was older
    std::string reason{};   // of the cancellation
    std::vector<Change> changes{};

    /// Everything up to the revision has been told.
    bool is_progress() const { return !created && !canceled && changes.empty(); }
};
Result<Notice> read_notice(const boost::json::value& message);

std::string login_request(std::string_view user, std::string_view password);
/// What shows in later requests who asks.
Result<std::string> read_token(std::string_view answer);

/// What an answer that is none says; "" where it says nothing.
std::string read_complaint(std::string_view answer);

}  // namespace weir::discovery::etcd
