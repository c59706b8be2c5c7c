#include "lab/ip_batch.h"

#include "lab/failure.h"
#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

void ip_batch(Host& host, const std::string& commands) {
    const TempDir dir;
    const Finished done = run(host, {"ip", "-batch", dir.write("commands", commands)});
    if (done.status != 0) give_up("{}: ip failed:\n{}{}", host.name(), commands, done.err);
}

}  // namespace weir::lab
