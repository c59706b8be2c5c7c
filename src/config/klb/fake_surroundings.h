// For tests: files in memory, and one name of a port.
#pragma once

#include <filesystem>
#include <map>

#include "config/klb/surroundings.h"

namespace weir::config::klb {

struct FakeSurroundings final : Surroundings {
    std::map<std::string, std::string> files;  // path → text

    Result<std::optional<std::string>> read(const std::string& path, size_t most) const override {
        auto found = files.find(path);
        if (found == files.end()) return std::nullopt;
        if (found->second == kUnreadable) return fail("no permission");
        return found->second.substr(0, most);
    }

    Result<std::vector<std::string>> list(const std::string& directory) const override {
        std::vector<std::string> names;
        for (const auto& [path, text] : files) {
            const std::filesystem::path each(path);
            const auto parent = each.parent_path();
            if ((parent.empty() ? "." : parent.string()) == directory) names.push_back(each.filename());
        }
        if (names.empty()) return fail("no such directory");
        return names;
    }

    std::optional<net::Port> port(const std::string& name) const override {
        return name == "http" ? std::optional(net::Port(80)) : std::nullopt;
    }

    static constexpr std::string_view kUnreadable = "(unreadable)";
};

}  // namespace weir::config::klb
