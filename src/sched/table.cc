#include "sched/table.h"

namespace weir::sched {

std::vector<uint32_t> build_table(const model::Scheduler& scheduler, std::span<const Candidate> candidates) {
    switch (scheduler.kind) {
        case model::SchedulerKind::maglev:
        case model::SchedulerKind::wlc:
        case model::SchedulerKind::random:
            return build_maglev(candidates, scheduler.table_size);
        case model::SchedulerKind::rendezvous:
            return build_rendezvous(candidates, scheduler.table_size);
        case model::SchedulerKind::rr:
            return build_turns(candidates, scheduler.table_size);
    }
    __builtin_unreachable();
}

}  // namespace weir::sched
