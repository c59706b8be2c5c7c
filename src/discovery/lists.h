// Lists out of a stream of text, each ended by a blank line, as lbtk's refreshers print them. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace weir::discovery {

class Lists {
  public:
    /// `most`: bytes of a list.
    explicit Lists(size_t most) : most_(most) {}

    /// Calls for each list that ends in these bytes, in order. False when one is longer than it may be: what
    /// follows has no meaning then.
    bool take(std::string_view bytes, const std::function<void(std::string_view list)>& call);

  private:
    const size_t most_;
    std::string text_;           // of the list that has not ended
    bool line_is_blank_ = true;  // its last one, so far
};

}  // namespace weir::discovery
