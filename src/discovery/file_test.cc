// The file source on a file system of its own. What the kernel tells of a change is there when the call that
// made it returns, so no test waits for it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temp_dir_fixture.h"
#include "base/unique_fd.h"
#include "discovery/kinds.h"
#include "discovery/source_fixture.h"
#include "discovery/value.h"

namespace weir::discovery {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::StartsWith;

class FileSource : public SourceTest {
  protected:
    void begin_at(const std::string& path) {
        EXPECT_TRUE(begin(file_kind(), {.settings = {{"path", path}}}));
    }
    /// Of the file `list`, with 10.0.0.1 in it.
    void begin_with_one() {
        list_ = folder_.write("list", "10.0.0.1\n");
        begin_at(list_);
        ASSERT_THAT(found(), ElementsAre("10.0.0.1"));
    }
    void replace(const std::string& text, const std::string& path) const {
        fs::rename(folder_.write("new", text), path);
    }
    static void append(const UniqueFd& file, std::string_view text) {
        ASSERT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    UniqueFd begin_to_write() const {
        return UniqueFd(::open(list_.c_str(), O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600));
    }
    /// So long as it takes until a change that is told of is taken.
    void pass_a_moment() { clock_.move(60ms); }

    TempDir folder_;
    std::string list_;
};

TEST_F(FileSource, TakesTheAbsolutePathOfAFile) {
    for (const auto* path : {"", "list", "/etc/", "./list"}) {
        auto begun = begin(file_kind(), {.settings = {{"path", path}}});
        ASSERT_FALSE(begun) << path;
        EXPECT_THAT(begun.error().message, HasSubstr("is not the absolute path of a file"));
    }
}

TEST_F(FileSource, FindsWhatIsThereAtFirst) {
    list_ = folder_.write("list", "- 10.0.0.1:80\n- {address: 10.0.0.2, weight: 2}\n");
    begin_at(list_);
    EXPECT_THAT(found(), ElementsAre("10.0.0.1:80", "10.0.0.2"));
    clock_.move(60s);
    EXPECT_EQ(heard_.times_found, 1) << "it tells only what has changed";
}

TEST_F(FileSource, SeesAFileThatIsRenamedIntoPlace) {
    begin_with_one();
    replace("10.0.0.2\n", list_);
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
}

TEST_F(FileSource, SeesAFileThatIsWrittenInPlace) {
    begin_with_one();
    folder_.write("list", "10.0.0.2\n");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
}

TEST_F(FileSource, TakesNoFileThatIsHalfWritten) {
    begin_with_one();
    auto file = begin_to_write();
    for (const auto* part : {"10.0.0.2\n", "10.0.0.3\n10.0.0.", "4\n"}) {
        clock_.move(1900ms);
        append(file, part);
        ::fchmod(file.get(), 0644);  // which is told, too
    }
    clock_.move(1900ms);
    EXPECT_EQ(heard_.times_found, 1);
    EXPECT_EQ(heard_.times_failed, 0);
    file.reset();
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2", "10.0.0.3", "10.0.0.4"));
    EXPECT_EQ(heard_.times_found, 2);
}

TEST_F(FileSource, TakesNoNewFileBeforeItIsWritten) {
    begin_with_one();
    fs::remove(list_);
    pass_a_moment();
    EXPECT_EQ(heard_.times_failed, 1);
    auto file = begin_to_write();
    clock_.move(1s);
    EXPECT_EQ(heard_.times_found, 1);
    append(file, "10.0.0.2\n");
    file.reset();
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
    EXPECT_EQ(heard_.times_found, 2);
}

TEST_F(FileSource, TakesWhatIsLeftOpenAfterAPause) {
    begin_with_one();
    auto file = begin_to_write();
    append(file, "10.0.0.2\n");
    clock_.move(2100ms);
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
}

TEST_F(FileSource, SaysThatAFileIsWrittenAllTheTime) {
    begin_with_one();
    auto file = begin_to_write();
    for (int i = 0; i < 62; ++i) {
        append(file, "10.0.0.2\n");
        clock_.move(1s);
    }
    EXPECT_EQ(heard_.times_found, 1);
    EXPECT_EQ(heard_.times_failed, 1);
    EXPECT_THAT(heard_.error, HasSubstr("has been written to for 60 s without a pause"));
    file.reset();
    pass_a_moment();
    EXPECT_EQ(heard_.times_found, 2);
}

TEST_F(FileSource, SeesALinkThatIsChanged) {
    folder_.write("blue", "10.0.0.1\n");
    folder_.write("green", "10.0.0.2\n");
    list_ = folder_ / "list";
    fs::create_symlink("blue", list_);
    begin_at(list_);
    fs::create_symlink("green", folder_ / "link");
    fs::rename(folder_ / "link", list_);
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
    folder_.write("green", "10.0.0.3\n");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.3")) << "what it leads to is watched";
    fs::remove(list_);
    fs::create_symlink("blue", list_);
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.1"));
}

TEST_F(FileSource, SeesAConfigMapChange) {
    auto publish = [&](const std::string& version, const std::string& text) {
        fs::create_directory(folder_ / version);
        folder_.write(version + "/list", text);
        fs::create_symlink(version, folder_ / "..data_tmp");
        fs::rename(folder_ / "..data_tmp", folder_ / "..data");
    };
    publish("..2024_1", "10.0.0.1\n");
    fs::create_symlink("..data/list", folder_ / "list");
    begin_at(folder_ / "list");
    publish("..2024_2", "10.0.0.2\n");
    fs::remove_all(folder_ / "..2024_1");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
    publish("..2024_3", "10.0.0.3\n");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.3"));
    EXPECT_EQ(heard_.times_failed, 0);
}

TEST_F(FileSource, SeesALinksTargetInAnotherFolderChange) {
    TempDir elsewhere;
    elsewhere.write("target", "10.0.0.1\n");
    fs::create_symlink(elsewhere / "target", folder_ / "list");
    begin_at(folder_ / "list");
    EXPECT_THAT(found(), ElementsAre("10.0.0.1"));
    elsewhere.write("target", "10.0.0.2\n");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
}

TEST_F(FileSource, FailsOnceWhenItsFileGoesAndFindsItAgain) {
    begin_with_one();
    fs::remove(list_);
    pass_a_moment();
    EXPECT_EQ(heard_.error, "cannot open " + list_ + ": No such file or directory");
    EXPECT_THAT(found(), ElementsAre("10.0.0.1")) << "nothing else was found";
    clock_.move(60s);
    EXPECT_EQ(heard_.times_failed, 1);
    replace("10.0.0.1\n", list_);
    pass_a_moment();
    EXPECT_EQ(heard_.times_found, 2) << "what was there before is news after a failure";
    EXPECT_EQ(heard_.error, "");
}

TEST_F(FileSource, WaitsForItsFolder) {
    list_ = folder_ / "later/list";
    begin_at(list_);
    EXPECT_THAT(heard_.error, StartsWith("cannot open"));
    fs::create_directory(folder_ / "later");
    folder_.write("later/list", "10.0.0.1\n");
    clock_.move(7s);
    EXPECT_THAT(found(), ElementsAre("10.0.0.1"));
    folder_.write("later/list", "10.0.0.2\n");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2")) << "now it is told";
}

TEST_F(FileSource, SeesItsFolderReplaced) {
    fs::create_directory(folder_ / "lists");
    fs::create_directory(folder_ / "next");
    list_ = folder_.write("lists/list", "10.0.0.1\n");
    folder_.write("next/list", "10.0.0.2\n");
    begin_at(list_);
    fs::rename(folder_ / "lists", folder_ / "former");
    fs::rename(folder_ / "next", folder_ / "lists");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.2"));
    folder_.write("lists/list", "10.0.0.3\n");
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.3"));
    fs::remove_all(folder_ / "lists");
    pass_a_moment();
    EXPECT_THAT(heard_.error, StartsWith("cannot open"));
    fs::create_directory(folder_ / "lists");
    folder_.write("lists/list", "10.0.0.4\n");
    clock_.move(7s);
    EXPECT_THAT(found(), ElementsAre("10.0.0.4"));
}

/// For so long as it lives.
class AsNobody {
  public:
    AsNobody() : former_(geteuid()) {
        if (seteuid(65534) != 0) throw std::runtime_error("cannot become nobody");
    }
    AsNobody(const AsNobody&) = delete;
    ~AsNobody() { std::ignore = seteuid(former_); }

