// A pool of the real daemon that a program fills.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <filesystem>

#include "base/unique_fd.h"
#include "tests/e2e/fed_site.h"

namespace weir::e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kOne = "10.1.10.10", kTwo = "10.1.10.11", kThree = "10.1.10.12";

class ExecDiscovery : public FedSiteTest {
  protected:
    void SetUp() override {
        FedSiteTest::SetUp();
        if (IsSkipped()) return;
        fs::permissions(folder_->path(), fs::perms(0777));  // the programs are nobody's
    }

    /// Of a program that runs again every second.
    std::string program(const std::string& script) const {
        return fmt::format("exec: {{command: [{}], interval: 1s}}", write_program(script));
    }
    std::string stream(const std::string& script) const {
        return fmt::format("exec: {{command: [{}], stream: true}}", write_program(script));
    }

    /// Prints the list, and again at each byte in the pipe `bell`. While it lives it holds the pipe `held`.
    std::string watcher() const {
        for (const auto* name : {"bell", "held"})
            if (!fs::exists(path(name)) &&
                (::mkfifo(path(name).c_str(), 0600) != 0 || ::chmod(path(name).c_str(), 0666) != 0))
                throw std::runtime_error("cannot make a pipe");
        return stream(
            fmt::format("exec 9<>{0}/held 8<>{0}/bell\necho x >>{0}/runs\n"
                        "while cat {0}/list && echo; do read line <&8; done",
                        folder_->path().string()));
    }
    void ring() const {
        UniqueFd bell(::open(path("bell").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        ASSERT_EQ(::write(bell.get(), "\n", 1), 1);
    }
    /// Whether a program holds the pipe: nobody else can write to it without one who reads.
    bool is_watched() const {
        return UniqueFd(::open(path("held").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)).get() >= 0;
    }
    uintmax_t runs() const { return fs::file_size(path("runs")) / 2; }

  private:
    std::string write_program(const std::string& script) const {
        auto file = folder_->write("program", "#!/bin/sh\n" + script + "\n");
        fs::permissions(file, fs::perms(0755));
        return file;
    }
};

TEST_F(ExecDiscovery, TakesWhatItsProgramPrintsEachTime) {
    put(kOne + "\n" + kTwo + "\n");
    start(program("cat " + path()));
    ASSERT_TRUE(become({kOne, kTwo}));
    EXPECT_TRUE(answered_by(site_->ask("192.168.101.1:80"), {"backend-1", "backend-2"}));
    put("[\"" + kTwo + "\", {\"address\": \"" + kThree + "\", \"weight\": 2}]\n");
    ASSERT_TRUE(become({kTwo, kThree}));
    EXPECT_TRUE(is("ok"));
}

TEST_F(ExecDiscovery, KeepsTheLastGoodListWhileItsProgramFails) {
    put(kOne + "\n" + kTwo + "\n");
    start(program("cat " + path()));
    ASSERT_TRUE(become({kOne, kTwo}));
    ASSERT_TRUE(is_kept({kOne, kTwo}));
    fs::remove(path());
    ASSERT_TRUE(is("failing"));
    EXPECT_THAT(says("error"), HasSubstr("/program ended with exit code 1: cat: "));
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));

    site_->daemon().kill();
    site_->daemon().start();
    ASSERT_TRUE(is("failing"));
    EXPECT_TRUE(become({kOne, kTwo})) << "what the former daemon knew";
    put(kThree + "\n");
    EXPECT_TRUE(become({kThree}));
}

TEST_F(ExecDiscovery, FollowsAStream) {
    put(kOne + "\n" + kTwo + "\n");
    start(watcher() + ", damping: 0s");
    ASSERT_TRUE(become({kOne, kTwo}));
    const auto print = [&](const std::string& list) {
        put(list);
        ring();
    };
    EXPECT_TRUE(follows_at_once("from the program's list to the plan in force",
                                {[&] { print(kTwo + "\n" + kThree + "\n"); }, {kTwo, kThree}},
                                {[&] { print(kOne + "\n" + kTwo + "\n"); }, {kOne, kTwo}}));
    print("");
    ASSERT_TRUE(is_held_back()) << "no source empties its pool";
    EXPECT_EQ(backends(), (Addresses{kOne, kTwo}));
}

TEST_F(ExecDiscovery, StartsAStreamAgain) {
    put(kOne + "\n");
    start(watcher());
    ASSERT_TRUE(become({kOne}));
    fs::remove(path());
    ring();
    ASSERT_TRUE(is("failing"));
    EXPECT_THAT(says("error"), HasSubstr("/program ended with exit code 0: cat: "));
    put(kTwo + "\n");
    ASSERT_TRUE(become({kTwo}));
    EXPECT_GE(runs(), 2u);
}

TEST_F(ExecDiscovery, IsLeftAloneByAReloadThatKeepsItAndEndedByOneThatDropsIt) {
    put(kOne + "\n");
    start(watcher());
    ASSERT_TRUE(become({kOne}));
    ASSERT_TRUE(reload(watcher() + ", minimum: 0"));
    put("");
    ring();
    ASSERT_TRUE(become({}));
    EXPECT_EQ(runs(), 1u) << "the same program goes on";
    EXPECT_TRUE(is_watched());
    ASSERT_TRUE(reload(fmt::format("static: [{}]", kTwo)));
    EXPECT_TRUE(become({kTwo}));
    EXPECT_TRUE(lab::wait_until([&] { return !is_watched(); }, kSoon));
}

TEST_F(ExecDiscovery, DiesWithTheDaemon) {
    put(kOne + "\n");
    start(watcher());
    ASSERT_TRUE(become({kOne}));
    ASSERT_TRUE(is_watched());
    site_->daemon().kill();
    EXPECT_TRUE(lab::wait_until([&] { return !is_watched(); }, kSoon));
    site_->daemon().start();
    EXPECT_TRUE(lab::wait_until([&] { return is_watched() && runs() == 2; }, kSoon));
    ASSERT_TRUE(become({kOne}));
}

}  // namespace
}  // namespace weir::e2e
