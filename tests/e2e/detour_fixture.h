// A balancer and two backends on one LAN, reverse path filter on, no default route, checksums left to the
// (virtual) cards; and the probes' way between them.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "engine/xdp/detour.h"
#include "lab/lab.h"
#include "lab/wait.h"
#include "tests/e2e/echo_server.h"
#include "tests/e2e/tc_state.h"

namespace weir::e2e {

using engine::xdp::Detour;
using engine::xdp::Way;
using namespace std::chrono_literals;

constexpr const char* kVip4 = "192.168.101.1";
constexpr const char* kVip6 = "2001:db8::1";
constexpr const char* kBalancer4 = "10.1.10.100";
constexpr const char* kBalancer6 = "2001:db8:1::100";
constexpr const char* kBackend4 = "10.1.10.10";
constexpr const char* kBackend6 = "2001:db8:1::10";
constexpr net::Port kPort{80};
constexpr auto kLong = 5s;
constexpr auto kShort = 300ms;  // for what must not happen

inline net::Ip ip(std::string_view text) {
    return *net::Ip::parse(text);
}

bool ready(const UniqueFd& socket, short events, lab::Duration limit);

Status connect(const net::Passage& passage, lab::Duration limit);

class DetourTest : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    void start_servers() {
        for (size_t i : {0, 1}) servers_[i] = std::make_unique<EchoServer>(*backends_[i], kPort);
    }
    std::unique_ptr<Detour> started() {
        return balancer_->run([&] {
            auto detour = Detour::load().value();
            EXPECT_EQ(detour->attach(ifindex_, "eth0"), Status{});
            return detour;
        });
    }
    void stop(std::unique_ptr<Detour> detour) {
        balancer_->run([&] { detour.reset(); });
    }
    Result<net::Passage> open(const Way& way) {
        return balancer_->run([&] { return detour_->open(way); });
    }
    TcState state() {
        return balancer_->run([&] { return tc_state(ifindex_); });
    }

    Way way(const char* backend, const char* vip, std::optional<net::Ip> source = {}) const {
        return {net::Carrier::tcp, ip(backend), ip(vip), kPort, ifindex_, ifindex_, source};
    }

    std::unique_ptr<lab::Lab> lab_;
    lab::Host* balancer_ = nullptr;
    std::array<lab::Host*, 2> backends_{};
    std::array<std::unique_ptr<EchoServer>, 2> servers_;
    int ifindex_ = 0;
    std::unique_ptr<Detour> detour_;
};

}  // namespace weir::e2e
