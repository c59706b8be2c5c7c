// For the tests of mistakes: what is wrong with a text, and rows of a snippet and its mistakes.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.h"

namespace weir::config {

inline std::string mistakes_in(std::string_view yaml) {
    auto loaded = parse(yaml);
    return loaded ? "" : describe("f", loaded.error());
}

struct Row {
    std::string_view text;
    std::string_view mistakes;
};

inline constexpr std::string_view kPools = "pools: {p: {static: [192.0.2.1, 192.0.2.2]}}\n";  // 1 line
inline constexpr std::string_view kInterfaces = "interfaces: [eth0]\n";                       // 1 line

inline void expect_all(const std::vector<Row>& rows, std::string_view before, std::string_view after = "") {
    for (const auto& [text, mistakes] : rows)
        EXPECT_EQ(mistakes_in(fmt::format("{}{}{}", before, text, after)), mistakes) << text;
}

}  // namespace weir::config
