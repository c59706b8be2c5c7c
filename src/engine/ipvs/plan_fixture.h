// Plans for tests of the IPVS engine.
#pragma once

#include <string>
#include <vector>

#include "model/plan.h"

namespace weir::engine::ipvs {

inline net::Ip ip(const std::string& text) {
    return net::Ip::parse(text).value();
}
inline net::Endpoint at(const std::string& text) {
    return net::Endpoint::parse(text).value();
}

inline model::Target target(const std::string& address, uint32_t weight = 1,
                            model::Accepts accepts = model::Accepts::all) {
    return {.backend = {.address = ip(address), .weight = weight}, .health = {true, ""}, .accepts = accepts};
}

inline model::FrontendKey web(const std::string& vip = "192.0.2.1", uint16_t port = 80) {
    return {ip(vip), net::Port(port), model::Protocol::tcp};
}

inline model::Frontend frontend(const model::FrontendKey& key, std::vector<model::Target> targets,
                                model::ForwardKind method = model::ForwardKind::dsr) {
    return {.key = key,
            .service = "web",
            .engine = model::EngineKind::ipvs,
            .forward = {.kind = method},
            .ipvs = model::Ipvs(),
            .targets = std::move(targets)};
}

inline model::Plan plan_of(std::vector<model::Frontend> frontends) {
    model::Plan plan;
    for (auto& each : frontends) plan.frontends.push_back(std::move(each));
    return plan;
}

}  // namespace weir::engine::ipvs
