// The listening socket of a UDP front: reads what clients send, a batch at a time, and hands each client's
// part to its session at once. Watched level-triggered, so that a flood leaves the others their turns. Of the
// worker's thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "engine/proxy/udp_common.h"
#include "engine/proxy/udp_sessions.h"

namespace weir::engine::proxy {

class UdpListener : public Watcher {
  public:
    UdpListener(const Around& around, const std::shared_ptr<const Route>& route, UniqueFd socket);

    Status watch();
    void set(std::shared_ptr<const Route> route);
    /// Sessions that there are go on, and need the socket; what other clients send is dropped and counted as
    /// no_backend. `done`: after the last session has ended, from the loop.
    void leave(std::function<void()> done);
    /// Ends everything: no one is called any more.
    void close();

    /// 0: answers are to be sent, or all is done.
    void ready(uint32_t events) override;

  private:
    struct Group {
        UdpSession* session;
        uint8_t first;
        uint8_t last;
    };

    bool read_batch();
    UdpSession* session_of(const Arrival& arrival);
    void put(UdpSession& session, uint8_t place);
    void send(const Group& group);
    void finish();

    UdpCommon common_;
    UdpSessions sessions_;
    std::vector<Group> groups_;              // of one batch: each session's places, in order
    std::array<uint8_t, kUdpBatch> next_{};  // place, of the same session
    std::function<void()> done_;             // leaves
};

}  // namespace weir::engine::proxy
