// How backends are written where a source finds them as text: see "Values" in doc/discovery.md. Pure.
#pragma once

#include <boost/json/fwd.hpp>
#include <string_view>

#include "base/result.h"
#include "discovery/source.h"

namespace weir::discovery {

/// One backend: `10.0.0.1`, `10.0.0.1:80`, `[2001:db8::1]:80`, `2001:db8::1`, or a JSON object such as
/// `{"address": "10.0.0.1", "port": 80, "weight": 2, "priority": 0, "tags": ["blue"]}`, whose address may
/// have the port, too.
Result<Found> read_value(std::string_view text);
Result<Found> read_value(const boost::json::value& value);

/// Adds it, or why it is none, to the set. `where`: it stood, as the operator knows it.
void take(const Result<Found>& found, std::string_view where, Set& into);

/// The same of what read_value() makes of the text.
void take_value(std::string_view text, std::string_view where, Set& into);

/// Several of them: a JSON or YAML list, or a backend a line, where empty lines and what follows a '#' do not
/// count. Behind a line's address may stand `weight=2` and `priority=1`, and tags.
Set read_values(std::string_view text, std::string_view where);

/// The same; fails where something stands there but no backend, as that does not say what there is.
Result<Set> read_list(std::string_view text, std::string_view where);

/// For messages: one line of bounded length.
std::string excerpt(std::string_view text);

/// An address that packets can be sent to, from outside.
Status check_address(const net::Ip& address);

constexpr uint32_t kMostWeight = 1000;
constexpr size_t kMostMembers = 65536;           // of a set; what is above is refused
constexpr size_t kMostLooks = 2 * kMostMembers;  // at what may be one; the rest is garbage or too many
constexpr size_t kMostRefused = 100;             // are told of
constexpr size_t kMostTags = 64;                 // of a backend
constexpr size_t kLongestTag = 255;
constexpr size_t kLongestList = 16 << 20;  // bytes

}  // namespace weir::discovery
