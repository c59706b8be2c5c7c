// What a Ganglia daemon tells of its hosts (gmond's and gmetad's XML), and what that makes of them. Pure.
#pragma once

#include <map>
#include <optional>

#include "discovery/source.h"

namespace weir::discovery {

struct GmondWanted {
    std::string cluster{};  // "": of every one
    std::string metric = "load_one";
    std::optional<double> half_at{};  // nothing: the host's cpu_num, or 1
    uint32_t scale = 10;
};

struct GmondHost {
    net::Ip address;
    std::chrono::seconds silent{0};     // for so long nothing came from it
    std::chrono::seconds tolerable{0};  // it counts as up
    std::optional<uint32_t> weight{};   // where it has told the metric

    bool operator==(const GmondHost&) const = default;
};

struct GmondReport {
    std::vector<GmondHost> hosts;
    std::vector<std::string> refused{};
};

/// round(scale / (1 + load / half_at)), 1 at the least.
uint32_t weight_of(double load, double half_at, uint32_t scale);

/// The whole document; fails for a part of one, and where the cluster is not in it.
Result<GmondReport> read_gmond(std::string document, const GmondWanted& wanted);

/// The hosts that are up. A daemon that has been started again knows no host until that host reports, so one
/// that is not told of any more stays for as long as its silence would be tolerated.
class GmondRoll {
  public:
    explicit GmondRoll(std::optional<net::Port> port) : port_(port) {}

    Set take(GmondReport report, Clock::Time now);

  private:
    struct Heard {
        Clock::Time until;  // it is up
        std::optional<uint32_t> weight{};
    };
    std::optional<net::Port> port_;
    std::map<net::Ip, Heard> heard_;
};

}  // namespace weir::discovery
