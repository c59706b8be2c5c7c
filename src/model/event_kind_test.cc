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
    EXPECT_EQ(to_text(EventKind::drain_finished), "drain_finished");
}

}  // namespace
}  // namespace weir::model
