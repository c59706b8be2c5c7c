#include "cli/show.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "cli/table.h"
#include "model/kind_names.h"

namespace weir::cli {
namespace {

namespace json = boost::json;

std::string text(const json::value& value) {
    if (value.is_string()) return std::string(value.get_string());
    return json::serialize(value);
}

std::string field(const json::value& of, std::string_view name) {
    return text(of.at(json::string_view(name.data(), name.size())));
}

/// `192.0.2.1:80/tcp`, `[2001:db8::1]:80/tcp`.
std::string frontend_text(const json::value& row) {
    auto vip = field(row, "vip");
    if (vip.find(':') != std::string::npos) vip = "[" + vip + "]";
    return vip + ":" + field(row, "port") + "/" + field(row, "protocol");
}

/// Of who serves in place of the pool, as "healthy, on fallback".
std::string serving_text(const json::value& row) {
    auto serving = field(row, "serving");
    if (serving == "pool" || serving == "nothing") return "";
    return serving == "fail_open" ? ", fails open" : ", on " + serving;
}

Cell health_cell(bool good, const char* yes, const char* no) {
    return good ? Cell(yes, Colour::good) : Cell(no, Colour::bad);
}

std::string percent(const json::value& share) {
    return fmt::format("{:.1f}%", 100 * share.to_number<double>());
}

std::string side(const json::value& target) {
    if (target.is_null()) return "-";
    return fmt::format("{} {} weight {}, takes {}", field(target, "state"), field(target, "health"),
                       field(target, "weight"), field(target, "accepts"));
}

std::string last_check(const json::value& row) {
    const auto& check = row.at("last_check");
    if (check.is_null()) return "-";
    return fmt::format("{} {:.1f}ms", field(check, "message"),
                       1e3 * check.at("latency_seconds").to_number<double>());
}

void show_nat(std::ostream& out, const json::value& flow_table) {
    if (flow_table.at("nat_capacity").to_number<uint64_t>() > 0)
        out << fmt::format("NAT            {} of {} flows\n", field(flow_table, "nat_used"),
                           field(flow_table, "nat_capacity"));
}

/// Of a backend: what its checks say, how far a change is, and what holds it back.
std::string reason_text(const json::value& row) {
    auto reason = field(row, "reason"), limited = field(row, "limited");
    return limited.empty() ? reason : reason.empty() ? limited : reason + "; " + limited;
}

/// Of a trouble, and of the end of one. A daemon of another version may have more kinds.
Colour colour_of(std::optional<model::EventKind> kind) {
    if (!kind) return Colour::none;
    if (model::severity_of(*kind) != model::Severity::info) return Colour::bad;
    return model::ended_by(*kind) ? Colour::good : Colour::none;
}

}  // namespace

void show_services(std::ostream& out, const json::value& services, bool coloured) {
    Table table({"SERVICE", "FRONTEND", "FORWARD", "SCHEDULER", ">UP", ">NEED", "HEALTH"});
    for (const auto& service : services.as_array())
        for (const auto& row : service.at("frontends").as_array())
            table.add({field(service, "name"), frontend_text(row), field(row, "forward"),
                       field(row, "scheduler"), field(row, "up") + "/" + field(row, "total"),
                       field(service, "need"),
                       row.at("healthy").as_bool() ? Cell("healthy" + serving_text(row), Colour::good)
                                                   : Cell("DOWN" + serving_text(row), Colour::bad)});
    table.print(out, coloured);
}

void show_backends(std::ostream& out, const json::value& backends, bool coloured) {
    Table table({"SERVICE", "FRONTEND", "BACKEND", ">WEIGHT", "STATE", "HEALTH", ">FLOWS", ">FLOWS TOTAL",
                 ">PACKETS", ">BYTES", "LAST CHANGE", "LAST CHECK", "REASON"});
    for (const auto& row : backends.as_array()) {
        bool up = field(row, "health") == "up";
        const char* by_hand = row.at("override").is_null() ? "" : "*";
        table.add({field(row, "service"), frontend_text(row), field(row, "address"), field(row, "weight"),
                   field(row, "state") + by_hand, health_cell(up, "up", "DOWN"), field(row, "flows_active"),
                   field(row, "flows_total"), field(row, "packets_total"), field(row, "bytes_total"),
                   row.at("last_change").is_null() ? "-" : field(row, "last_change"), last_check(row),
                   reason_text(row)});
    }
    table.print(out, coloured);
}

namespace {

/// What the operator should know of a source, the worst first.
std::string note_of(const json::value& source) {
    for (const char* name : {"error", "held_back"})
        if (!source.at(name).is_null()) return field(source, name);
    for (const char* name : {"refused", "left_out"})
        if (const auto& lines = source.at(name).as_array(); !lines.empty())
            return fmt::format("{}{}", text(lines.front()),
                               lines.size() > 1 ? fmt::format(", and {} more", lines.size() - 1) : "");
    if (field(source, "damped") != "0") return field(source, "damped") + " stay that come and go";
    return "";
}

void show_sources(std::ostream& out, const json::value& pools, bool coloured) {
    Table table({"POOL", "SOURCE", "STATE", ">BACKENDS", "ANSWERED", "CHANGED", "NOTE"});
    bool any = false;
    auto or_dash = [](const json::value& row, const char* name) {
        return row.at(name).is_null() ? std::string("-") : field(row, name);
    };
    for (const auto& pool : pools.as_array())
        for (const auto& source : pool.at("sources").as_array()) {
            auto state = field(source, "state");
            table.add({field(pool, "name"), field(source, "kind"),
                       Cell(state, state == "ok" ? Colour::good : Colour::bad), field(source, "members"),
                       or_dash(source, "answered_at"), or_dash(source, "changed_at"), note_of(source)});
            any = true;
        }
    if (!any) return;
    out << '\n';
    table.print(out, coloured);
}

}  // namespace

void show_pools(std::ostream& out, const json::value& pools, bool coloured) {
    Table table({"POOL", "BACKEND", ">WEIGHT", "STATE", ">UP", ">TAKING", ">FLOWS", "USED BY"});
    for (const auto& pool : pools.as_array()) {
        std::string users;
        for (const auto& use : pool.at("used_by").as_array()) {
            users += (users.empty() ? "" : ", ") + field(use, "service");
            if (auto as = field(use, "as"); as != "pool") users += " (" + as + ")";
        }
        for (const auto& row : pool.at("backends").as_array()) {
            bool up = row.at("up") == row.at("targets");
            auto count = field(row, "up") + "/" + field(row, "targets");
            const char* by_hand = row.at("overrides").as_array().empty() ? "" : "*";
            table.add({field(pool, "name"), field(row, "address"), field(row, "weight"),
                       field(row, "state") + by_hand, Cell(count, up ? Colour::none : Colour::bad),
                       field(row, "taking"), field(row, "flows_active"), users.empty() ? "-" : users});
        }
    }
    table.print(out, coloured);
    show_sources(out, pools, coloured);
}

void show_flows(std::ostream& out, const json::value& flows, bool coloured) {
    const auto& table = flows.at("flow_table");
    auto count = [&](const char* name) { return table.at(name).to_number<uint64_t>(); };
    auto capacity = std::max<uint64_t>(count("capacity"), 1);
    out << fmt::format("flow table     {} of {} entries, {:.1f}%\n", count("used"), count("capacity"),
                       100.0 * static_cast<double>(count("used")) / static_cast<double>(capacity));
    out << fmt::format("flows          {} new, {} established, {} closing, {} datagram\n", count("new"),
                       count("established"), count("closing"), count("datagram"));
    if (count("left_behind") > 0)
        out << fmt::format("left behind    {} of them: their backend or service has left the configuration\n",
                           count("left_behind"));
    if (count("sources") > 0)
        out << fmt::format("sources        {} entries say where a client's next flow goes\n",
                           count("sources"));
    show_nat(out, table);
    const auto& rows = flows.at("backends").as_array();
    if (rows.empty()) return;
    out << '\n';
    Table shown({"SERVICE", "BACKEND", ">FLOWS", ">NEW", ">ESTABLISHED", ">CLOSING", ">DATAGRAM", ">SHARE",
                 ">BY WEIGHT"});
    for (const auto& row : rows)
        shown.add({field(row, "service"), field(row, "address"), field(row, "flows_active"),
                   field(row, "new"), field(row, "established"), field(row, "closing"),
                   field(row, "datagram"), percent(row.at("share")), percent(row.at("share_by_weight"))});
    shown.print(out, coloured);
    if (auto more = flows.at("matching").to_number<uint64_t>() - rows.size(); more > 0)
        out << fmt::format("and {} more with fewer flows; --limit shows them\n", more);
}

void show_overrides(std::ostream& out, const json::value& overrides, bool coloured) {
    auto or_dash = [](const json::value& row, const char* name) {
        return row.at(name).is_null() ? std::string("-") : field(row, name);
    };
    Table table({"BACKEND", "SERVICE", "STATE", ">WEIGHT", ">FLOWS", "BY", "SINCE", "NOTE"});
    for (const auto& row : overrides.as_array()) {
        bool counted = row.at("state") != "draining" || !row.at("drained").is_null();
        std::string note;
        if (!row.at("used").as_bool())
            note = "not in the configuration";
        else if (!row.at("flows_cut").is_null())
            note = fmt::format("drain ended at its deadline, {} flows cut off", field(row, "flows_cut"));
        else if (row.at("drained") == true)
            note = "drained";
        else if (!row.at("deadline").is_null())
            note = "until " + field(row, "deadline");
        else if (!counted)
            note = "its flows are being counted";
        table.add({field(row, "backend"), row.at("service").is_null() ? "all" : field(row, "service"),
                   or_dash(row, "state"), or_dash(row, "weight"), counted ? field(row, "flows_active") : "?",
                   field(row, "by"), field(row, "at"), note});
    }
    table.print(out, coloured);
}

void show_event(std::ostream& out, const json::value& event, bool coloured) {
    auto kind = field(event, "kind");
    out << paint(field(event, "at"), Colour::dim, coloured) << "  "
        << paint(fmt::format("{:<17}", kind), colour_of(model::kind_named(kind)), coloured) << "  "
        << field(event, "message") << '\n';
}

void show_status(std::ostream& out, const json::value& status, bool coloured) {
    const auto& problems = status.at("problems").as_array();
    for (const auto& problem : problems) out << paint("! " + text(problem), Colour::bad, coloured) << '\n';
    if (problems.empty()) out << paint("all is well", Colour::good, coloured) << '\n';
    const auto& table = status.at("flow_table");
    out << fmt::format("\nweir {}, process {}, since {}\n", field(status, "version"), field(status, "pid"),
                       field(status, "started_at"));
    out << fmt::format("configuration  {}\n", field(status, "config"));
    const auto& plan = status.at("plan");
    out << (plan.at("applied_at").is_null() ? "plan           none in force yet\n"
                                            : fmt::format("plan           number {}, in force since {}\n",
                                                          field(plan, "number"), field(plan, "applied_at")));
    out << fmt::format("engine         {}\n", field(status, "engine"));
    for (const auto& interface : status.at("interfaces").as_array()) {
        auto mode = field(interface, "mode");
        out << fmt::format("interface      {} ({})\n", field(interface, "name"),
                           mode.empty() ? "not attached" : mode);
    }
    out << fmt::format(
        "flow table     {} of {} entries; {} flows found it full, {} that had only begun made room\n",
        field(table, "used"), field(table, "capacity"), field(table, "full_total"),
        field(table, "evicted_total"));
    show_nat(out, table);
    for (const auto& count : status.at("not_forwarded").as_array())
        if (count.at("packets_total").to_number<uint64_t>() > 0)
            out << fmt::format("not forwarded  {} {} ({})\n", field(count, "packets_total"),
                               field(count, "reason"), field(count, "verdict"));
    out << '\n';
    show_services(out, status.at("services"), coloured);
}

void show_plan(std::ostream& out, const json::value& plan, bool coloured) {
    for (const auto& interface : plan.at("interfaces").as_array())
        out << fmt::format("interface {} ({})\n", field(interface, "name"), field(interface, "mode"));
    Table table(
        {"SERVICE", "FRONTEND", "FORWARD", "BACKEND", ">WEIGHT", "STATE", "HEALTH", "TAKES", ">SHARE"});
    for (const auto& frontend : plan.at("frontends").as_array())
        for (const auto& target : frontend.at("targets").as_array())
            table.add({field(frontend, "service"), frontend_text(frontend), field(frontend, "forward"),
                       field(target, "address"), field(target, "weight"), field(target, "state"),
                       health_cell(field(target, "health") == "up", "up", "DOWN"), field(target, "accepts"),
                       percent(target.at("share"))});
    table.print(out, coloured);
}

void show_difference(std::ostream& out, const json::value& difference, bool coloured) {
    if (!difference.at("changes").as_bool()) {
        out << "nothing would change\n";
        return;
    }
    for (const auto& name : difference.at("settings").as_array()) out << fmt::format("~ {}\n", text(name));
    for (const auto& frontend : difference.at("frontends_added").as_array())
        out << paint(fmt::format("+ {} {}, {} backends", field(frontend, "service"), frontend_text(frontend),
                                 frontend.at("targets").as_array().size()),
                     Colour::good, coloured)
            << '\n';
    for (const auto& frontend : difference.at("frontends_removed").as_array())
        out << paint(fmt::format("- {} {}", field(frontend, "service"), frontend_text(frontend)), Colour::bad,
                     coloured)
            << '\n';
    for (const auto& frontend : difference.at("frontends_changed").as_array()) {
        out << fmt::format("~ {} {}: {} of new flows move{}\n", field(frontend, "service"),
                           frontend_text(frontend), percent(frontend.at("share_moved")),
                           frontend.at("scheduler_changed").as_bool() ? "; another scheduler" : "");
        for (const auto& target : frontend.at("targets").as_array())
            out << fmt::format("    {}: {} -> {}\n", field(target, "address"), side(target.at("before")),
                               side(target.at("after")));
    }
}

}  // namespace weir::cli
