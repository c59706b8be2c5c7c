// What weir has made in the kernel, in a file, so that the next daemon knows it for its own. It holds for one
// boot: what another has left behind in the file is in no kernel any more. JSON with a version:
//   {"version":1,"boot":"…","services":[{"address":"192.0.2.1","port":80,"protocol":6},{"mark":7,"family":4}],
//    "addresses":["192.0.2.1"],"daemons":["master"]}
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/state_file.h"
#include "engine/ipvs/difference.h"

namespace weir::engine::ipvs {

std::string record_text(const Owned& owned, std::string_view boot);
/// Nothing is owned where the record is of another boot.
Result<Owned> read_record(std::string_view text, std::string_view boot);

/// The kernel's name for this boot; empty where it has none.
std::string this_boot();

class Record {
  public:
    Record(std::string path, std::string boot) : file_(std::move(path)), boot_(std::move(boot)) {}

    /// A file that is of no use is set aside (base/state_file.h): then nothing is ours.
    Result<Owned> load();
    Status save(const Owned& owned) const { return file_.save(record_text(owned, boot_)); }
    Status remove() const { return file_.remove(); }

  private:
    StateFile file_;
    std::string boot_;
};

}  // namespace weir::engine::ipvs
