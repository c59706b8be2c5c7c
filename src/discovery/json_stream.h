// JSON values that come one after the other, in pieces that begin and end anywhere.
#pragma once

#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace weir::discovery {

class JsonStream {
  public:
    /// `take` gets each value once it is whole. Who gives an error gets no more.
    using Take = std::function<Status(boost::json::value value)>;

    explicit JsonStream(size_t most_bytes) : most_bytes_(most_bytes) {}

    /// Fails at what is not JSON, and at a value that is larger than the bound.
    Status put(std::string_view piece, const Take& take);

  private:
    const size_t most_bytes_;  // of one value
    size_t taken_ = 0;         // of the one that comes in
    boost::json::stream_parser parser_;
};

}  // namespace weir::discovery
