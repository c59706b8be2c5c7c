// The ground on which net::Neighbours is tested: a balancer with a cable to each of two hosts.
#pragma once

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lab/lab.h"
#include "net/neighbours.h"

namespace weir::net {

using namespace std::chrono_literals;

Ip ip(const std::string& text);
Mac mac(const std::string& text);

/// A route as the operator would type it.
struct Path {
    std::string prefix;
    std::vector<std::string> interfaces = {"eth0"};
    std::vector<std::string> gateways;  // none, or of each interface one
    unsigned mtu = 0;
    std::string source;
    uint8_t type = RTN_UNICAST;
};

/// In place of the one to this prefix, if there is one.
void set_route(lab::Host& host, const Path& path);
void remove_route(lab::Host& host, const Path& path);

class Neighbourhood : public testing::Test {
  protected:
    void SetUp() override {
        if (const auto why = lab::why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        lab_.emplace("neighbours");
        balancer_ = &lab_->host("balancer");
        peer_ = &lab_->host("peer");
        other_ = &lab_->host("other");
        lab_->connect(*balancer_, "eth0", *peer_, "eth0");
        lab_->connect(*balancer_, "eth1", *other_, "eth0");
        balancer_->add_address("eth0", "10.0.0.1/24");
        balancer_->add_address("eth0", "2001:db8::1/64");
        balancer_->add_address("eth1", "10.0.1.1/24");
        peer_->add_address("eth0", "10.0.0.2/24");
        peer_->add_address("eth0", "2001:db8::2/64");
        other_->add_address("eth0", "10.0.1.2/24");
        neighbours_ = balancer_->run(
            [this] { return lab::must(Neighbours::open(io_.get_executor(), [this] { changes_++; })); });
    }

    /// Lets events come until the condition holds.
    bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
        auto deadline = std::chrono::steady_clock::now() + limit;
        while (!condition())
            if (io_.run_one_until(deadline) == 0) return condition();
        return true;
    }
    /// Waits until the way to the address is so; shorter than a pass of the examination.
    bool finds(const std::string& address, const std::function<bool(const Neighbour&)>& so) {
        return until(
            [&] {
                auto found = neighbours_->find(ip(address));
                return found && so(*found);
            },
            6s);
    }
    bool resolves_to(const std::string& address, const Mac& hardware) {
        return finds(address, [&](const Neighbour& found) { return found.mac == hardware; });
    }
    /// Waits until the address is refused for another reason than that it is new.
    std::string reason(const std::string& address) {
        auto known = [&] {
            auto found = neighbours_->find(ip(address));
            return !found && !found.error().message.ends_with("not resolved yet");
        };
        if (!until(known)) return "no reason in time";
        return neighbours_->find(ip(address)).error().message;
    }
    Netlink open_netlink() {
        return balancer_->run([] { return lab::must(Netlink::open()); });
    }

    const Mac kPeer = mac("02:00:00:00:02:01");
    const Mac kOther = mac("02:00:00:00:03:01");
    std::optional<lab::Lab> lab_;
    lab::Host* balancer_ = nullptr;
    lab::Host* peer_ = nullptr;
    lab::Host* other_ = nullptr;
    boost::asio::io_context io_;
    int changes_ = 0;
    std::unique_ptr<Neighbours> neighbours_;
};

}  // namespace weir::net
