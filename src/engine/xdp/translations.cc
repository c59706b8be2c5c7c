#include "engine/xdp/translations.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cerrno>

namespace weir::engine::xdp {
namespace {

constexpr uint32_t kBatch = 4096;
constexpr size_t kCursor = sizeof(weir_tuple);  // the kernel's place in a hash map: at most a key

/// One tick more than the datapath waits, as FlowScan does.
bool outlived(const weir_translation& row, uint32_t now, const Timeouts& timeouts) {
    return ticks_since(row.age, now) > timeouts[row.state & (WEIR_FLOW_STATES - 1)] + 1;
}

}  // namespace

TranslationScan::TranslationScan(int map) : map_(map), cursor_(kCursor) {}

void TranslationScan::step(uint32_t rows, uint32_t now, const Timeouts& timeouts) {
    keys_.resize(rows);
    rows_.resize(rows);
    uint32_t count = rows;
    // A bucket that holds more rows than asked for is an error (ENOSPC); none is as long as a step.
    int error = bpf_map_lookup_batch(map_, begun_ ? cursor_.data() : nullptr, cursor_.data(), keys_.data(),
                                     rows_.data(), &count, nullptr);
    if (error && error != -ENOENT) {
        begun_ = false;
        counting_ = 0;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (outlived(rows_[i], now, timeouts))
            bpf_map_delete_elem(map_, &keys_[i]);
        else
            counting_++;
    }
    begun_ = !error;
    if (begun_) return;
    used_ = counting_;
    counting_ = 0;
}

Status copy_rows(int from, int to) {
    std::vector<weir_tuple> keys(kBatch);
    std::vector<weir_translation> values(kBatch);
    std::vector<uint8_t> cursor(kCursor);
    for (bool begun = false;; begun = true) {
        uint32_t count = kBatch;
        int error = bpf_map_lookup_batch(from, begun ? cursor.data() : nullptr, cursor.data(), keys.data(),
                                         values.data(), &count, nullptr);
        if (error && error != -ENOENT) return fail_with(-error, "cannot read the table of translations");
        for (uint32_t i = 0; i < count; i++)
            if (int failed = bpf_map_update_elem(to, &keys[i], &values[i], BPF_NOEXIST);
                failed && failed != -EEXIST)
                return fail_with(-failed, "cannot copy the table of translations");
        if (error) return {};
    }
}

}  // namespace weir::engine::xdp
