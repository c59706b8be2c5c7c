#include "config/klb/machine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>

#include "base/read_file.h"

namespace weir::config::klb {

Result<std::optional<std::string>> Machine::read(const std::string& path, size_t most) const {
    // A pipe is not waited for, and no device is opened: that might be a command to it.
    struct stat file{};
    if (::stat(path.c_str(), &file) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        return fail_with(errno, "cannot open it");
    }
    if (!S_ISREG(file.st_mode)) return fail("it is not a regular file");
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) return fail_with(errno, "cannot open it");
    auto text = read_up_to(most, fd);
    if (!text) return propagate(text, "cannot read it");
    return *std::move(text);
}

Result<std::vector<std::string>> Machine::list(const std::string& directory) const {
    std::error_code code;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(directory, code), end; !code && at != end; at.increment(code))
        names.push_back(at->path().filename());
    if (code) return fail("cannot list it: {}", code.message());
    return names;
}

std::optional<net::Port> Machine::port(const std::string& name) const {
    servent entry{};
    servent* found = nullptr;
    std::array<char, 4096> buffer{};
    if (::getservbyname_r(name.c_str(), "tcp", &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return std::nullopt;
    return net::Port(ntohs(static_cast<uint16_t>(found->s_port)));
}

}  // namespace weir::config::klb
