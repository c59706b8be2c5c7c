// What a UDP front and its sessions share, on one worker.
#pragma once

#include <expected>
#include <memory>

#include "base/unique_fd.h"
#include "engine/proxy/chooser.h"
#include "engine/proxy/front.h"
#include "engine/proxy/udp_errors.h"
#include "engine/proxy/udp_replies.h"

namespace weir::engine::proxy {

struct UdpCommon {
    /// Answers are gathered, and go to the clients once the round's events are done: `sender` has a turn
    /// then.
    void answers_wait() {
        if (!sending) around.loop.turn(*sender);
        sending = true;
    }

    Around around;
    std::shared_ptr<const Route> route;
    net::Endpoint vip;
    UniqueFd listener;  // clients send to it, and get their answers from it
    Chooser chooser;
    std::shared_ptr<UdpBuffers> buffers;
    Watcher* sender = nullptr;
    ClientNotice notice{};
    bool sending = false;
};

/// One session's part of the service's and the engine's connections, until it is given back.
class UdpAdmission {
  public:
    static std::expected<UdpAdmission, Reason> take(Shared& shared, const Route& route);
    UdpAdmission(UdpAdmission&& other) noexcept = default;
    UdpAdmission& operator=(UdpAdmission&&) = delete;
    ~UdpAdmission() { give_back(); }
    void give_back();

  private:
    UdpAdmission(Shared& shared, std::shared_ptr<Budget> budget)
        : shared_(&shared), budget_(std::move(budget)) {}

    Shared* shared_;
    std::shared_ptr<Budget> budget_;  // none: nothing is to be given back
};

}  // namespace weir::engine::proxy
