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
    return json::serialize(value);
}

std::string field(const json::value& of, const char* name) {
    return text(of.at(name));
}

std::string joined(const json::value& array) {
    std::string all;
    for (const auto& each : array.as_array()) all += (all.empty() ? "" : " ") + text(each);
    return all.empty() ? "-" : all;
}

std::string or_dash(const json::value& of, const char* name) {
    return of.at(name).is_null() ? "-" : field(of, name);
}

void show_bgp_routes(std::ostream& out, const json::value& bgp, bool coloured) {
    Table table({"PEER", "PREFIX", "NEXT HOP", "AS PATH", ">MED", ">LOCAL PREF", "COMMUNITIES", "NOTE"});
    for (const auto& peer : bgp.at("peers").as_array()) {
        for (const auto& route : peer.at("routes").as_array()) {
            auto communities = joined(route.at("communities"));
            if (auto large = joined(route.at("large_communities")); large != "-")
                communities = communities == "-" ? large : fmt::format("{} {}", communities, large);
            table.add({field(peer, "address"), field(route, "prefix"), field(route, "next_hop"),
                       joined(route.at("as_path")), or_dash(route, "med"), or_dash(route, "local_pref"),
                       communities, ""});
        }
        for (const auto& each : peer.at("withheld").as_array())
            table.add({field(peer, "address"), field(each, "prefix"), "-", "-", "-", "-", "-",
                       Cell("not told: " + field(each, "reason"), Colour::dim)});
    }
    table.print(out, coloured);
}

std::string milliseconds(const json::value& of, const char* name) {
    return fmt::format("{:.0f}ms", of.at(name).to_number<double>() * 1000);
}

/// Where peers have it.
void show_bfd(std::ostream& out, const json::value& bgp, bool coloured) {
    Table table({"PEER", "BFD", "PEER'S", "SINCE", ">SENDS", ">RECEIVES", ">DETECTS", "DIAGNOSTIC"});
    bool any = false;
    for (const auto& peer : bgp.at("peers").as_array()) {
        const auto& bfd = peer.at("bfd");
        if (bfd.is_null()) continue;
        any = true;
        auto state = field(bfd, "state");
        auto note = bfd.at("last_error").is_null() ? field(bfd, "diagnostic") : field(bfd, "last_error");
        table.add({field(peer, "address"), Cell(state, state == "up" ? Colour::good : Colour::bad),
                   field(bfd, "remote_state"), field(bfd, "since"),
                   milliseconds(bfd, "transmit_interval_seconds"),
                   milliseconds(bfd, "receive_interval_seconds"), milliseconds(bfd, "detection_time_seconds"),
                   note == "none" ? "-" : note});
    }
    if (!any) return;
    table.print(out, coloured);
    out << "\n";
}

}  // namespace

void show_bgp(std::ostream& out, const json::value& bgp, bool coloured) {
    if (bgp.at("asn").is_null()) {
        out << "no BGP is configured; see bgp: in weir.yaml(5)\n";
        return;
    }
    out << fmt::format("AS {}, router id {}\n\n", field(bgp, "asn"), or_dash(bgp, "router_id"));
    Table table({"PEER", ">AS", "STATE", "SINCE", ">ROUTES", ">HOLD", "LAST ERROR"});
    for (const auto& peer : bgp.at("peers").as_array()) {
        auto state = field(peer, "state");
        table.add({field(peer, "address"), field(peer, "asn"),
                   Cell(state, state == "established" ? Colour::good : Colour::bad), field(peer, "since"),
                   peer.at("routes").as_array().size(), field(peer, "hold_time_seconds") + "s",
                   or_dash(peer, "last_error")});
    }
    table.print(out, coloured);
    out << "\n";
    show_bfd(out, bgp, coloured);
    show_bgp_routes(out, bgp, coloured);
}

}  // namespace weir::cli
