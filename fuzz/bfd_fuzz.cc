// Any bytes as BFD packets (announce/bfd/packet.h), and those that are in order through a session
// (announce/bfd/session.h), in which time passes: what it sends is in order as well, its intervals are within
// what both ends allow, and it never sends less than nothing or all the time.
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "announce/bfd/session.h"

namespace {

using namespace weir::announce::bfd;
using namespace std::chrono_literals;

constexpr Timers kTimers[] = {{50ms, 3}, {10ms, 1}, {10s, 50}};
constexpr uint32_t kOurs = 0x01010101;

void require(bool holds) {
    if (!holds) std::abort();
}

class World {
  public:
    explicit World(uint8_t choice) : session_(kTimers[choice % 3], kOurs, choice, now_) {}

    /// A byte of time, then a packet.
    void step(std::span<const uint8_t> input) {
        now_ += input[0] * 20ms;
        act(session_.tick(now_));
        require(!session_.next() || *session_.next() > now_);
        // A copy of just this size, so that a read behind its end is seen.
        const auto bytes = input.subspan(1);
        auto exact = std::make_unique<uint8_t[]>(bytes.size());
        std::ranges::copy(bytes, exact.get());
        auto packet = read({exact.get(), bytes.size()});
        if (!packet) return;
        require(packet->multiplier != 0 && packet->mine != 0);
        require(packet->yours != 0 || packet->state <= State::down);
        require(read(write(*packet)) == packet);
        if (input[0] & 1) packet->yours = kOurs;
        if (input[0] == 0xfe) session_.change(kTimers[bytes[2] % 3]);
        if (input[0] == 0xff) session_.park(30s);
        if (session_.owns(*packet)) act(session_.received(*packet, now_));
    }

  private:
    void act(const Step& step) {
        require(!step.former || *step.former != session_.state());
        require(session_.detection_time() >= 0us && session_.transmit_interval() >= 0us);
        require(session_.transmit_interval() == 0us || session_.transmit_interval() >= 10ms);
        if (session_.state() == State::init || session_.state() == State::up)
            require(session_.next() && *session_.next() <= now_ + session_.detection_time());
        if (!step.send) return;
        require(!(step.send->poll && step.send->final));
        require(step.send->state == session_.state());
        require(step.send->state == State::up || step.send->desired_min_tx >= Session::kSlow);
        auto again = read(write(*step.send));
        require(again ? *again == *step.send : step.send->yours == 0);
    }

    Session::Time now_{1000s};
    Session session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    World world(data[0]);
    std::span<const uint8_t> left(data + 1, size - 1);
    while (!left.empty()) {
        const auto count = std::min(left.size(), kPacketSize + 1);
        world.step(left.first(count));
        left = left.subspan(count);
    }
    return 0;
}
