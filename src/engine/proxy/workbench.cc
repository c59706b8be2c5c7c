#include "engine/proxy/workbench.h"

namespace weir::engine::proxy {

std::shared_ptr<Workbench> Workbench::of_this_thread() {
    thread_local std::weak_ptr<Workbench> mine;
    auto bench = mine.lock();
    if (!bench) mine = bench = std::make_shared<Workbench>();
    return bench;
}

}  // namespace weir::engine::proxy
