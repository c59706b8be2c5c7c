// Any text as a list of backends (discovery/value.h), and as a stream of them (discovery/lists.h), which
// comes in pieces: the first byte says of what size.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "discovery/lists.h"
#include "discovery/value.h"

namespace {

using namespace weir::discovery;

void require(bool holds) {
    if (!holds) std::abort();
}

bool is_one_line(const std::string& text) {
    return text.find_first_of("\r\n") == text.npos;
}

void check(const Set& set) {
    require(set.members.size() <= kMostMembers);
    require(set.refused.size() <= kMostRefused + 1);
    for (const auto& found : set.members) {
        require(check_address(found.address).has_value());
        require(found.weight <= kMostWeight);
        require(found.tags.size() <= kMostTags);
        // What is found is found again in what says it.
        auto text =
            found.port ? weir::net::Endpoint{found.address, *found.port}.text() : found.address.text();
        auto again = read_value(text);
        require(again && again->address == found.address && again->port == found.port);
    }
    for (const auto& why : set.refused) require(!why.empty() && is_one_line(why) && why.size() < 1000);
}

/// However the stream is cut, the same lists come out of it.
std::vector<std::string> lists_in(std::string_view text, size_t piece) {
    std::vector<std::string> all;
    Lists lists(1 << 16);
    while (!text.empty()) {
        auto take = text.substr(0, piece);
        if (!lists.take(take, [&](std::string_view list) { all.emplace_back(list); })) break;
        text.remove_prefix(take.size());
    }
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    const size_t piece = data[0] + 1u;
    std::string text(reinterpret_cast<const char*>(data + 1), size - 1);  // of just this size
    auto set = read_values(text, "list");
    check(set);
    auto list = read_list(text, "list");
    require(list ? *list == set : set.members.empty() && !set.refused.empty());
    require(lists_in(text, piece) == lists_in(text, text.size() + 1));
    return 0;
}
