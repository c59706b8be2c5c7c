#include "app/sources.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

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
    std::map<std::string, const Section*> known;
    for (const auto& kind : source_kinds())
        known[std::string(kind.known.section->name) + " source"] = kind.known.section;
    const auto manual = config::read_manual();
    for (const auto& [name, items] : manual) {
        if (!name.ends_with(" source")) continue;
        ASSERT_TRUE(known.contains(name)) << name;
        for (const auto& [key, text] : items) EXPECT_TRUE(known[name]->find(key)) << name << "." << key;
    }
}

TEST(Sources, HaveDistinctNamesInOrder) {
    auto name = [](const discovery::Kind& kind) { return kind.known.section->name; };
    EXPECT_TRUE(std::ranges::is_sorted(source_kinds(), std::ranges::less_equal{}, name));
}

}  // namespace
}  // namespace weir::app