  private:
    uid_t former_;
};

TEST_F(FileSource, FailsWhileItMayNotReadIt) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    fs::permissions(folder_.path(), fs::perms::all);
    list_ = folder_.write("list", "10.0.0.1\n", 0644);
    AsNobody nobody;
    begin_at(list_);
    EXPECT_THAT(found(), ElementsAre("10.0.0.1"));
    auto change = [&](mode_t mode) {
        seteuid(0);
        ::chmod(list_.c_str(), mode);
        seteuid(65534);
        pass_a_moment();
    };
    change(0600);
    EXPECT_EQ(heard_.error, "cannot open " + list_ + ": Permission denied");
    change(0644);
    EXPECT_EQ(heard_.error, "");
    EXPECT_EQ(heard_.times_found, 2);
}

TEST_F(FileSource, SaysWhichLinesAreNoBackends) {
    begin_with_one();
    replace("10.0.0.1\nweb2\n10.0.0.3\n", list_);
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.1", "10.0.0.3"));
    EXPECT_THAT(heard_.last.refused, ElementsAre(HasSubstr(list_ + ", line 2: 'web2'")));
    replace("<html>\n", list_);
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.1", "10.0.0.3"));
    EXPECT_THAT(heard_.error, HasSubstr(list_ + ", line 1: '<html>'"));
}

TEST_F(FileSource, OfAnEmptyFileFindsThatThereIsNothing) {
    begin_with_one();
    replace("# none at present\n", list_);
    pass_a_moment();
    EXPECT_EQ(heard_.times_found, 2);
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(FileSource, ReadsNoMoreThan16MiB) {
    list_ = folder_.write("list", "10.0.0.1\n" + std::string(kLongestList - 9, '\n'));
    begin_at(list_);
    EXPECT_THAT(found(), ElementsAre("10.0.0.1"));
    replace("10.0.0.2\n" + std::string(kLongestList, '\n'), list_);
    pass_a_moment();
    EXPECT_EQ(heard_.error, list_ + " is larger than 16 MiB; write less");
}

TEST_F(FileSource, ReadsRegularFilesOnly) {
    list_ = folder_ / "list";
    ASSERT_EQ(::mkfifo(list_.c_str(), 0600), 0);
    begin_at(list_);
    EXPECT_EQ(heard_.error, list_ + " is not a regular file; give the path of one");
    replace("10.0.0.1\n", list_);
    pass_a_moment();
    EXPECT_THAT(found(), ElementsAre("10.0.0.1"));
}

/// As on a network file system: of what is written by another name in another folder, nothing is told.
TEST_F(FileSource, TakesWhatItIsNotToldOfWhenItStaysTheSame) {
    begin_with_one();
    fs::create_directory(folder_ / "beside");
    fs::create_hard_link(list_, folder_ / "beside/list");
    pass_a_moment();
    UniqueFd file(::open((folder_ / "beside/list").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    auto half = clock_.now();
    append(file, "10.0.0.2\n");
    clock_.move(5500ms);
    EXPECT_EQ(heard_.times_found, 1) << "seen once";
    append(file, "10.0.0.3\n");
    clock_.move(600ms);
    EXPECT_EQ(heard_.times_found, 1) << "it was another";
    clock_.move(1s);
    EXPECT_THAT(found(), ElementsAre("10.0.0.2", "10.0.0.3"));
    EXPECT_EQ(heard_.times_found, 2);
    EXPECT_LT(clock_.now() - half, 10s);
}

TEST_F(FileSource, SaysNothingMoreWhenItHasGone) {
    begin_with_one();
    replace("10.0.0.2\n", list_);
    // The loop has seen the event, but not called for it yet.
    boost::asio::post(context_, [this] { source_.reset(); });
    pass_a_moment();
    replace("10.0.0.3\n", list_);
    clock_.move(10s);
    EXPECT_EQ(heard_.times_found, 1);
    EXPECT_EQ(clock_.alarms(), 0u);
}

}  // namespace
}  // namespace weir::discovery
