#include "discovery/lists.h"

namespace weir::discovery {

bool Lists::take(std::string_view bytes, const std::function<void(std::string_view list)>& call) {
    while (!bytes.empty()) {
        auto end = bytes.find('\n');
        auto piece = bytes.substr(0, end == bytes.npos ? end : end + 1);
        bytes.remove_prefix(piece.size());
        if (piece.size() > most_ - text_.size()) return false;
        text_ += piece;
        if (piece.find_first_not_of(" \t\r\n") != piece.npos) line_is_blank_ = false;
        if (end == bytes.npos) return true;
        if (line_is_blank_) {
            call(text_);
            text_.clear();
        }
        line_is_blank_ = true;
    }
    return true;
}

}  // namespace weir::discovery
