// What Tables shares of its flows: the words of flow_sharing.h in the model's terms.
#include <algorithm>
#include <bit>

#include "engine/xdp/tables.h"

namespace weir::engine::xdp {
namespace {

uint32_t to_abi(model::FlowState state) {
    switch (state) {
        case model::FlowState::established:
            return WEIR_ESTABLISHED;
        case model::FlowState::closing:
            return WEIR_CLOSING;
        case model::FlowState::datagram:
            return WEIR_DATAGRAM;
    }
    return WEIR_ESTABLISHED;
}

model::FlowState from_abi(uint32_t state) {
    if (state == WEIR_CLOSING) return model::FlowState::closing;
    return state == WEIR_DATAGRAM ? model::FlowState::datagram : model::FlowState::established;
}

}  // namespace

/// Null where the number is nobody's, or of a target that has left.
const model::TargetKey* Tables::key_of_number(uint32_t number) {
    if (!keys_ || keys_->of != numbers_.changes()) {
        keys_ = {numbers_.changes(), std::vector<const model::TargetKey*>(datapath_->sizes().target_slots)};
        for (const auto& [key, each] : numbers_.live()) keys_->by_number[each] = &key;
    }
    return number < keys_->by_number.size() ? keys_->by_number[number] : nullptr;
}

/// Nothing before there is a table.
std::optional<FlowSharing::Times> Tables::begin_sharing() {
    auto now = ticks_.now();
    if (!datapath_ || !now) return std::nullopt;
    if (!sharing_) sharing_.emplace(datapath_->flows());
    return FlowSharing::Times{*now, timeouts_};
}

/// What a word comes to, for those who are told.
FlowSharing::Sink Tables::teller(std::vector<model::ToldFlow>& out) {
    return [this, &out](const FlowWord& word) {
        const auto* key = key_of_number(word.number);
        if (!key) return;
        auto idle = static_cast<int64_t>(word.idle * ticks_.length());
        out.push_back({key, {word.hash, from_abi(word.state), std::chrono::seconds(idle)}});
    };
}

void Tables::read_changes(size_t first, size_t count, std::vector<model::ToldFlow>& out) {
    if (auto times = begin_sharing()) sharing_->read_changes(first, count, *times, teller(out));
}

void Tables::read_all(size_t first, size_t count, std::vector<model::ToldFlow>& out) {
    if (auto times = begin_sharing()) sharing_->read_all(first, count, *times, teller(out));
}

model::TakenFlows Tables::take(const model::TargetKey& target, unsigned bucket_bits,
                               std::span<const model::SharedFlow> flows, unsigned share) {
    model::TakenFlows result;
    auto times = begin_sharing();
    auto number = times ? numbers_.find(target) : 0;
    if (number == 0) {
        result.unknown = flows.size();
        return result;
    }
    auto most = datapath_->flows().size() * WEIR_WAYS * share / 100;
    for (const auto& flow : flows) {
        auto idle = static_cast<uint32_t>(static_cast<double>(flow.idle.count()) / ticks_.length());
        auto state = to_abi(flow.state);
        if (idle > times->timeouts[state]) {
            result.kept++;  // it is over here
            continue;
        }
        switch (sharing_->take({flow.hash, number, state, idle}, bucket_bits, most, *times)) {
            case Taken::taken:
                result.taken++;
                break;
            case Taken::kept:
                result.kept++;
                break;
            case Taken::full:
                result.full++;
                break;
            case Taken::unfit:
                result.unfit++;
                break;
        }
    }
    return result;
}

}  // namespace weir::engine::xdp
