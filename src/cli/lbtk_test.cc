#include "cli/lbtk.h"

#include <gmock/gmock.h>

namespace weir::cli {
namespace {

using testing::ElementsAre, testing::IsEmpty;

TEST(LbtkNames, AreThoseOfSubcommands) {
    EXPECT_THAT(without_lbtk_names({"refresh-static", "127.0.0.1:8000"}),
                ElementsAre("refresh", "static", "127.0.0.1:8000"));
    EXPECT_THAT(without_lbtk_names({"refresh-zk"}), ElementsAre("refresh", "zk"));
    EXPECT_THAT(without_lbtk_names({"echo-tcp-splice", "-d", "-f"}), ElementsAre("echo", "-d", "-f"));
    EXPECT_THAT(without_lbtk_names({"echo-tcp", "x"}), ElementsAre("echo", "x"));
    EXPECT_THAT(without_lbtk_names({"proxy-tcp-splice"}), ElementsAre("proxy"));
}

TEST(LbtkNames, AreNothingElse) {
    EXPECT_THAT(without_lbtk_names({}), IsEmpty());
    EXPECT_THAT(without_lbtk_names({"gen", "refresh-static"}), ElementsAre("gen", "refresh-static"));
}

}  // namespace
}  // namespace weir::cli
