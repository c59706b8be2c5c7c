#include "bench/proxy_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>

#include "bench/measure.h"

namespace weir::bench {
namespace {

namespace json = boost::json;

struct About {
    const char* key;
    const char* name;
    int digits;
    bool less_is_better;
};

constexpr About kAbout[] = {
    {"bulk_1_gbits", "bulk, 1 stream, Gbit/s", 1, false},
    {"bulk_1_cpu_s_per_gb", "… its CPU s/GB", 3, true},
    {"bulk_16_gbits", "bulk, 16 streams, Gbit/s", 1, false},
    {"bulk_16_cpu_s_per_gb", "… their CPU s/GB", 3, true},
    {"connections_per_s", "connections/s, 64 at once", 0, false},
    {"exchange_p50_us", "64 B exchange, 1 connection, p50 µs", 0, true},
    {"exchange_p99_us", "… its p99 µs", 0, true},
    {"exchanges_per_s", "exchanges/s, 100 connections", 0, false},
    {"idle_connection_bytes", "idle connection, bytes", 0, true},
    {"udp_datagrams_per_s", "UDP, 64 B one way, datagrams/s", 0, false},
    {"udp_exchanges_per_s", "UDP, exchanges/s, 64 sessions", 0, false},
    {"udp_loss", "… of these lost", 4, true},
};
static_assert(std::size(kAbout) == kColumns);

const About& about(Column column) {
    return kAbout[static_cast<size_t>(column)];
}

/// The median, and within what four of five values lie.
std::string cell(const std::vector<double>& values, int digits) {
    if (values.empty()) return "–";
    auto text = fmt::format("{:.{}f}", quantile(values, .5), digits);
    if (values.size() > 1)
        text += fmt::format(" ({:.{}f}–{:.{}f})", quantile(values, .1), digits, quantile(values, .9), digits);
    return text;
}

json::object summary(const std::vector<double>& values) {
    return {{"median", quantile(values, .5)},
            {"p10", quantile(values, .1)},
            {"p90", quantile(values, .9)},
            {"rounds", json::array(values.begin(), values.end())}};
}

}  // namespace

/// reference/performance.md, parts 3 and 4. Of p99 only that weir is not behind.
const std::vector<Report::Target>& Report::targets() {
    static const std::vector<Kind> shipped{Kind::haproxy}, pipes{Kind::haproxy_pipes}, udp{Kind::nginx};
    static const std::vector<Kind> all{Kind::haproxy, Kind::haproxy_pipes, Kind::nginx};
    static const std::vector<Target> targets{
        {Column::bulk_1, Kind::weir, shipped, 1.3},  {Column::bulk_1_cost, Kind::weir, shipped, 0.5},
        {Column::bulk_16, Kind::weir, shipped, 1.3}, {Column::bulk_16_cost, Kind::weir, shipped, 0.5},
        {Column::bulk_1, Kind::weir, pipes, 0.97},   {Column::bulk_1_cost, Kind::weir, pipes, 1 / 0.97},
        {Column::bulk_16, Kind::weir, pipes, 0.97},  {Column::bulk_16_cost, Kind::weir, pipes, 1 / 0.97},
        {Column::connections, Kind::weir, all, 1.2}, {Column::p50, Kind::weir, all, 1},
        {Column::p50, Kind::weir_busy, all, 0.3},    {Column::p99, Kind::weir, all, 1},
        {Column::exchanges, Kind::weir, all, 1.15},  {Column::idle_memory, Kind::weir, shipped, 0.5},
        {Column::datagrams, Kind::weir, udp, 1.25},  {Column::datagram_exchanges, Kind::weir, udp, 1.25},
    };
    return targets;
}

void Report::add(Kind kind, Column column, int round, double value) {
    if (std::isfinite(value)) values_[{kind, column}][round] = value;
}

void Report::note(const std::string& text) {
    if (std::ranges::find(notes_, text) == notes_.end()) notes_.push_back(text);
}

std::vector<double> Report::values(Kind kind, Column column) const {
    std::vector<double> values;
    if (const auto found = values_.find({kind, column}); found != values_.end())
        for (const auto& [round, value] : found->second) values.push_back(value);
    return values;
}

Report::Outcome Report::judge(const Target& target) const {
    const bool less = about(target.column).less_is_better;
    const auto worth = [&](Kind kind) {
        const auto median = quantile(values(kind, target.column), .5);
        return std::isnan(median) ? -INFINITY : less ? -median : median;
    };
    Outcome outcome{*std::ranges::max_element(target.peers, {}, worth), {}, false};
    const auto ours = values_.find({target.ours, target.column});
    const auto theirs = values_.find({outcome.peer, target.column});
    if (ours == values_.end() || theirs == values_.end()) return outcome;
    for (const auto& [round, value] : ours->second)
        if (const auto other = theirs->second.find(round); other != theirs->second.end())
            outcome.ratios.push_back(value / other->second);
    const auto ratio = quantile(outcome.ratios, .5);
    outcome.met = less ? ratio <= target.wanted : ratio >= target.wanted;
    return outcome;
}

std::string Report::tables() const {
    std::string text = "| |", line = "|---|";
    for (const auto kind : kKinds) {
        text += fmt::format(" {} |", name_of(kind));
        line += "---|";
    }
    text += "\n" + line + "\n";
    for (size_t i = 0; i < kColumns; ++i) {
        text += fmt::format("| {} |", kAbout[i].name);
        for (const auto kind : kKinds)
            text += fmt::format(" {} |", cell(values(kind, static_cast<Column>(i)), kAbout[i].digits));
        text += "\n";
    }
    for (const auto& note : notes_) text += fmt::format("\n{}\n", note);
    return text + "\n" + targets_table();
}

std::string Report::targets_table() const {
    std::string text = "| | of | to | × | target | |\n|---|---|---|---|---|---|\n";
    for (const auto& target : targets()) {
        const auto outcome = judge(target);
        const auto& column = about(target.column);
        text += fmt::format("| {} | {} | {} | {} | {} {:.2f} | {} |\n", column.key, name_of(target.ours),
                            name_of(outcome.peer), cell(outcome.ratios, 2), column.less_is_better ? "≤" : "≥",
                            target.wanted,
                            outcome.ratios.empty() ? "not measured"
                            : outcome.met          ? "met"
                                                   : "**missed**");
    }
    return text;
}

json::value Report::json() const {
    json::object subjects;
    for (const auto kind : kKinds) {
        json::object columns;
        for (size_t i = 0; i < kColumns; ++i)
            if (const auto all = values(kind, static_cast<Column>(i)); !all.empty())
                columns[kAbout[i].key] = summary(all);
        subjects[name_of(kind)] = std::move(columns);
    }
    json::array judged;
    for (const auto& target : targets()) {
        const auto outcome = judge(target);
        const auto& column = about(target.column);
        json::object row{{"column", column.key},
                         {"of", name_of(target.ours)},
                         {"to", name_of(outcome.peer)},
                         {column.less_is_better ? "at_most" : "at_least", target.wanted},
                         {"ratio", nullptr},
                         {"met", nullptr}};
        if (!outcome.ratios.empty()) {
            row["ratio"] = summary(outcome.ratios);
            row["met"] = outcome.met;
        }
        judged.push_back(std::move(row));
    }
    return json::object{{"machine", describe_machine()},
                        {"subjects", std::move(subjects)},
                        {"targets", std::move(judged)},
                        {"notes", json::array(notes_.begin(), notes_.end())}};
}

}  // namespace weir::bench
