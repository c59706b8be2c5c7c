// A service by NAT between one client and its backends: what each side sends, and what the other gets.
#pragma once

#include <linux/bpf.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/packet/fixture.h"

namespace weir::engine::xdp {

using model::Protocol;
using net::Family;

inline constexpr int kLoopback = 1;  // by which test runs' frames come in
inline const Mac kRouter = *Mac::parse("02:00:00:00:00:02");

struct Kind {
    Family family = Family::v4;
    uint8_t protocol = net::kTcp;
    bool mapped = false;  // to another port
    bool full = false;    // with a source of weir's own
};

inline std::string text(const Kind& kind) {
    return fmt::format("{} {}{}{}", kind.family == Family::v4 ? "IPv4" : "IPv6",
                       kind.protocol == net::kTcp ? "TCP" : "UDP", kind.mapped ? ", mapped" : "",
                       kind.full ? ", full" : "");
}

inline std::vector<Kind> every_kind() {
    std::vector<Kind> kinds;
    for (auto family : {Family::v4, Family::v6})
        for (auto protocol : {net::kTcp, net::kUdp})
            for (bool mapped : {false, true})
                for (bool full : {false, true}) kinds.push_back({family, protocol, mapped, full});
    return kinds;
}

class NatTest : public DatapathTest {
  protected:
    static net::Prefix pool(Family family) {
        return *net::Prefix::parse(family == Family::v4 ? "10.9.0.0/28" : "2001:db8:9::/124");
    }
    static Endpoint vip(Family family, int number = 1) {
        return *Endpoint::parse(family == Family::v4 ? fmt::format("192.0.2.{}:80", number)
                                                     : fmt::format("[2001:db8::{}]:80", number));
    }
    static Endpoint client(Family family, int port = 1000) {
        return *Endpoint::parse(family == Family::v4 ? fmt::format("198.51.100.7:{}", port)
                                                     : fmt::format("[2001:db8:7::7]:{}", port));
    }

    static model::Frontend service(const Kind& kind, int number = 1, int backends = 1) {
        auto out =
            frontend(vip(kind.family, number).address.text(), 80, static_cast<Protocol>(kind.protocol), 0);
        out.forward.kind = model::ForwardKind::nat;
        if (kind.full) out.forward.sources = {pool(kind.family)};
        for (int i = 1; i <= backends; i++) {
            model::Backend backend{address_of(i, kind.family)};
            if (kind.mapped) backend.port = net::Port(8080);
            out.targets.push_back({backend, {true, ""}, Accepts::all});
        }
        return out;
    }

    void serve(const Kind& kind, int backends = 1) {
        plan_.frontends = {service(kind, 1, backends)};
        apply();
    }

    static net::PacketSpec from_client(const Kind& kind, uint8_t flags = net::kTcpAck, int port = 0) {
        net::PacketSpec spec;
        spec.source_mac = kClient;
        spec.destination_mac = kBalancer;
        // Of its own for each kind: what a flow has begun with it keeps.
        spec.source = client(kind.family, port ? port : 1000 + kind.mapped + 2 * kind.full);
        spec.destination = vip(kind.family);
        spec.protocol = kind.protocol;
        spec.tcp_flags = flags;
        return spec;
    }

    /// What a packet of the client is to the backend, seen from `source`.
    static net::PacketSpec there(net::PacketSpec spec, const Kind& kind, const Endpoint& source,
                                 int backend = 1) {
        spec.source_mac = kBalancer;
        spec.destination_mac = mac_of(backend);
        spec.source = source;
        spec.destination = {address_of(backend, kind.family), net::Port(kind.mapped ? 8080 : 80)};
        spec.ttl--;
        return spec;
    }

    /// The backend's answer to what it got, and what that is to the client.
    static net::PacketSpec answer(const net::PacketSpec& got, uint8_t flags = net::kTcpAck) {
        auto spec = got;
        std::swap(spec.source_mac, spec.destination_mac);
        std::swap(spec.source, spec.destination);
        spec.vlan.reset();
        spec.tcp_flags = flags;
        spec.ttl = 64;
        return spec;
    }
    static net::PacketSpec back(net::PacketSpec answer, const net::PacketSpec& asked) {
        answer.source_mac = asked.destination_mac;
        answer.destination_mac = asked.source_mac;
        answer.source = asked.destination;
        answer.destination = asked.source;
        answer.vlan = asked.vlan;
        answer.ttl--;
        return answer;
    }

    /// The source under which the backend sees a flow; checks that it is one that it may be.
    static Endpoint source_of(const Ran& ran, const Kind& kind, int port) {
        auto frame = net::parse_frame(ran.frame);
        if (ran.verdict != XDP_TX || !frame) return {};
        if (!kind.full) {
            EXPECT_EQ(frame->source, client(kind.family, port));
        } else {
            EXPECT_TRUE(pool(kind.family).contains(frame->source.address)) << frame->source.text();
            EXPECT_GE(frame->source.port.value(), 1024);
        }
        return frame->source;
    }

    /// Sends a packet of the client; what the backend gets, as it should be.
    net::PacketSpec ask(const net::PacketSpec& spec, const Kind& kind, int backend = 1) const {
        auto ran = run(net::build_frame(spec));
        EXPECT_EQ(ran.verdict, XDP_TX);
        auto got = there(spec, kind, source_of(ran, kind, spec.source.port.value()), backend);
        got.vlan.reset();
        EXPECT_EQ(ran.frame, net::build_frame(got)) << text(kind);
        return got;
    }

    /// Whether the answer reaches the client who asked, as it should.
    bool answered(const net::PacketSpec& got, const net::PacketSpec& asked,
                  uint8_t flags = net::kTcpAck) const {
        auto spec = answer(got, flags);
        auto ran = run(net::build_frame(spec));
        return ran.verdict == XDP_TX && ran.frame == net::build_frame(back(spec, asked));
    }

    /// Makes every translation look that many ticks older.
    void age_translations(uint32_t ticks) const {
        for_each_translation([&](weir_translation& row) {
            row.age = (row.age - ticks) & WEIR_AGE_MASK;
            return true;
        });
    }
    size_t count_translations() const {
        size_t rows = 0;
        for_each_translation([&](weir_translation&) {
            rows++;
            return false;
        });
        return rows;
    }
    /// `change` says whether the row is to be written back.
    void for_each_translation(const std::function<bool(weir_translation&)>& change) const;
    void scan_all() const {
        for (int i = 0; i < 400; i++) tables_->scan();
    }
};

}  // namespace weir::engine::xdp
