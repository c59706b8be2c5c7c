// weir.yaml(5), which is written by hand, as a table: tests hold it against the settings.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

#include "base/setting.h"

namespace weir::config {

using Items = std::map<std::string, std::string>;  // key: what stands under it, in one line

/// The `.It Cm key` items under each `.Ss section`.
inline std::map<std::string, Items> read_manual() {
    std::ifstream file(WEIR_SOURCE_DIR "/man/weir.yaml.5");
    std::map<std::string, Items> sections;
    std::string section, key;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(".Ss ")) {
            section = line.substr(4) == "The file" ? "" : line.substr(4);
            sections[section];
            key.clear();
        } else if (line.starts_with(".It Cm ")) {
            key = line.substr(7);
            sections[section][key];
        } else if (line == ".El" || line.starts_with(".Sh ")) {
            key.clear();
        } else if (!key.empty()) {
            sections[section][key] += line + " ";
        }
    }
    return sections;
}

/// That the manual's section `name` has each setting with what it takes, and its default.
inline void expect_in_manual(const std::string& name, const Section& section) {
    auto manual = read_manual();
    ASSERT_TRUE(manual.contains(name)) << "no .Ss " << name;
    auto& items = manual[name];
    for (const auto& setting : section.settings) {
        auto item = items.find(std::string(setting.name));
        ASSERT_NE(item, items.end()) << name << ": no .It Cm " << setting.name;
        auto begin = describe(setting);
        if (setting.required) begin += "; required";
        if (!setting.fallback.empty()) begin += "; default: " + std::string(setting.fallback);
        EXPECT_TRUE(item->second.starts_with(begin + ". "))
            << name << "." << setting.name << ": " << item->second << "\nshould begin: " << begin << ".";
    }
}

}  // namespace weir::config
