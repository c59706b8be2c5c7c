#include "base/program.h"

#include <gmock/gmock.h>

#include "base/temp_dir_fixture.h"

namespace weir {
namespace {

using testing::HasSubstr;

TEST(Account, IsFoundByNameAndByNumber) {
    EXPECT_EQ(find_account("root").value(), (Account{0, 0}));
    EXPECT_EQ(find_account("nobody").value(), (Account{65534, 65534}));
    EXPECT_EQ(find_account("65534").value(), (Account{65534, 65534}));
}

TEST(Account, OfANumberThatNobodyHasIsItsGroupToo) {
    EXPECT_EQ(find_account("1234567890").value(), (Account{1234567890, 1234567890}));
}

TEST(Account, ThatIsNotThereIsTold) {
    for (const auto* user : {"no such user", "", "-1", "4294967295", "99999999999", "0x0"}) {
        auto found = find_account(user);
        ASSERT_FALSE(found) << user;
        EXPECT_THAT(found.error().message, HasSubstr(fmt::format("there is no user '{}'", user)));
    }
}

TEST(Program, IsAnExecutableFileWithAnAbsolutePath) {
    TempDir folder;
    EXPECT_TRUE(check_program("/bin/sh"));
    EXPECT_THAT(check_program("sh").error().message, HasSubstr("is not an absolute path"));
    EXPECT_THAT(check_program(folder / "none").error().message, HasSubstr("cannot find the program"));
    EXPECT_THAT(check_program(folder.path()).error().message, HasSubstr("is not a program"));
    EXPECT_THAT(check_program(folder.write("text", "")).error().message, HasSubstr("is not a program"));
    EXPECT_TRUE(check_program(folder.write("tool", "", 0755)));
}

}  // namespace
}  // namespace weir
