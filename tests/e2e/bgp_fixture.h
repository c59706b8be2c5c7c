// VIPs that nobody has a route to but by BGP: the client's host is a router with BIRD, GoBGP or FRR.
#pragma once

#include <boost/json.hpp>

#include "lab/bird.h"
#include "tests/e2e/routers.h"
#include "tests/e2e/site.h"

namespace weir::e2e {

class BgpTest : public SiteTest {
  protected:
    static constexpr const char* kVip4 = "192.168.102.1";
    static constexpr const char* kVip6 = "2001:db8:102::1";

    void SetUp() override;

    /// One backend and two VIPs. `bgp`: the section's settings but `drain`, without braces.
    static Yaml yaml(const std::string& bgp);
    void start(const std::string& bgp) { site_->start(yaml(bgp)); }

    boost::json::value peer(size_t i = 0) { return site_->get("/api/v1/bgp").at("peers").at(i); }
    bool established(size_t i = 0) { return peer(i).at("state") == "established"; }
    uint64_t number(const char* name, size_t i = 0) { return peer(i).at(name).to_number<uint64_t>(); }
    uint64_t sessions(size_t i = 0) { return number("established_total", i); }
    /// Messages of a type that came from the peer, or went to it.
    uint64_t received(const char* type, size_t i = 0) { return count("received_total", type, i); }
    uint64_t sent(const char* type, size_t i = 0) { return count("sent_total", type, i); }
    [[nodiscard]] bool await_established(size_t i = 0, lab::Duration limit = kSoon) {
        return lab::wait_until([&] { return established(i); }, limit);
    }
    /// Until what the router says has this.
    template <class Ask>
    [[nodiscard]] bool await_said(Ask ask, const std::string& text) {
        return lab::wait_until([&] { return ask().find(text) != std::string::npos; }, kSoon);
    }
    /// By the first backend, to the client.
    bool serves(const std::string& url);

    /// Of the daemon's events and of BIRD's log, which have the same clock.
    static std::chrono::milliseconds time_of_day(const std::string& text);

    std::optional<Site> site_;

  private:
    uint64_t count(const char* direction, const char* type, size_t i) {
        return peer(i).at(direction).at(type).to_number<uint64_t>();
    }
};

}  // namespace weir::e2e
