// The reasons as doc/datapath.md tells them are those of reasons.def.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

namespace weir::engine::xdp {
namespace {

/// The table's rows under "## Reasons", without its head.
std::vector<std::string> documented() {
    std::ifstream file(WEIR_SOURCE_DIR "/doc/datapath.md");
    std::vector<std::string> rows;
    bool in_section = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) in_section = line == "## Reasons";
        if (in_section && line.starts_with("| `")) rows.push_back(line);
    }
    return rows;
}

TEST(Reasons, AreDocumentedAsTheyAreDeclared) {
    const std::vector<std::string> declared{
#define PASS "pass"
#define DROP "drop"
#define REPLY "reply"
#define REASON(name, verdict, text) "| `" #name "` | " verdict " | " text " |",
#include "engine/xdp/reasons.def"
#undef REASON
#undef DROP
#undef REPLY
#undef PASS
    };
    EXPECT_THAT(documented(), testing::ElementsAreArray(declared));
}

}  // namespace
}  // namespace weir::engine::xdp
