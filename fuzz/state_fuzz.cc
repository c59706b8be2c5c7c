// Any bytes as a file of the state folder (control/override_file.h, health_file.h, alert/unsent.h,
// announce/bfd/parked.h, engine/ipvs/record.h), or as the kernel's list of connections: never a crash, and
// what is accepted is written so that it is read as the same.
#include <cstdlib>
#include <string_view>

#include "alert/unsent.h"
#include "announce/bfd/parked.h"
#include "control/health_file.h"
#include "control/override_file.h"
#include "engine/ipvs/connection_table.h"
#include "engine/ipvs/record.h"

namespace {

using namespace weir::control;

const FileTime kNow{std::chrono::seconds(1000000)};

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto overrides = read_override_file(text))
        require(read_override_file(override_file_text(*overrides)) == overrides);
    if (auto legacy = read_health_file(text, kNow))
        require(read_health_file(health_file_text(*legacy, kNow), kNow) == legacy);
    if (auto unsent = weir::alert::read_unsent(text, kNow))
        require(weir::alert::read_unsent(weir::alert::unsent_text(*unsent), kNow) == unsent);
    namespace bfd = weir::announce::bfd;
    if (auto parked = bfd::read_parked(text, kNow))
        require(bfd::read_parked(bfd::parked_text(*parked, kNow + std::chrono::seconds(1)), kNow) == parked);
    namespace ipvs = weir::engine::ipvs;
    if (auto owned = ipvs::read_record(text, "boot"))
        require(ipvs::read_record(ipvs::record_text(*owned, "boot"), "boot") == owned);
    (void)ipvs::read_connection(text);
    return 0;
}
