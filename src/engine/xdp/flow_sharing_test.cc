#include "engine/xdp/flow_sharing.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::engine::xdp {
namespace {

constexpr uint32_t kNow = 500;
constexpr Timeouts kTimeouts{8, 240, 8, 60};

constexpr uint64_t tag(uint64_t number) {
    return number << 1 << WEIR_TAG_SHIFT;
}
constexpr uint64_t entry(uint64_t of, uint64_t number, uint64_t state, uint64_t age = kNow) {
    return tag(of) | number << WEIR_ID_SHIFT | state << WEIR_STATE_SHIFT | age;
}

using Words = std::vector<FlowWord>;

class FlowSharingTest : public testing::Test {
  protected:
    Words changes(uint32_t now = kNow) {
        Words words;
        sharing_.read_changes(0, table_.size(), {now, kTimeouts},
                              [&](const auto& word) { words.push_back(word); });
        return words;
    }
    Words all() {
        Words words;
        sharing_.read_all(0, table_.size(), {kNow, kTimeouts},
                          [&](const auto& word) { words.push_back(word); });
        return words;
    }
    Taken take(const FlowWord& word, uint32_t now = kNow) {
        return sharing_.take(word, kBits, kMost, {now, kTimeouts});
    }
    static FlowWord word(uint64_t of, uint32_t number, uint32_t state = WEIR_ESTABLISHED, uint32_t idle = 0) {
        return {.hash = tag(of) | 1, .number = number, .state = state, .idle = idle};
    }

