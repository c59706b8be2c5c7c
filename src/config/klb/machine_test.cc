#include "config/klb/machine.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "base/temp_dir_fixture.h"

namespace weir::config::klb {
namespace {

TEST(Machine, ReadsRegularFilesOnly) {
    const TempDir directory;
    const auto file = directory.write("klb.conf", "service {");
    const Machine machine;
    auto text = machine.read(file, 100);
    ASSERT_TRUE(text) << text.error().message;
    EXPECT_EQ(*text, "service {");
    EXPECT_EQ(machine.read(file, 3).value(), "ser");
    EXPECT_EQ(machine.read(directory / "none", 100).value(), std::nullopt);
    EXPECT_EQ(machine.read(file + "/none", 100).value(), std::nullopt);
    ASSERT_EQ(::mkfifo((directory / "pipe").c_str(), 0600), 0);
    for (const auto& other : {directory.path(), directory / "pipe", std::string("/dev/null")}) {
        auto refused = machine.read(other, 100);
        ASSERT_FALSE(refused) << other;
        EXPECT_EQ(refused.error().message, "it is not a regular file");
    }
}

TEST(Machine, ListsDirectories) {
    const TempDir directory;
    directory.write("b", "");
    directory.write(".a", "");
    auto names = Machine().list(directory.path());
    ASSERT_TRUE(names) << names.error().message;
    EXPECT_THAT(*names, testing::UnorderedElementsAre("b", ".a"));
    EXPECT_EQ(Machine().list(directory / "none").error().message,
              "cannot list it: No such file or directory");
}

TEST(Machine, KnowsNoPortOfANonsense) {
    EXPECT_EQ(Machine().port("no such port, ever"), std::nullopt);
}

}  // namespace
}  // namespace weir::config::klb
