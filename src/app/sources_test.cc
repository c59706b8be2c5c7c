#include "app/sources.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "config/manual_fixture.h"

namespace weir::app {
namespace {

TEST(Sources, AreInTheManual) {
    for (const auto& kind : source_kinds()) {
        const auto& section = *kind.known.section;
        config::expect_in_manual(std::string(section.name) + " source", section);
    }
}

TEST(Sources, AreAllThatTheManualTellsOf) {
    std::set<std::string> known{""};
    for (const auto& kind : source_kinds()) known.insert(std::string(kind.known.section->name) + " source");
    for (const auto& [section, items] : config::read_manual())
        if (section.ends_with(" source")) EXPECT_TRUE(known.contains(section)) << section;
    for (const auto& kind : source_kinds())
        for (const auto& [key, text] :
             config::read_manual()[std::string(kind.known.section->name) + " source"])
            EXPECT_TRUE(kind.known.section->find(key)) << kind.known.section->name << "." << key;
}

TEST(Sources, HaveDistinctNamesInOrder) {
    auto name = [](const discovery::Kind& kind) { return kind.known.section->name; };
    EXPECT_TRUE(std::ranges::is_sorted(source_kinds(), std::ranges::less_equal{}, name));
}

}  // namespace
}  // namespace weir::app