    static constexpr unsigned kBits = 2;
    static constexpr uint64_t kMost = 6;
    std::vector<weir_bucket> table_{4};
    __u64& first_ = table_[1].entry[0];
    FlowSharing sharing_{table_};
};

TEST_F(FlowSharingTest, TellsOfAFlowFromItsSecondPacketOn) {
    first_ = entry(7, 3, WEIR_NEW);
    EXPECT_EQ(changes(), Words{});
    first_ = entry(7, 3, WEIR_ESTABLISHED);
    EXPECT_EQ(changes(), Words{word(7, 3)});
    EXPECT_EQ(changes(), Words{}) << "told before";
    first_ = entry(7, 3, WEIR_CLOSING);
    EXPECT_EQ(changes(), Words{word(7, 3, WEIR_CLOSING)});
    first_ = entry(9, 4, WEIR_DATAGRAM);
    EXPECT_EQ(changes(), Words{word(9, 4, WEIR_DATAGRAM)}) << "another flow in its place";
}

TEST_F(FlowSharingTest, TellsTwiceOfAYoungFlowAndThenThriceInATimeout) {
    std::vector<uint32_t> told;
    for (uint32_t now = 0; now <= 240; now++) {
        first_ = entry(7, 3, WEIR_ESTABLISHED, now);
        if (!changes(now).empty()) told.push_back(now);
    }
    EXPECT_EQ(told, (std::vector<uint32_t>{0, 1, 81, 161}));
}

TEST_F(FlowSharingTest, TellsNothingOfWhatHasExpired) {
    first_ = entry(7, 3, WEIR_ESTABLISHED, kNow - 241);
    EXPECT_EQ(changes(), Words{});
    EXPECT_EQ(all(), Words{});
}

TEST_F(FlowSharingTest, TakesAPeersWordAndSaysNothingOfItUntilAPacketComesHere) {
    EXPECT_EQ(take(word(7, 3, WEIR_ESTABLISHED, 20)), Taken::taken);
    auto place = std::ranges::find(table_[1].entry, entry(7, 3, WEIR_ESTABLISHED, kNow - 20));
    ASSERT_NE(place, std::end(table_[1].entry));
    EXPECT_EQ(sharing_.from_peers(), 1u);
    EXPECT_EQ(changes(), Words{}) << "or two peers would tell each other for ever";
    EXPECT_EQ(all(), Words{word(7, 3, WEIR_ESTABLISHED, 20)}) << "who joins is to know";
    *place = entry(7, 3, WEIR_ESTABLISHED);
    EXPECT_EQ(changes(), Words{word(7, 3)}) << "the flow has moved here";
    EXPECT_EQ(sharing_.from_peers(), 0u);
}

TEST_F(FlowSharingTest, FollowsThePeerThatSawTheFlowLast) {
    take(word(7, 3, WEIR_ESTABLISHED, 20));
    EXPECT_EQ(take(word(7, 4, WEIR_ESTABLISHED, 30)), Taken::taken);
    EXPECT_EQ(all(), Words{word(7, 3, WEIR_ESTABLISHED, 20)}) << "older than what is known";
    take(word(7, 4, WEIR_ESTABLISHED, 10));
    take(word(7, 4, WEIR_CLOSING, 5));
    EXPECT_EQ(all(), Words{word(7, 4, WEIR_CLOSING, 5)});
    EXPECT_EQ(sharing_.from_peers(), 1u);
}

TEST_F(FlowSharingTest, LetsNoPeerOverrideWhatPacketsHereHaveMade) {
    for (uint32_t idle : {0u, 1u, 2u, 100u}) {
        first_ = entry(7, 3, WEIR_ESTABLISHED, kNow - idle);
        EXPECT_EQ(take(word(7, 4)), Taken::kept) << idle;
        EXPECT_EQ(first_, entry(7, 3, WEIR_ESTABLISHED, kNow - idle)) << idle;
    }
    first_ = entry(7, 3, WEIR_ESTABLISHED, kNow - 1);
    EXPECT_EQ(take(word(7, 3, WEIR_CLOSING)), Taken::kept);
    EXPECT_EQ(first_, entry(7, 3, WEIR_ESTABLISHED, kNow - 1)) << "it lives here";
}

TEST_F(FlowSharingTest, BelievesThatAFlowThatHasMovedLivesOnOrEnds) {
    first_ = entry(7, 3, WEIR_ESTABLISHED, kNow - 100);
    EXPECT_EQ(take(word(7, 3)), Taken::taken);
    EXPECT_EQ(first_, entry(7, 3, WEIR_ESTABLISHED));
    EXPECT_EQ(take(word(7, 3, WEIR_CLOSING), kNow + 1), Taken::taken);
    EXPECT_EQ(first_, entry(7, 3, WEIR_CLOSING, kNow + 1));
}

TEST_F(FlowSharingTest, TakesTheWordOfWhoSawMoreThanAFirstPacketLately) {
    first_ = entry(7, 3, WEIR_NEW, kNow - 5);
    EXPECT_EQ(take(word(7, 4, WEIR_ESTABLISHED, 6)), Taken::kept) << "of an older flow";
    EXPECT_EQ(take(word(7, 4)), Taken::taken);
    EXPECT_EQ(first_, entry(7, 4, WEIR_ESTABLISHED));
}

TEST_F(FlowSharingTest, PutsNoEndDownOfAFlowThatIsNotHere) {
    EXPECT_EQ(take(word(7, 3, WEIR_CLOSING)), Taken::kept);
    EXPECT_EQ(first_, 0u);
}

TEST_F(FlowSharingTest, DisplacesWhatHasExpiredOrOnlyBegunAndNothingElse) {
    auto& bucket = table_[1].entry;
    for (size_t i = 0; i < WEIR_WAYS; i++) bucket[i] = entry(20 + i, 1, WEIR_ESTABLISHED);
    EXPECT_EQ(take(word(7, 3)), Taken::full);
    bucket[2] = entry(22, 1, WEIR_NEW, kNow - 1);
    bucket[5] = entry(25, 1, WEIR_NEW, kNow - 3);
    EXPECT_EQ(take(word(7, 3)), Taken::taken);
    EXPECT_EQ(bucket[5], entry(7, 3, WEIR_ESTABLISHED)) << "the oldest";
    bucket[0] = entry(20, 1, WEIR_ESTABLISHED, kNow - 300);
    EXPECT_EQ(take(word(8, 3)), Taken::taken);
    EXPECT_EQ(bucket[0], entry(8, 3, WEIR_ESTABLISHED)) << "free before what has only begun";
}

TEST_F(FlowSharingTest, TakesThePlaceOfItsOwnExpiredEntryThatWouldBeFoundBefore) {
    table_[1].entry[3] = entry(7, 1, WEIR_ESTABLISHED, kNow - 300);
    EXPECT_EQ(take(word(7, 3)), Taken::taken);
    EXPECT_EQ(table_[1].entry[3], entry(7, 3, WEIR_ESTABLISHED));
}

TEST_F(FlowSharingTest, GivesPeersNoMoreThanTheirShare) {
    for (uint64_t of = 1; of <= kMost; of++) EXPECT_EQ(take(word(of, 3)), Taken::taken);
    EXPECT_EQ(take(word(99, 3)), Taken::full);
    for (auto& slot : table_[1].entry) slot = 0;  // they expire
    changes();
    EXPECT_EQ(sharing_.from_peers(), 0u);
    EXPECT_EQ(take(word(99, 3)), Taken::taken);
}

TEST_F(FlowSharingTest, PutsAFlowOfASmallerTableWhereItMayBe) {
    EXPECT_EQ(sharing_.take({.hash = tag(7) | 1, .number = 3}, 1, kMost, {kNow, kTimeouts}), Taken::taken);
    for (size_t bucket : {1u, 3u})
        EXPECT_EQ(std::ranges::count(table_[bucket].entry, entry(7, 3, WEIR_ESTABLISHED)), 1) << bucket;
    EXPECT_EQ(sharing_.from_peers(), 2u);
    EXPECT_EQ(sharing_.take({.hash = tag(8) | 5, .number = 3}, 3, kMost, {kNow, kTimeouts}), Taken::taken);
    EXPECT_EQ(std::ranges::count(table_[1].entry, entry(8, 3, WEIR_ESTABLISHED)), 1) << "of a larger one";
}

TEST(FlowSharing, DoesNotGuessAmongTooManyBuckets) {
    std::vector<weir_bucket> table(64);
    FlowSharing sharing(table);
    EXPECT_EQ(sharing.take({.hash = tag(7), .number = 3}, 2, 100, {kNow, kTimeouts}), Taken::unfit);
    EXPECT_EQ(sharing.take({.hash = tag(7), .number = 3}, 3, 100, {kNow, kTimeouts}), Taken::taken);
    EXPECT_EQ(sharing.from_peers(), 8u);
}

}  // namespace
}  // namespace weir::engine::xdp
