#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/unique_fd.h"
#include "config/sections.h"

namespace weir::config {
namespace {

using Key = std::array<uint8_t, 16>;

/// The first bytes of a regular file. Nothing else is even opened: it might block, or take that for a
/// command.
Result<std::string> read_start(const std::string& path, size_t most) {
    if (!path.starts_with('/'))
        return fail("'{}' is not an absolute path, as a key file's must be; begin with '/'", path);
    struct stat file{};
    if (::stat(path.c_str(), &file) == 0 && !S_ISREG(file.st_mode))
        return fail("'{}' is not a regular file; give the path of a key file", path);
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return fail_with(errno, "cannot open the key file; give the path of a readable file");
    std::string text(most, '\0');
    auto count = ::read(fd.get(), text.data(), text.size());
    if (count < 0) return fail_with(errno, "cannot read the key file; give the path of a readable file");
    text.resize(static_cast<size_t>(count));
    return text;
}

Result<Key> read_key(const std::string& path) {
    constexpr size_t more_than_needed = 64;
    auto text = read_start(path, more_than_needed);
    if (!text) return propagate(text);
    Key key{};
    if (text->size() == key.size()) {
        std::copy(text->begin(), text->end(), key.begin());
        return key;
    }
    auto end = text->find_last_not_of(" \t\r\n");
    auto bytes = read_hex(std::string_view(*text).substr(0, end == text->npos ? 0 : end + 1));
    if (!bytes || bytes->size() != key.size())
        return fail("'{}' does not hold a key; it takes 32 hex digits or 16 raw bytes", path);
    std::copy(bytes->begin(), bytes->end(), key.begin());
    return key;
}

}  // namespace

std::optional<std::vector<uint8_t>> read_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<uint8_t> bytes(text.size() / 2);
    for (size_t i = 0; i < bytes.size(); i++) {
        const char* digits = text.data() + 2 * i;
        auto [end, error] = std::from_chars(digits, digits + 2, bytes[i], 16);
        if (error != std::errc{} || end != digits + 2) return std::nullopt;
    }
    return bytes;
}

void read_keys(Draft& draft, Mistakes& mistakes) {
    for (auto& service : draft.services)
        for (auto& config : service.quic) {
            if (config.key_file.at == Place{}) continue;
            auto key = read_key(config.key_file.value);
            if (key)
                config.value.key = *key;
            else
                mistakes.note(config.key_file.at, key.error().message);
        }
}

}  // namespace weir::config
