#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>

#include "base/read_file.h"
#include "config/sections.h"

namespace weir::config {
namespace {

using Key = std::array<uint8_t, 16>;

Result<UniqueFd> open_named_file(const std::string& path, std::string_view what) {
    if (!path.starts_with('/'))
        return fail("'{}' is not an absolute path, as a {}'s must be; begin with '/'", path, what);
    struct stat file{};
    if (::stat(path.c_str(), &file) == 0 && !S_ISREG(file.st_mode))
        return fail("'{}' is not a regular file; give the path of a {}", path, what);
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd)
        return fail_with(errno, "cannot open '{}', the {}; give the path of a readable file", path, what);
    return fd;
}

Result<std::string> read_all(const UniqueFd& fd, const std::string& path, std::string_view what,
                             size_t most) {
    auto text = read_up_to(most + 1, fd);
    if (!text)
        return propagate(
            text, fmt::format("cannot read '{}', the {}; give the path of a readable file", path, what));
    if (text->size() > most)
        return fail("'{}' is larger than {} bytes; give the path of a {}", path, most, what);
    return text;
}

Result<Key> read_key(const std::string& path) {
    constexpr size_t kMoreThanNeeded = 4096;
    auto text = read_named_file(path, "key file", kMoreThanNeeded);
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

Result<std::string> read_named_file(const std::string& path, std::string_view what, size_t most) {
    auto fd = open_named_file(path, what);
    if (!fd) return propagate(fd);
    return read_all(*fd, path, what, most);
}

Result<std::string> read_secret_file(const std::string& path, std::string_view what, size_t most) {
    auto fd = open_named_file(path, what);
    if (!fd) return propagate(fd);
    struct stat file{};
    if (::fstat(fd->get(), &file) != 0)
        return fail_with(errno, "cannot tell who may read '{}', the {}", path, what);
    if (file.st_mode & S_IROTH)
        return fail("everybody may read '{}', and it is a secret; set its mode to 0600", path);
    return read_all(*fd, path, what, most);
}

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
