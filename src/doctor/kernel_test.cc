#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace weir::doctor {
namespace {

std::string text_of(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return std::move(text).str();
}

TEST(Kernel, IsAskedForEveryTypeOfMapThatTheDatapathHas) {
    const std::string asked = text_of(WEIR_SOURCE_DIR "/src/doctor/kernel.cc");
    const std::regex type("BPF_MAP_TYPE_[A-Z_]+");
    std::set<std::string> used;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(WEIR_SOURCE_DIR "/src/engine/xdp")) {
        const std::string source = text_of(entry.path());
        for (std::sregex_iterator at(source.begin(), source.end(), type), end; at != end; ++at)
            used.insert(at->str());
    }
    EXPECT_GE(used.size(), 8u);
    for (const auto& each : used) EXPECT_TRUE(asked.contains('{' + each + ',')) << each;
}

}  // namespace
}  // namespace weir::doctor
