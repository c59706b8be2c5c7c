#include "engine/proxy/tokens.h"

namespace weir::engine::proxy {

void Tokens::put(const net::Endpoint& backend) {
    const std::lock_guard lock(mutex_);
    held_.push_back(backend);
    wanted_ = false;
}

std::optional<net::Endpoint> Tokens::take() {
    std::optional<net::Endpoint> taken;
    {
        const std::lock_guard lock(mutex_);
        wanted_ = held_.empty();
        if (!wanted_) {
            taken = held_.front();
            held_.pop_front();
        }
    }
    on_taken_();
    return taken;
}

void Tokens::forget(const net::Endpoint& backend) {
    {
        const std::lock_guard lock(mutex_);
        if (std::erase(held_, backend) == 0) return;
    }
    on_taken_();
}

size_t Tokens::room() const {
    const std::lock_guard lock(mutex_);
    return held_.size() < most_ ? most_ - held_.size() : 0;
}

bool Tokens::is_wanted() const {
    const std::lock_guard lock(mutex_);
    return wanted_;
}

}  // namespace weir::engine::proxy
