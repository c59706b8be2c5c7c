// The daemon's metrics in Prometheus' text format, declared once in a table (doc/metrics.md says the same for
// people).
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/gate.h"
#include "control/status.h"

namespace weir::admin {

/// What the daemon knows of itself, and what the API counts.
struct Measured : control::StatusReport {
    Tally api{};
};

enum class MetricKind { gauge, counter };

using AddSample = std::function<void(std::vector<std::string> label_values, double value)>;

struct Metric {
    std::string_view name;
    MetricKind kind;
    std::vector<std::string_view> labels;
    std::string_view help;
    void (*collect)(const Measured& report, const AddSample& add);
};

std::span<const Metric> metric_table();
// metrics_sync.cc: a part of it.
std::vector<Metric> sync_metrics();

std::string metrics_text(const Measured& report);

}  // namespace weir::admin
