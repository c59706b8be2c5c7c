// Reads `KIND SIZE ADDRESS=WEIGHT …` lines and prints the table of each: an index a column. For
// tests/oracle/tables.py.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "sched/table.h"

namespace {

using namespace weir;

Result<sched::Candidate> parse_candidate(const std::string& text) {
    auto equals = text.find('=');
    if (equals == std::string::npos) return fail("'{}' has no weight; write ADDRESS=WEIGHT", text);
    auto address = net::Ip::parse(text.substr(0, equals));
    if (!address) return propagate(address);
    return sched::Candidate{*address, static_cast<uint32_t>(std::stoul(text.substr(equals + 1)))};
}

Status print(const std::string& line) {
    std::istringstream words(line);
    std::string kind, word;
    model::Scheduler scheduler;
    words >> kind >> scheduler.table_size;
    if (kind == "rendezvous") scheduler.kind = model::SchedulerKind::rendezvous;
    if (kind == "rr") scheduler.kind = model::SchedulerKind::rr;
    std::vector<sched::Candidate> candidates;
    while (words >> word) {
        auto candidate = parse_candidate(word);
        if (!candidate) return propagate(candidate);
        candidates.push_back(*candidate);
    }
    fmt::print("{}\n", fmt::join(sched::build_table(scheduler, candidates), " "));
    return {};
}

}  // namespace

int main() {
    for (std::string line; std::getline(std::cin, line);) {
        if (auto status = print(line); !status) {
            fmt::print(stderr, "print_table: {}\n", status.error().message);
            return 1;
        }
    }
}
