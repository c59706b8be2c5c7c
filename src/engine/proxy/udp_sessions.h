// The sessions of one UDP front by client, hashed with a seed of its own: clients choose their ports. There
// are two lists in order of last use: of clients that have sent one datagram, and of those that talk. When
// the service has as many sessions as it may, the oldest of the first list gives way to a new client, if
// nothing was heard of it for a second; those that talk never do. So a flood of forged addresses fills the
// room only for newcomers. Of the worker's thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <unordered_map>

#include "engine/proxy/udp_session.h"

namespace weir::engine::proxy {

class UdpSessions {
  public:
    /// `on_empty`: after the last session has ended.
    UdpSessions(UdpCommon& common, std::function<void()> on_empty);

    UdpSession* find(const net::Endpoint& client) const;
    /// Nothing where there is no room: that is counted.
    UdpSession* add(const net::Endpoint& client);
    /// Something came, from the client (not its first) or from the backend.
    void touch(UdpSession& session, bool by_client);
    void end(UdpSession& session);
    void end_all();
    /// Those whose backend may not keep them by the route that there is now; and looks at its time-out.
    void reconsider();
    bool empty() const { return by_client_.empty(); }

  private:
    struct Hash {
        uint64_t seed;
        size_t operator()(const net::Endpoint& endpoint) const;
    };

    UdpSession* insert(const net::Endpoint& client, UdpAdmission admission);
    bool evict_one();
    void end_idle();
    void arm();
    std::list<UdpSession*>& list_of(const UdpSession& session) { return session.place.talks ? talk_ : once_; }

    UdpCommon& common_;
    std::function<void()> on_empty_;
    std::unordered_map<net::Endpoint, std::unique_ptr<UdpSession>, Hash> by_client_;
    std::list<UdpSession*> once_;
    std::list<UdpSession*> talk_;
    Alarm alarm_;
};

}  // namespace weir::engine::proxy
