// What a test sees and changes of the tc filters on an interface of the calling thread's network namespace.
#pragma once

#include <cstddef>
#include <optional>
#include <ostream>

#include "net/ip.h"

namespace weir::e2e {

struct TcState {
    bool clsact = false;
    size_t filters = 0;  // on both sides
    size_t rows = 0;     // of the maps `detours` behind them

    bool operator==(const TcState&) const = default;
};
std::ostream& operator<<(std::ostream& out, const TcState& state);

TcState tc_state(int ifindex);

void make_clsact(int ifindex);
void delete_clsact(int ifindex);
/// An operator's own egress filter, which does nothing.
void add_filter(int ifindex, unsigned priority);

std::optional<net::Ip> link_local(const char* ifname);

}  // namespace weir::e2e
