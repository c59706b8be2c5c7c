// Any bytes as what servers answer to the sources that ask over HTTP. The first says of which kind.
#include <boost/json.hpp>
#include <cstdlib>
#include <string_view>

#include "discovery/consul_answer.h"
#include "discovery/etcd_messages.h"
#include "discovery/http_client.h"
#include "discovery/json_items.h"
#include "discovery/json_stream.h"

namespace {

using namespace weir;
using namespace weir::discovery;

void require(bool holds) {
    if (!holds) std::abort();
}

void require(const Result<Set>& set) {
    require(set || !set.error().message.empty());
    if (!set) return;
    for (const auto& member : set->members)
        require(member.weight <= 1000 && !member.address.is_unspecified());
    for (const auto& why : set->refused) require(!why.empty());
}

/// The same values come of it in one piece and in two.
void read_stream(std::string_view text, size_t cut) {
    auto read = [&](size_t at) {
        JsonStream stream(1000);
        std::string values;
        auto take = [&](const boost::json::value& value) -> Status {
            if (auto notice = etcd::read_notice(value); !notice) require(!notice.error().message.empty());
            values += boost::json::serialize(value) + "\n";
            return {};
        };
        bool good = stream.put(text.substr(0, at), take) && stream.put(text.substr(at), take);
        return good ? values : "";
    };
    require(read(text.size()) == read(std::min(cut, text.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    switch (data[0] % 5) {
        case 0:
            if (auto range = etcd::read_range(text)) require(range->revision > 0);
            break;
        case 1:
            read_stream(text, data[1]);
            break;
        case 2:
            require(consul::read_instances(text));
            require(consul::next_index(5, text) != 1);
            break;
        case 3:
            require(read_items(text, {.lists = {"/items", "/endpoints", "/addresses"},
                                      .port = "/ports/0/port",
                                      .ready = "/conditions/ready"}));
            require(read_items(text, {.address = "/addr", .weight = "/score"}));
            break;
        default:
            if (auto bytes = etcd::from_base64(text)) require(etcd::to_base64(*bytes).size() == text.size());
            if (auto url = HttpUrl::parse(text)) require(url->target.starts_with('/') && !url->host.empty());
    }
    return 0;
}
