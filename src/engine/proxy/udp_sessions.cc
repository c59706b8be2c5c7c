#include "engine/proxy/udp_sessions.h"

#include <cstring>
#include <random>
#include <set>

#include "sched/hash.h"

namespace weir::engine::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kGivesWay = 1s;        // after so long without a word
constexpr size_t kEndsAtOnce = 1024;  // of sessions, before others have their turn

uint64_t random_seed() {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
}

}  // namespace

size_t UdpSessions::Hash::operator()(const net::Endpoint& endpoint) const {
    uint64_t words[2] = {};
    const auto bytes = endpoint.address.bytes();
    std::memcpy(words, bytes.data(), bytes.size());
    return sched::mix(sched::mix(sched::mix(seed ^ words[0]) ^ words[1]) ^ endpoint.port.value());
}

UdpSessions::UdpSessions(UdpCommon& common, std::function<void()> on_empty)
    : common_(common),
      on_empty_(std::move(on_empty)),
      by_client_(0, Hash{random_seed()}),
      alarm_(common.around.loop, [this] { end_idle(); }) {}

UdpSession* UdpSessions::find(const net::Endpoint& client) const {
    const auto found = by_client_.find(client);
    return found == by_client_.end() ? nullptr : found->second.get();
}

UdpSession* UdpSessions::add(const net::Endpoint& client) {
    auto& shared = common_.around.shared;
    auto admission = UdpAdmission::take(shared, *common_.route);
    if (!admission && evict_one()) {
        auto again = UdpAdmission::take(shared, *common_.route);
        if (again) return insert(client, std::move(*again));
    }
    if (admission) return insert(client, std::move(*admission));
    shared.count(admission.error());
    return nullptr;
}

UdpSession* UdpSessions::insert(const net::Endpoint& client, UdpAdmission admission) {
    auto session = std::make_unique<UdpSession>(common_, *this, client, std::move(admission));
    auto* added = session.get();
    added->place.used = common_.around.loop.now();
    added->place.at = once_.insert(once_.end(), added);
    by_client_.emplace(client, std::move(session));
    arm();
    return added;
}

void UdpSessions::touch(UdpSession& session, bool by_client) {
    auto& place = session.place;
    const auto now = common_.around.loop.now();
    const bool begins = by_client && !place.talks;
    if (!begins && place.used == now) return;
    auto& from = list_of(session);
    place.used = now;
    place.talks = place.talks || by_client;
    auto& to = list_of(session);
    to.splice(to.end(), from, place.at);
}

void UdpSessions::end(UdpSession& session) {
    list_of(session).erase(session.place.at);
    auto ended = std::move(by_client_.extract(session.client()).mapped());
    ended->close();
    common_.around.loop.bury(std::move(ended));
    if (by_client_.empty()) {
        alarm_.clear();
        on_empty_();
    }
}

void UdpSessions::end_all() {
    while (!by_client_.empty()) end(*by_client_.begin()->second);
}

bool UdpSessions::evict_one() {
    if (once_.empty() || common_.around.loop.now() - once_.front()->place.used < kGivesWay) return false;
    end(*once_.front());
    return true;
}

void UdpSessions::reconsider() {
    std::set<net::Endpoint> keepers;
    for (const auto& target : common_.route->targets)
        if (target.keeps) keepers.insert(target.backend);
    std::vector<UdpSession*> lost;
    for (const auto& [client, session] : by_client_) {
        session->follow(*common_.route);
        if (session->backend() && !keepers.contains(*session->backend())) lost.push_back(session.get());
    }
    common_.around.shared.count(Reason::backend_removed, lost.size());
    for (auto* session : lost) end(*session);
    alarm_.clear();
    arm();
}

void UdpSessions::end_idle() {
    const auto now = common_.around.loop.now();
    const auto timeout = common_.route->settings.udp_timeout;
    if (timeout == 0ms) return;
    size_t left = kEndsAtOnce;
    for (auto* list : {&once_, &talk_})
        for (; left > 0 && !list->empty() && list->front()->place.used + timeout <= now; --left) {
            if (common_.route->settings.one_packet) common_.around.shared.count(Reason::idle);  // unanswered
            end(*list->front());
        }
    if (left == 0 && !empty())
        alarm_.set(now + 1ns);
    else
        arm();
}

/// It rings when the one that was used the longest ago would end; what came meanwhile is seen then.
void UdpSessions::arm() {
    const auto timeout = common_.route->settings.udp_timeout;
    if (alarm_.is_set() || empty() || timeout == 0ms) return;
    auto oldest = Loop::Time::max();
    for (const auto* list : {&once_, &talk_})
        if (!list->empty()) oldest = std::min(oldest, list->front()->place.used);
    alarm_.set(oldest + timeout);
}

}  // namespace weir::engine::proxy
