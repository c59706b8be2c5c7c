// The settings of the checks that say something of their own over a transport, and wait for an answer.
#include "config/check_kinds.h"
#include "config/escapes.h"

namespace weir::config {

model::Check::Kind read_tcp_check(const Fields& settings, Mistakes& mistakes) {
    model::TcpCheck tcp;
    settings.parsed("expect", read_escapes, tcp.expect);
    if (settings.parsed("send", read_escapes, tcp.send) && !settings.find("expect"))
        mistakes.add(settings.place_of("send"),
                     "nobody would see whether this arrived; add 'expect', or leave 'send' out");
    return tcp;
}

model::Check::Kind read_udp_check(const Fields& settings, Mistakes& mistakes) {
    constexpr size_t kMost = 1024;  // fits a packet of every link, whatever comes in front of it
    model::UdpCheck udp;
    settings.parsed("send", read_escapes, udp.send);
    settings.parsed("expect", read_escapes, udp.expect);
    if (udp.send.size() > kMost)
        mistakes.add(settings.place_of("send"),
                     "this is {} bytes long, too long for one packet; write {} at most", udp.send.size(),
                     kMost);
    return udp;
}

}  // namespace weir::config
