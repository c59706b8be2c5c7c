// A small configuration for tests: one service on two VIPs, three backends.
#pragma once

#include "model/plan.h"

namespace weir::control {

inline net::Ip ip(std::string_view text) {
    return net::Ip::parse(text).value();
}

inline const model::FrontendKey kSampleV4{ip("192.0.2.1"), net::Port(80), model::Protocol::tcp};
inline const model::FrontendKey kSampleV6{ip("2001:db8::1"), net::Port(80), model::Protocol::tcp};

inline model::TargetKey sample_target(int last_byte) {
    return {kSampleV4, ip("10.0.0." + std::to_string(last_byte))};
}

inline model::Config sample_config() {
    model::Config config;
    config.interfaces = {{"eth0", model::XdpMode::automatic}};
    config.pools["web"].backends = {{ip("10.0.0.1")}, {ip("10.0.0.2"), 2}, {ip("10.0.0.3")}};
    model::Service web;
    web.vips = {net::only(kSampleV4.vip), net::only(kSampleV6.vip)};
    web.ports = {{net::Port(80), model::Protocol::tcp}};
    web.pool = "web";
    web.scheduler.table_size = 251;
    config.services["web"] = web;
    return config;
}

}  // namespace weir::control
