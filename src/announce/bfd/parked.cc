#include "announce/bfd/parked.h"

#include <boost/json.hpp>

namespace weir::announce::bfd {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr int kVersion = 1;

json::object row(const net::Ip& peer, const Parked& parked) {
    return {{"peer", peer.text()},
            {"mine", parked.mine},
            {"yours", parked.yours},
            {"desired_min_tx_us", parked.desired_min_tx.count()},
            {"required_min_rx_us", parked.required_min_rx.count()},
            {"remote_desired_min_tx_us", parked.remote_desired_min_tx.count()},
            {"remote_required_min_rx_us", parked.remote_required_min_rx.count()},
            {"remote_multiplier", parked.remote_multiplier}};
}

Interval read_interval(const json::value& value) {
    return Interval(value.to_number<uint32_t>());
}

/// Throws where it is not as row() makes it.
Parked read_row(const json::value& row) {
    Parked parked{.mine = row.at("mine").to_number<uint32_t>(),
                  .yours = row.at("yours").to_number<uint32_t>(),
                  .desired_min_tx = read_interval(row.at("desired_min_tx_us")),
                  .required_min_rx = read_interval(row.at("required_min_rx_us")),
                  .remote_desired_min_tx = read_interval(row.at("remote_desired_min_tx_us")),
                  .remote_required_min_rx = read_interval(row.at("remote_required_min_rx_us")),
                  .remote_multiplier = row.at("remote_multiplier").to_number<uint8_t>()};
    if (parked.mine == 0 || parked.yours == 0 || parked.remote_multiplier == 0)
        throw std::runtime_error("it has a session that cannot have been");
    return parked;
}

}  // namespace

std::string parked_text(const ParkedSessions& sessions, SystemTime until) {
    json::array rows;
    for (const auto& [peer, parked] : sessions) rows.push_back(row(peer, parked));
    const auto limit = std::chrono::duration_cast<milliseconds>(until.time_since_epoch()).count();
    return json::serialize(
               json::object{{"version", kVersion}, {"until_ms", limit}, {"sessions", std::move(rows)}}) +
           "\n";
}

Result<ParkedSessions> read_parked(std::string_view text, SystemTime now) {
    try {
        auto document = json::parse(json::string_view(text.data(), text.size()));
        if (auto version = document.at("version").to_number<int>(); version != kVersion)
            return fail("its version is {}, and this weir knows {}", version, kVersion);
        const milliseconds limit(document.at("until_ms").to_number<int64_t>());
        ParkedSessions sessions;
        for (const auto& each : document.at("sessions").as_array()) {
            const auto& text_of = each.at("peer").as_string();
            auto peer = net::Ip::parse({text_of.data(), text_of.size()});
            if (!peer) return propagate(peer);
            sessions[*peer] = read_row(each);
        }
        const auto at = std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
        return at < limit ? sessions : ParkedSessions();
    } catch (const std::exception& problem) {
        return fail("{}", problem.what());
    }
}

}  // namespace weir::announce::bfd
