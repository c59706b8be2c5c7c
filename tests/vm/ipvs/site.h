// Where IPVS is tried out: a client, a balancer, two backends "one" and "two", and the engine on the
// balancer, in the kernel of a virtual machine.
//
//   client  eth0 10.1.1.1 ──── 10.1.1.100 eth0  balancer  eth1 10.1.10.100 ─┬─ 10.1.10.11 one
//           eth1 10.1.10.1 ─────────────────────────────────────────────────┴─ 10.1.10.12 two
//
// And the same in IPv6: 2001:db8:1::/64, 2001:db8:10::/64. Backends answer by the balancer (NAT), or straight
// to the client.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/fake_clock.h"
#include "engine/ipvs/ipvs.h"
#include "lab/lab.h"
#include "lab/temp_dir.h"
#include "tests/vm/ipvs/talk.h"

namespace weir::vm {

inline constexpr const char* kVip = "192.0.2.100";
inline constexpr const char* kVip6 = "2001:db8::100";

/// `192.0.2.100:80`.
net::Endpoint at(const std::string& text);

struct Wish {
    std::string vip = kVip;
    uint16_t port = 80;
    model::ForwardKind method = model::ForwardKind::nat;
    std::vector<model::Backend> backends{};
    model::Ipvs ipvs{.scheduler = "rr"};
    model::Protocol protocol = model::Protocol::tcp;
    std::optional<model::Mark> mark{};
};

/// "one" and "two".
model::Backend backend(int number, uint32_t weight = 1, bool v4 = true);
std::vector<model::Backend> both(bool v4 = true);
model::Frontend frontend(const Wish& wish);

class Site {
  public:
    explicit Site(lab::LanOptions wire = {});

    lab::Host& client() { return lab_.host("client"); }
    lab::Host& balancer() { return lab_.host("balancer"); }
    lab::Host& backend(int number) { return lab_.host(number == 1 ? "one" : "two"); }

    void answer_by_balancer();
    /// With the VIPs on `lo`.
    void answer_directly();

    engine::ipvs::Ipvs& engine() { return *engine_; }
    /// As a daemon that is killed, and the next one.
    void restart();
    Status apply(const std::vector<Wish>& wishes);
    Status apply(const model::Plan& plan);
    /// So much time passes for the engine.
    void pass(Clock::Duration span);
    std::string why_unreachable();
    std::string record() const { return dir_ / "ipvs.json"; }

    /// What ipvsadm shows: `-S -n` without arguments.
    std::string ipvsadm(std::vector<std::string> arguments = {"-S", "-n"});

  private:
    lab::Lab lab_{"ipvs"};
    lab::TempDir dir_;
    boost::asio::io_context io_;
    FakeClock clock_{io_};
    std::unique_ptr<engine::ipvs::Ipvs> engine_;
};

}  // namespace weir::vm
