#include <fmt/format.h>

#include <boost/json.hpp>
#include <ostream>

#include "cli/show.h"
#include "cli/table.h"

namespace weir::cli {

namespace json = boost::json;

namespace {

std::string text(const json::value& value) {
    if (value.is_string()) return std::string(value.get_string());
    return value.is_null() ? "-" : json::serialize(value);
}

std::string field(const json::value& of, const char* name) {
    return text(of.at(name));
}

uint64_t count(const json::value& of, const char* name) {
    return of.at(name).to_number<uint64_t>();
}

std::string milliseconds(const json::value& of, const char* name) {
    return fmt::format("{:.1f}ms", 1000 * of.at(name).to_number<double>());
}

Colour colour_of(std::string_view state) {
    if (state == "up") return Colour::good;
    return state == "left" ? Colour::dim : Colour::bad;
}

void show_peers(std::ostream& out, const json::value& sync, bool coloured) {
    Table table({"PEER", "NODE", "STATE", "SINCE", ">LAG", ">ROUND TRIP", ">TAKEN", ">KEPT", ">UNKNOWN",
                 ">FULL", ">UNFIT", ">LOST", ">LOST THERE", ">REPEATED", "FAULT"});
    for (const auto& peer : sync.at("peers").as_array()) {
        const auto& flows = peer.at("flows");
        auto state = field(peer, "state");
        table.add({field(peer, "address"), field(peer, "node"), Cell(state, colour_of(state)),
                   field(peer, "started_at"), milliseconds(peer, "lag_seconds"),
                   milliseconds(peer, "round_trip_seconds"), count(flows, "taken_total"),
                   count(flows, "kept_total"), count(flows, "unknown_total"), count(flows, "full_total"),
                   count(flows, "unfit_total"), count(peer, "lost_total"), count(peer, "lost_there_total"),
                   count(peer, "repeated_total"), Cell(field(peer, "fault"), Colour::bad)});
    }
    table.print(out, coloured);
}

void show_refused(std::ostream& out, const json::value& sync, bool coloured) {
    Table table({"REFUSED", ">DATAGRAMS", "LAST FROM"});
    bool any = false;
    for (const auto& each : sync.at("refused").as_array()) {
        if (count(each, "total") == 0) continue;
        table.add({field(each, "reason"), count(each, "total"), field(each, "last_from")});
        any = true;
    }
    if (!any) return;
    out << "\n";
    table.print(out, coloured);
}

}  // namespace

void show_sync(std::ostream& out, const json::value& sync, bool coloured) {
    if (!sync.at("enabled").as_bool()) {
        out << "flows are shared with nobody; see sync: in weir.yaml(5)\n";
        return;
    }
    std::string to;
    for (const auto& each : sync.at("speaks_to").as_array()) to += (to.empty() ? "" : ", ") + text(each);
    out << fmt::format("shared with {}, from {}\n", to, field(sync, "listening"));
    if (!sync.at("error").is_null()) out << paint("! " + field(sync, "error"), Colour::bad, coloured) << "\n";
    const auto& sent = sync.at("sent");
    out << fmt::format("{} flows told in {} datagrams; {} of peers stand in the table; snapshot: {}\n\n",
                       count(sent, "flows_total"), count(sent, "datagrams_total"),
                       count(sync, "flows_from_peers"), field(sync.at("snapshot"), "state"));
    if (sync.at("peers").as_array().empty())
        out << "nobody is heard\n";
    else
        show_peers(out, sync, coloured);
    show_refused(out, sync, coloured);
}

}  // namespace weir::cli
