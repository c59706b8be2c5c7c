#include "discovery/json_stream.h"

#include "discovery/value.h"

namespace weir::discovery {

Status JsonStream::put(std::string_view piece, const Take& take) {
    constexpr std::string_view kSpace = " \t\r\n";
    while (!piece.empty()) {
        if (taken_ == 0) {
            auto begin = piece.find_first_not_of(kSpace);
            if (begin == piece.npos) return {};
            piece.remove_prefix(begin);
        }
        boost::system::error_code error;
        auto count = parser_.write_some(piece.data(), piece.size(), error);
        if (error) return fail("'{}' is not JSON: {}", excerpt(piece), error.message());
        piece.remove_prefix(count);
        taken_ += count;
        if (taken_ > most_bytes_) return fail("a JSON value is larger than {} bytes", most_bytes_);
        if (!parser_.done()) continue;
        auto value = parser_.release();
        parser_.reset();
        taken_ = 0;
        if (auto taken = take(std::move(value)); !taken) return taken;
    }
    return {};
}

}  // namespace weir::discovery
