#include "config/klb/includes.h"

#include <fnmatch.h>

#include <algorithm>
#include <filesystem>

namespace weir::config::klb {
namespace {

bool has_wildcard(std::string_view text) {
    return text.find_first_of("*?") != text.npos;
}

std::string same_for_same_file(const std::string& path) {
    return std::filesystem::path(path).lexically_normal();
}

}  // namespace

void Includes::read(const std::string& path) {
    auto text = text_of(path);
    if (!text)
        remarks_.add(path, {0, 0, text.error().message + "; give the path of a readable file"});
    else if (!*text)
        remarks_.add(path, {0, 0, "there is no such file; give the path of a klb.conf"});
    else
        read_lines(path, **text);
}

/// Within the limits of all files together.
Result<std::optional<std::string>> Includes::text_of(const std::string& path) {
    if (files_ == kMostFiles) return fail("there are more than {} files", kMostFiles);
    auto text = outside_.read(path, kMostBytes - bytes_ + 1);
    if (!text || !*text) return text;
    files_++;
    bytes_ += (*text)->size();
    if (bytes_ > kMostBytes) {
        bytes_ = kMostBytes;
        return fail("all files together have more than {} MiB", kMostBytes >> 20);
    }
    return text;
}

void Includes::read_lines(const std::string& path, std::string_view text) {
    open_.push_back(same_for_same_file(path));
    for (int number = 1; !text.empty() && !remarks_.full(); number++) {
        const auto bytes = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(bytes.size() + 1, text.size()));
        if (const auto nul = bytes.find('\0'); nul != bytes.npos)
            remarks_.add(path, {number, static_cast<int>(nul) + 1, "a zero byte stands here; write text"});
        else
            read_line(path, Line(bytes, number));
    }
    open_.pop_back();
}

void Includes::read_line(const std::string& path, Line line) {
    if (line.ended() || line.next_is('#')) return;
    Read<void> done;
    if (line.take("@include"))
        done = include(path, std::move(line), false);
    else if (line.take("@include_optional"))
        done = include(path, std::move(line), true);
    else
        take_(path, std::move(line));
    if (!done) remarks_.add(path, done.error());
}

Read<void> Includes::include(const std::string& from, Line line, bool optional) {
    const Line at = line;
    auto path = line.quoted();
    if (!path) return std::unexpected(path.error());
    if (auto end = line.end(); !end) return end;
    if (path->text.empty()) return at.mistake("the path is empty; write the path of a file");
    const auto whole = std::filesystem::path(from).parent_path() / path->text;
    const bool wildcard = has_wildcard(whole.filename().native());
    if (wildcard && !optional) return include_matching(whole, at);
    if (wildcard)
        remarks_.warn(from, path->at,
                      "@include_optional takes '*' and '?' as they stand, in klb too; write @include for all "
                      "files that match");
    if (optional && path->text.contains("${"))
        remarks_.warn(from, path->at,
                      "the path of an include takes '${' as it stands, in klb too; write the path out");
    return include_file(whole, at, optional);
}

Read<void> Includes::include_file(const std::string& path, const Line& line, bool optional) {
    if (std::ranges::find(open_, same_for_same_file(path)) != open_.end())
        return line.mistake(fmt::format("'{}' is being read already; let no file include itself", path));
    if (open_.size() == kDeepest)
        return line.mistake(
            fmt::format("files include each other {} deep; let one include the rest", kDeepest));
    auto text = text_of(path);
    if (!text)
        return line.mistake(fmt::format("'{}' is not included: {}; name a readable file, and few of them",
                                        path, text.error().message));
    if (*text)
        read_lines(path, **text);
    else if (!optional)
        return line.mistake(fmt::format(
            "there is no file '{}'; write its path{}", path,
            path.contains("${") ? ", without variables" : ", or @include_optional where it may be missing"));
    return {};
}

Read<void> Includes::include_matching(const std::string& path, const Line& line) {
    const std::filesystem::path pattern(path);
    const auto directory = pattern.parent_path();
    auto names = outside_.list(directory.empty() ? "." : directory.string());
    if (!names)
        return line.mistake(
            fmt::format("the folder of '{}': {}; name one that can be read", path, names.error().message));
    std::ranges::sort(*names);
    for (const auto& name : *names) {
        if (::fnmatch(pattern.filename().c_str(), name.c_str(), 0) != 0) continue;
        if (auto done = include_file(directory / name, line, false); !done) return done;
    }
    return {};
}

}  // namespace weir::config::klb
