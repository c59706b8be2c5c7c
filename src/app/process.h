// What the daemon does not leave to whoever has started it.
#pragma once

namespace weir::app {

/// At the very start. Children's ends are to be told to those who wait for them, and each probe and each
/// client of the API takes a descriptor, so the limit of these goes up as far as it may.
void set_up_process();

}  // namespace weir::app
