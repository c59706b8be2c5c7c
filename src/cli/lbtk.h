// What lbtk calls its tools, each a program of its own, as subcommands of weir.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

/// `refresh-static …` as `refresh static …`, `echo-tcp-splice` as `echo`; what is none of lbtk's stays.
std::vector<std::string> without_lbtk_names(std::vector<std::string> words);

}  // namespace weir::cli
