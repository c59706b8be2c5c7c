#include "discovery/consul_answer.h"

#include <boost/json.hpp>
#include <charconv>

#include "discovery/http_client.h"
#include "discovery/value.h"

namespace weir::discovery::consul {
namespace {

namespace json = boost::json;

std::string_view text_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

/// As Consul writes it; 0 where there is none.
int64_t number_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_int64() ? value->get_int64() : 0;
}

const json::object* object_in(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value ? value->if_object() : nullptr;
}

std::vector<std::string> tags_of(const json::object& service) {
    std::vector<std::string> tags;
    const auto* list = service.if_contains("Tags");
    if (!list || !list->is_array()) return tags;
    for (const auto& tag : list->get_array())
        if (tag.is_string()) tags.emplace_back(tag.get_string());
    return tags;
}

Result<Found> read_instance(const json::object& service, const json::object* node) {
    auto address = text_in(service, "Address");
    if (address.empty() && node) address = text_in(*node, "Address");
    auto found = read_value(address);
    if (!found) return found;
    auto port = number_in(service, "Port");
    if (port < 0 || port > 65535) return fail("its port is {}", port);
    if (port > 0) found->port = net::Port(static_cast<uint16_t>(port));
    if (const auto* weights = object_in(service, "Weights"))
        found->weight = static_cast<uint32_t>(
            std::clamp<int64_t>(number_in(*weights, "Passing"), 0, int64_t{kMostWeight}));
    found->tags = tags_of(service);
    return found;
}

}  // namespace

std::string target_of(const Question& question) {
    auto target = fmt::format("{}/v1/health/service/{}?passing=true", question.base,
                              escape_for_query(question.service));
    for (const auto& tag : question.tags) target += "&tag=" + escape_for_query(tag);
    if (!question.datacenter.empty()) target += "&dc=" + escape_for_query(question.datacenter);
    return target;
}

Result<Set> read_instances(std::string_view answer) {
    boost::system::error_code error;
    auto value = json::parse(answer, error);
    if (error || !value.is_array()) return fail("its answer is not Consul's: '{}'", excerpt(answer));
    Set set;
    size_t number = 0;
    for (const auto& item : value.get_array()) {
        ++number;
        const auto* object = item.if_object();
        const auto* service = object ? object_in(*object, "Service") : nullptr;
        if (!service) return fail("its answer is not Consul's: '{}'", excerpt(answer));
        auto id = text_in(*service, "ID");
        auto where = id.empty() ? fmt::format("item {}", number) : fmt::format("instance {}", excerpt(id));
        take(read_instance(*service, object_in(*object, "Node")), where, set);
    }
    return set;
}

uint64_t next_index(uint64_t former, std::string_view header) {
    uint64_t index = 0;
    auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), index);
    if (error != std::errc{} || end != header.data() + header.size() || index < former) return 0;
    return index;
}

}  // namespace weir::discovery::consul
