#include "base/read_file.h"

#include <unistd.h>

#include <algorithm>

namespace weir {

Result<std::string> read_up_to(size_t most, const UniqueFd& file) {
    constexpr size_t kStep = 65536;
    std::string text;
    for (size_t total = 0;;) {
        text.resize(std::min(most, total + kStep));
        auto count = ::read(file.get(), text.data() + total, text.size() - total);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::unexpected(Error{std::generic_category().message(errno)});
        total += static_cast<size_t>(count);
        if (count > 0 && total < most) continue;
        text.resize(total);
        return text;
    }
}

}  // namespace weir
