#include "model/event_kind.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::model {
namespace {

TEST(EventKinds, HaveNamesOfTheirOwn) {
    std::set<std::string_view> names;
    for (size_t kind = 0; kind < kEventKinds; ++kind) names.insert(to_text(static_cast<EventKind>(kind)));
    EXPECT_EQ(names.size(), kEventKinds);
    EXPECT_EQ(to_text(EventKind::backend_down), "backend_down");
    EXPECT_EQ(to_text(EventKind::certificate_expiring), "certificate_expiring");
}

TEST(EventKinds, OfAnEndAreGoodNewsOfSomethingBad) {
    for (size_t kind = 0; kind < kEventKinds; ++kind) {
        auto trouble = ended_by(static_cast<EventKind>(kind));
        if (!trouble) continue;
        EXPECT_EQ(severity_of(static_cast<EventKind>(kind)), Severity::info);
        EXPECT_GT(severity_of(*trouble), Severity::info);
    }
    EXPECT_EQ(ended_by(EventKind::backend_up), EventKind::backend_down);
    EXPECT_EQ(ended_by(EventKind::backend_down), std::nullopt);
}

}  // namespace
}  // namespace weir::model
