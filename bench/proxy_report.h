// What bench/proxy.cc has measured: a value for each subject, column and round; and what weir has to reach
// beside its peers. Ratios are taken within a round, as the machine is shared.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <vector>

#include "bench/proxy_subject.h"

namespace weir::bench {

enum class Column : uint8_t {
    bulk_1,
    bulk_1_cost,
    bulk_16,
    bulk_16_cost,
    connections,
    p50,
    p99,
    exchanges,
    idle_memory,
    datagrams,
    datagram_exchanges,
    datagram_loss,
};
inline constexpr size_t kColumns = static_cast<size_t>(Column::datagram_loss) + 1;

class Report {
  public:
    /// What is no number is left out.
    void add(Kind kind, Column column, int round, double value);
    /// Why something is missing; once for each text.
    void note(const std::string& text);

    /// Tables in Markdown: medians and the 10th to 90th percentile; then ratios, and which targets are met.
    std::string tables() const;
    boost::json::value json() const;

  private:
    using Rounds = std::map<int, double>;

    struct Target {
        Column column;
        Kind ours;
        std::vector<Kind> peers;  // the best of them counts
        double wanted;            // ×; at least, or where less is better at most
    };
    struct Outcome {
        Kind peer;
        std::vector<double> ratios;  // of rounds in which both were measured
        bool met;
    };

    static const std::vector<Target>& targets();
    std::vector<double> values(Kind kind, Column column) const;
    Outcome judge(const Target& target) const;
    std::string targets_table() const;

    std::map<std::pair<Kind, Column>, Rounds> values_;
    std::vector<std::string> notes_;
};

}  // namespace weir::bench
