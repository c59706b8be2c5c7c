// A flow table in memory, for tests and benches.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "model/flow_store.h"

namespace weir::sync {

class FakeStore final : public model::FlowStore {
  public:
    /// Targets that it knows. Flows of others are refused.
    explicit FakeStore(std::vector<model::TargetKey> targets, size_t buckets = 64)
        : targets_(targets.begin(), targets.end()), buckets_(buckets) {}

    /// A packet of the flow has come here.
    void see(const model::TargetKey& target, model::SharedFlow flow) {
        auto& rows = buckets_.at(flow.hash % buckets_.size());
        auto& row = rows[flow.hash];
        peers_ -= !row.own && row.target;
        row = {&*targets_.insert(target).first, flow, true, true};
    }
    /// What the table holds of it.
    const model::SharedFlow* find(uint64_t hash) const {
        const auto& rows = buckets_.at(hash % buckets_.size());
        auto found = rows.find(hash);
        return found == rows.end() ? nullptr : &found->second.flow;
    }
    const model::TargetKey* target_of(uint64_t hash) const {
        const auto& rows = buckets_.at(hash % buckets_.size());
        auto found = rows.find(hash);
        return found == rows.end() ? nullptr : found->second.target;
    }
    size_t size() const {
        size_t all = 0;
        for (const auto& rows : buckets_) all += rows.size();
        return all;
    }
    void resize(size_t buckets) {
        auto former = std::exchange(buckets_, std::vector<Rows>(buckets));
        for (auto& rows : former)
            for (auto& [hash, row] : rows) buckets_[hash % buckets][hash] = row;
    }

    size_t buckets() const override { return buckets_.size(); }

    void read_changes(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        for (size_t i = first; i < first + count; ++i)
            for (auto& [hash, row] : buckets_.at(i))
                if (row.own && std::exchange(row.changed, false)) out.push_back({row.target, row.flow});
    }

    void read_all(size_t first, size_t count, std::vector<model::ToldFlow>& out) override {
        for (size_t i = first; i < first + count; ++i)
            for (auto& [hash, row] : buckets_.at(i)) out.push_back({row.target, row.flow});
    }

    model::TakenFlows take(const model::TargetKey& target, unsigned bucket_bits,
                           std::span<const model::SharedFlow> flows, unsigned share) override {
        last_bucket_bits = bucket_bits;
        model::TakenFlows taken;
        auto known = targets_.find(target);
        for (const auto& flow : flows) {
            if (known == targets_.end()) {
                ++taken.unknown;
                continue;
            }
            auto& rows = buckets_.at(flow.hash % buckets_.size());
            auto found = rows.find(flow.hash);
            if (found != rows.end() && found->second.own) {
                ++taken.kept;
            } else if (found == rows.end() && peers_ >= kCapacity * share / 100) {
                ++taken.full;
            } else {
                peers_ += found == rows.end();
                rows[flow.hash] = {&*known, flow, false, false};
                ++taken.taken;
            }
        }
        return taken;
    }

    uint64_t from_peers() const override { return peers_; }

    static constexpr uint64_t kCapacity = 100'000;
    unsigned last_bucket_bits = 0;

  private:
    struct Row {
        const model::TargetKey* target = nullptr;
        model::SharedFlow flow{};
        bool own = false;
        bool changed = false;
    };
    using Rows = std::map<uint64_t, Row>;

    std::set<model::TargetKey> targets_;  // places stay
    std::vector<Rows> buckets_;
    uint64_t peers_ = 0;
};

}  // namespace weir::sync
