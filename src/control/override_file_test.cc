#include "control/override_file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "control/sample.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

model::Overrides sample() {
    model::Override drain{.state = model::AdminState::draining, .by = "ada \"\\", .at = {}, .deadline = {}};
    drain.at = model::Override::Time(1'700'000'000'123ms);
    drain.deadline = drain.at + 60s;
    model::Override cut{.state = model::AdminState::disabled, .weight = 0, .flows_cut = 17};
    return {{{ip("10.0.0.1")}, drain},
            {{ip("2001:db8::1"), "web"}, cut},
            {{ip("10.0.0.1"), "web"}, {.weight = 1000}}};
}

class OverrideFileTest : public testing::Test {
  protected:
    OverrideFileTest() {
        char name[] = "/tmp/weir-override-test-XXXXXX";
        folder = ::mkdtemp(name);
        path = folder + "/state/overrides.json";
    }
    ~OverrideFileTest() override { std::filesystem::remove_all(folder); }
    void write(std::string_view text) {
        std::filesystem::create_directories(folder + "/state");
        std::ofstream(path) << text;
    }

    std::string folder;
    std::string path;
};

TEST_F(OverrideFileTest, KeepsEveryFieldAndMakesItsFolder) {
    OverrideFile file(path);
    ASSERT_TRUE(file.save(sample()));
    EXPECT_EQ(file.load(), sample());
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
    ASSERT_TRUE(file.save({}));
    EXPECT_EQ(file.load(), model::Overrides{});
}

TEST_F(OverrideFileTest, IsEmptyWhereThereIsNone) {
    EXPECT_EQ(OverrideFile(path).load(), model::Overrides{});
    EXPECT_FALSE(std::filesystem::exists(folder + "/state")) << "asking makes nothing";
}

TEST_F(OverrideFileTest, IsSetAsideWhenBroken) {
    const std::string whole = override_file_text(sample());
    for (const std::string& text :
         {std::string(), whole.substr(0, whole.size() / 2), std::string("[]"),
          std::string(R"({"version": 2})"), std::string(R"({"version": 1, "overrides": [{}]})")}) {
        write(text);
        auto loaded = OverrideFile(path).load();
        ASSERT_FALSE(loaded) << text;
        EXPECT_THAT(loaded.error().message, HasSubstr(path + ".bad"));
        EXPECT_FALSE(std::filesystem::exists(path));
        EXPECT_EQ(std::filesystem::file_size(path + ".bad"), text.size());
    }
}

/// While it lives, nothing can be opened.
class NoDescriptorLeft {
  public:
    NoDescriptorLeft() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{0, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptorLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

TEST_F(OverrideFileTest, StaysWhereItIsAndAsItIsWhenItCannotBeRead) {
    ASSERT_TRUE(OverrideFile(path).save(sample()));
    OverrideFile unread(path);
    {
        NoDescriptorLeft none;
        auto loaded = unread.load();
        ASSERT_FALSE(loaded);
        EXPECT_THAT(loaded.error().message, HasSubstr(path + " could not be read (cannot open it: "));
    }
    auto saved = unread.save({});
    ASSERT_FALSE(saved) << "what is there was never seen";
    EXPECT_THAT(saved.error().message, HasSubstr("it is left as it is"));
    EXPECT_FALSE(std::filesystem::exists(path + ".bad"));
    EXPECT_EQ(OverrideFile(path).load(), sample());
}

TEST_F(OverrideFileTest, MayBeWrittenOnceItHasBeenReadAfterAll) {
    ASSERT_TRUE(OverrideFile(path).save(sample()));
    OverrideFile file(path);
    {
        NoDescriptorLeft none;
        ASSERT_FALSE(file.load());
    }
    ASSERT_EQ(file.load(), sample());
    EXPECT_TRUE(file.save({}));
}

TEST_F(OverrideFileTest, LeavesAFolderInItsPlaceAlone) {
    std::filesystem::create_directories(path);
    OverrideFile file(path);
    EXPECT_FALSE(file.load());
    EXPECT_FALSE(file.save(sample()));
    EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST_F(OverrideFileTest, SaysWhyItCannotBeWritten) {
    write("");
    auto done = OverrideFile(path + "/below/overrides.json").save(sample());
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr(path + "/below"));
}

TEST(OverrideFileText, IsRefusedWhereAValueIsNone) {
    auto row = [](std::string_view field, std::string_view value) {
        auto text =
            override_file_text({{{ip("10.0.0.1")}, {.state = model::AdminState::draining, .weight = 1}}});
        auto at = text.find(fmt::format("\"{}\":", field));
        auto from = at + field.size() + 3;
        text.replace(from, text.find_first_of(",}", from) - from, value);
        return read_override_file(text);
    };
    EXPECT_TRUE(row("weight", "1000"));
    EXPECT_FALSE(row("weight", "1001"));
    EXPECT_FALSE(row("weight", "-1"));
    EXPECT_FALSE(row("state", "\"drained\""));
    EXPECT_FALSE(row("backend", "\"10.0.0.256\""));
    EXPECT_FALSE(row("at", "\"soon\""));
}

}  // namespace
}  // namespace weir::control
