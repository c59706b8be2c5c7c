// open_udp() of front.h: the front is a handle, and what the loop may still call outlives it by a round.
#include "engine/proxy/front.h"
#include "engine/proxy/udp_listener.h"
#include "engine/proxy/udp_socket.h"

namespace weir::engine::proxy {
namespace {

class UdpFront : public Front {
  public:
    UdpFront(Loop& loop, std::unique_ptr<UdpListener> listener)
        : loop_(loop), listener_(std::move(listener)) {}
    ~UdpFront() override {
        listener_->close();
        loop_.bury(std::move(listener_));
    }

    void set(std::shared_ptr<const Route> route) override { listener_->set(std::move(route)); }
    void leave(std::function<void()> done) override { listener_->leave(std::move(done)); }

  private:
    Loop& loop_;
    std::unique_ptr<UdpListener> listener_;
};

}  // namespace

Result<std::unique_ptr<Front>> open_udp(const Around& around, std::shared_ptr<const Route> route) {
    const auto& key = route->key;
    if (key.is_mark() || key.free_bits != 0 || key.more_ports != 0)
        return fail("{}: a proxy takes one address and one port; write them one by one", key.text());
    auto socket = open_udp_listener({key.vip, key.port});
    if (!socket) return propagate(socket, route->service);
    auto listener = std::make_unique<UdpListener>(around, route, std::move(*socket));
    auto watched = listener->watch();
    if (!watched) return propagate(watched);
    return std::make_unique<UdpFront>(around.loop, std::move(listener));
}

}  // namespace weir::engine::proxy
