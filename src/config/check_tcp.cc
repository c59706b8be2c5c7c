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

}  // namespace weir::config
