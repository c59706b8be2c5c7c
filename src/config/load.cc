#include "config/load.h"

#include <fcntl.h>

#include "base/read_file.h"
#include "config/document.h"
#include "config/sections.h"

namespace weir::config {
namespace {

Result<std::string> read_text(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_with(errno, "cannot open the file; give the path of a readable file");
    auto text = read_up_to(kMaxFileSize + 1, fd);
    if (!text) return propagate(text, "cannot read the file; give the path of a readable file");
    return text;
}

}  // namespace

Loaded parse(std::string_view yaml, SourceKinds kinds) {
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
    read_file(top, kinds, draft, mistakes);
    cross_check(draft, mistakes);
    read_keys(draft, mistakes);
    if (mistakes.count() > 0) return std::unexpected(mistakes.take());
    return finish(std::move(draft));
}

Loaded load(const std::string& path, SourceKinds kinds) {
    auto text = read_text(path);
    if (!text) return std::unexpected(std::vector{Mistake{0, 0, text.error().message}});
    return parse(*text, kinds);
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
