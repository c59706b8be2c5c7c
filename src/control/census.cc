#include "control/census.h"

#include <algorithm>
#include <boost/json.hpp>
#include <tuple>

namespace weir::control {
namespace {

namespace json = boost::json;

/// What all backends of one frontend have together.
struct Sum {
    uint64_t flows = 0;
    double weight = 0;
};

struct Part {
    engine::FlowStates flows;
    double by_weight = 0;  // how many of the service's flows these weights would have placed here
};

using Sums = std::map<model::FrontendKey, Sum>;
using Parts = std::map<std::pair<std::string_view, net::Ip>, Part>;

Sums sums_of(const std::vector<BackendRow>& rows) {
    Sums sums;
    for (const auto& row : rows) {
        auto& sum = sums[row.key.frontend];
        sum.flows += row.traffic.flows.total();
        sum.weight += effective_weight(row.target);
    }
    return sums;
}

Parts parts_of(const std::vector<BackendRow>& rows) {
    auto sums = sums_of(rows);
    Parts parts;
    for (const auto& row : rows) {
        auto& part = parts[{row.service, row.key.backend}];
        part.flows += row.traffic.flows;
        const auto& sum = sums.at(row.key.frontend);
        if (sum.weight > 0)
            part.by_weight += static_cast<double>(sum.flows) * effective_weight(row.target) / sum.weight;
    }
    return parts;
}

bool matches(const Parts::value_type& part, const CensusQuestion& question) {
    const auto& [service, backend] = part.first;
    return (question.service.empty() || service == question.service) &&
           (!question.backend || backend == *question.backend) && part.second.flows.total() > 0;
}

bool is_before(const FlowHolder& one, const FlowHolder& other) {
    auto rank = [](const FlowHolder& holder) { return std::tie(holder.service, holder.backend); };
    auto flows = one.flows.total(), others = other.flows.total();
    return flows != others ? flows > others : rank(one) < rank(other);
}

void add_states(json::object& to, const engine::FlowStates& flows) {
    to["new"] = flows.begun;
    to["established"] = flows.established;
    to["closing"] = flows.closing;
    to["datagram"] = flows.datagram;
}

}  // namespace

Census census(const StatusReport& report, const CensusQuestion& question) {
    auto parts = parts_of(report.backends);
    std::map<std::string_view, uint64_t> services;
    uint64_t found = 0;
    for (const auto& [of, part] : parts) {
        services[of.first] += part.flows.total();
        found += part.flows.total();
    }
    auto all = report.flow_table.flows.total();
    Census census{report.flow_table, all - std::min(all, found), 0, {}};
    for (const auto& each : parts) {
        if (!matches(each, question)) continue;
        const auto& [of, part] = each;
        auto whole = static_cast<double>(services.at(of.first));
        census.holders.push_back({std::string(of.first), of.second, part.flows,
                                  static_cast<double>(part.flows.total()) / whole, part.by_weight / whole});
    }
    census.matching = census.holders.size();
    std::ranges::sort(census.holders, is_before);
    if (census.matching > question.limit) census.holders.resize(question.limit);
    return census;
}

json::object census_json(const Census& census) {
    const auto& seen = census.table;
    json::object table{{"capacity", seen.capacity}, {"used", seen.used}};
    add_states(table, seen.flows);
    table["sources"] = seen.sources;
    table["left_behind"] = census.left_behind;
    table["full_total"] = seen.full_total;
    table["evicted_total"] = seen.evicted_total;
    table["nat_capacity"] = seen.nat_capacity;
    table["nat_used"] = seen.nat_used;
    json::array holders;
    for (const auto& holder : census.holders) {
        json::object row{{"service", holder.service},
                         {"address", holder.backend.text()},
                         {"flows_active", holder.flows.total()}};
        add_states(row, holder.flows);
        row["share"] = holder.share;
        row["share_by_weight"] = holder.by_weight;
        holders.push_back(std::move(row));
    }
    return {
        {"flow_table", std::move(table)}, {"matching", census.matching}, {"backends", std::move(holders)}};
}

}  // namespace weir::control
