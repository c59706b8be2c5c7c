#include "config/load.h"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>

#include "base/unique_fd.h"
#include "config/document.h"
#include "config/sections.h"

namespace weir::config {
namespace {

/// At most one byte more than a file may have: an endless device is not read to its end.
Result<std::string> read_text(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_with(errno, "cannot open the file; give the path of a readable file");
    std::string text;
    char buffer[65536];
    while (text.size() <= kMaxFileSize) {
        auto count = ::read(fd.get(), buffer, sizeof buffer);
        if (count == 0) break;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail_with(errno, "cannot read the file; give the path of a readable file");
        text.append(buffer, static_cast<size_t>(count));
    }
    return text;
}

}  // namespace

Loaded parse(std::string_view yaml) {
    auto root = read_document(yaml);
    if (!root) return std::unexpected(std::move(root.error()));
    const Node& top = **root;
    Mistakes mistakes;
    if (top.kind == Node::Kind::empty || (top.kind == Node::Kind::mapping && top.entries.empty())) {
        mistakes.add({1, 1},
                     "the file is empty; begin with interfaces:, pools: and services:, see weir.yaml(5)");
        return std::unexpected(mistakes.take());
    }
    Draft draft;
    read_file(top, draft, mistakes);
    cross_check(draft, mistakes);
    read_keys(draft, mistakes);
    if (mistakes.count() > 0) return std::unexpected(mistakes.take());
    return finish(std::move(draft));
}

Loaded load(const std::string& path) {
    auto text = read_text(path);
    if (!text) return std::unexpected(std::vector{Mistake{0, 0, text.error().message}});
    return parse(*text);
}

std::string describe(const std::string& path, const std::vector<Mistake>& mistakes) {
    std::string text;
    for (const auto& mistake : mistakes)
        text += mistake.line == 0
                    ? fmt::format("{}: {}\n", path, mistake.message)
                    : fmt::format("{}:{}:{}: {}\n", path, mistake.line, mistake.column, mistake.message);
    return text;
}

}  // namespace weir::config
