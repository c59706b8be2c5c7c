// What `weir refresh` prints of what a source finds. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discovery/source.h"

namespace weir::cli {

class PrintedList {
  public:
    struct Order {
        bool weighted = false;                    // say the weights
        std::optional<net::Port> default_port{};  // of backends that have none
    };
    struct News {
        std::optional<std::string> text;      // to print, where it is another list than the last
        std::vector<std::string> left_out{};  // and why, where that is not what it was
    };

    explicit PrintedList(Order order) : order_(order) {}

    /// Of several priorities only those are printed that come first; those of weight 0 are not.
    News update(const discovery::Set& set);

  private:
    const Order order_;
    std::optional<std::string> last_;
    std::vector<std::string> left_out_;
};

}  // namespace weir::cli
