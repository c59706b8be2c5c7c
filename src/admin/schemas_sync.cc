#include "admin/schema_parts.h"

namespace weir::admin {

json::object sync_settings() {
    return record({{"group", or_null(text())},
                   {"interface", or_null(text())},
                   {"listen", or_null(text())},
                   {"peers", list(text())},
                   {"keys", whole()},
                   {"share_percent", whole(1, 100)}});
}

void add_sync(json::object& to) {
    auto snapshot = record({{"state", text()},
                            {"asked_total", whole()},
                            {"received_total", whole()},
                            {"abandoned_total", whole()},
                            {"served_total", whole()}});
    auto sent = record({{"datagrams_total", whole()},
                        {"bytes_total", whole()},
                        {"flows_total", whole()},
                        {"deferred_total", whole()},
                        {"failed_total", whole()}});
    auto received =
        record({{"datagrams_total", whole()}, {"bytes_total", whole()}, {"dropped_total", whole()}});
    auto refused = record({{"reason", text()}, {"total", whole()}, {"last_from", or_null(text())}});
    auto flows = record({{"taken_total", whole()},
                         {"kept_total", whole()},
                         {"unknown_total", whole()},
                         {"full_total", whole()},
                         {"unfit_total", whole()}});
    auto peer = record({{"address", text()},
                        {"node", or_null(text())},
                        {"state", words({"greeting", "up", "silent", "left"})},
                        {"fault", or_null(text())},
                        {"started_at", time()},
                        {"heard_seconds", number()},
                        {"round_trip_seconds", number()},
                        {"lag_seconds", number()},
                        {"datagrams_total", whole()},
                        {"bytes_total", whole()},
                        {"lost_total", whole()},
                        {"repeated_total", whole()},
                        {"lost_there_total", whole()},
                        {"flows", flows}});
    to["Sync"] = record({{"enabled", truth()},
                         {"speaks_to", list(text())},
                         {"listening", or_null(text())},
                         {"error", or_null(text())},
                         {"pass_seconds", number()},
                         {"flows_from_peers", whole()},
                         {"snapshot", snapshot},
                         {"sent", sent},
                         {"received", received},
                         {"refused", list(refused)},
                         {"peers", list(peer)}});
}

}  // namespace weir::admin
