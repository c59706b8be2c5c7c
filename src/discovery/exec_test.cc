// Programs that print lists, and what becomes of them. The programs run in the machine's time, the source in
// its own.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/temp_dir_fixture.h"
#include "base/unique_fd.h"
#include "discovery/kinds.h"
#include "discovery/source_fixture.h"

namespace weir::discovery {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

class ExecSource : public SourceTest {
  protected:
    ExecSource() { ::chmod(folder_.path().c_str(), 0777); }
    ~ExecSource() override {
        source_.reset();
        EXPECT_TRUE(comes_true(nobody_is_left)) << "a process is left";
    }

    /// No zombie of this process's, either.
    static bool nobody_is_left() {
        siginfo_t info{};
        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD;
    }

    static model::SourceSpec shell(const std::string& script) {
        model::SourceSpec spec;
        spec.settings["command"] = std::vector<std::string>{"/bin/sh", "-c", script};
        if (geteuid() != 0) spec.settings["user"] = std::to_string(geteuid());
        return spec;
    }
    static model::SourceSpec stream(const std::string& script) {
        auto spec = shell(script);
        spec.settings["stream"] = int64_t{1};
        return spec;
    }
    void start(const model::SourceSpec& spec) {
        auto begun = begin(exec_kind(), spec);
        ASSERT_TRUE(begun) << begun.error().message;
    }
    bool finds(int times) {
        return comes_true([&] { return heard_.times_found >= times; });
    }
    bool fails(const std::string& with) {
        return comes_true([&] { return heard_.error.contains(with); });
    }

    /// A pipe with a name, for a program to read from: what it reads there ends it, or lets it go on.
    std::string make_fifo(const std::string& name) const {
        auto path = folder_ / name;
        if (::mkfifo(path.c_str(), 0600) != 0 || ::chmod(path.c_str(), 0666) != 0)
            throw std::runtime_error("cannot make " + path);
        return path;
    }

    TempDir folder_;
};

TEST_F(ExecSource, FindsWhatItsProgramPrints) {
    start(shell("echo '# ours'; echo 10.0.0.1:80 weight=2; echo; echo '[2001:db8::1]:80'"));
    ASSERT_TRUE(finds(1)) << heard_.error;
    EXPECT_THAT(found(), ElementsAre("10.0.0.1:80", "[2001:db8::1]:80"));
    EXPECT_EQ(heard_.last.members[0].weight, 2u);
}

TEST_F(ExecSource, RunsItAgainAfterTheInterval) {
    auto spec = shell("echo x >>" + (folder_ / "runs") + "; sed 's/x/10.0.0.1/' " + (folder_ / "runs"));
    spec.settings["interval"] = 7000ms;
    start(spec);
    ASSERT_TRUE(finds(1)) << heard_.error;
    clock_.move(6900ms);
    context_.run_for(50ms);
    EXPECT_EQ(heard_.times_found, 1);
    clock_.move(200ms);
    ASSERT_TRUE(finds(2));
    EXPECT_EQ(heard_.last.members.size(), 2u);
}

TEST_F(ExecSource, FailsWithTheExitCodeAndTheFirstLineOfTheErrors) {
    start(shell("echo 10.0.0.1; printf 'disk\\033 full\\nmore\\n' >&2; exit 3"));
    ASSERT_TRUE(fails("exit code"));
    EXPECT_EQ(heard_.error, "/bin/sh ended with exit code 3: disk\\x1b full");
    EXPECT_EQ(heard_.times_found, 0) << "half a list is none";
}

TEST_F(ExecSource, FailsWithTheSignal) {
    start(shell("echo 10.0.0.1; kill -9 $$"));
    EXPECT_TRUE(fails("/bin/sh was ended by signal 9"));
    EXPECT_EQ(heard_.times_found, 0);
}

TEST_F(ExecSource, IsNotMovedByErrorsOfAProgramThatSucceeds) {
    start(shell("head -c 300000 /dev/zero >&2; echo 10.0.0.1"));
    ASSERT_TRUE(finds(1)) << heard_.error;
    EXPECT_THAT(found(), ElementsAre("10.0.0.1"));
}

TEST_F(ExecSource, TriesAgainSoonerThanTheIntervalAfterAFailure) {
    auto now_good = folder_ / "good";
    auto runs = folder_ / "runs";
    auto spec = shell("echo x >>" + runs + "; test -e " + now_good + " || exit 1; echo 10.0.0.1");
    spec.settings["interval"] = 3600000ms;
    start(spec);
    ASSERT_TRUE(fails("ended with exit code 1"));
    EXPECT_TRUE(comes_true([&] {
        clock_.move(200ms);
        std::error_code none_yet;
        auto size = std::filesystem::file_size(runs, none_yet);
        return !none_yet && size >= 3 * 2;  // a letter and a newline each
    }));
    EXPECT_EQ(heard_.times_failed, 1) << "the same failure is told once";
    folder_.write("good", "", 0644);
    EXPECT_TRUE(comes_true([&] {
        clock_.move(200ms);
        return heard_.times_found == 1;
    }));
}

TEST_F(ExecSource, KillsAProgramThatTakesTooLongWithItsChildren) {
    auto held = make_fifo("held");
    UniqueFd reader(::open(held.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    start(shell("exec 9>" + held + "; sleep 1000 & echo waiting >&2; echo >&9; wait"));
    char byte = 0;
    ASSERT_TRUE(comes_true([&] { return ::read(reader.get(), &byte, 1) == 1; }));
    clock_.move(9s);
    EXPECT_EQ(heard_.times_failed, 0);
    clock_.move(1100ms);
    EXPECT_EQ(heard_.error, "/bin/sh has not ended within 10s: waiting");
    EXPECT_TRUE(comes_true([&] { return ::read(reader.get(), &byte, 1) == 0; })) << "its child holds on";
}

TEST_F(ExecSource, ReadsNoMoreThan16MiB) {
    start(shell("exec yes 10.0.0.1"));
    EXPECT_TRUE(fails("/bin/sh wrote a list of more than 16 MiB"));
    EXPECT_EQ(heard_.times_found, 0);
}

TEST_F(ExecSource, TakesNoGarbageForAList) {
    start(shell("echo usage: lister HOST"));
    ASSERT_TRUE(fails("/bin/sh, line 1: 'usage:' is no ADDRESS"));
    EXPECT_EQ(heard_.times_found, 0);
}

TEST_F(ExecSource, MayFindThatThereIsNothing) {
    start(shell("exit 0"));
    ASSERT_TRUE(finds(1));
    EXPECT_THAT(found(), IsEmpty());
}

TEST_F(ExecSource, SaysWhyItCannotRunIt) {
    auto tool = folder_.write("tool", "#!/nonexistent/interpreter\n", 0755);
    auto spec = shell("");
    spec.settings["command"] = std::vector<std::string>{tool};
    start(spec);
    EXPECT_TRUE(fails(tool + " ended with exit code 127: cannot run it: No such file or directory"))
        << heard_.error;
}

TEST_F(ExecSource, ShutsItIn) {
    start(shell("test $(id -u) = " + std::to_string(geteuid() == 0 ? 65534 : geteuid()) +
                " && grep -q 'NoNewPrivs:.1' /proc/self/status && test $(ls /proc/self/fd | wc -l) = 4 &&"
                " ! read line && echo 10.0.0.1"));
    EXPECT_TRUE(finds(1)) << heard_.error;
}

TEST_F(ExecSource, RunsItAsItsUser) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    auto spec = shell("test \"$(id -u) $(id -G)\" = '1234567 1234567' && echo 10.0.0.1");
    spec.settings["user"] = "1234567";
    start(spec);
    EXPECT_TRUE(finds(1)) << heard_.error;
}

TEST_F(ExecSource, EndsItsProgramWhenItGoes) {
    auto held = make_fifo("held");
    UniqueFd reader(::open(held.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    start(stream("exec 9>" + held + "; sleep 1000 & echo >&9; wait"));
    char byte = 0;
    ASSERT_TRUE(comes_true([&] { return ::read(reader.get(), &byte, 1) == 1; }));
    source_.reset();
    EXPECT_TRUE(comes_true([&] { return ::read(reader.get(), &byte, 1) == 0; }));
    EXPECT_EQ(heard_.times_failed, 0);
}

TEST_F(ExecSource, TakesEachListOfAStream) {
    // A pipe for each step: in one for all, who has just read may still be there when the next one is told.
    std::vector<std::string> steps{make_fifo("one"), make_fifo("two"), make_fifo("three")};
    start(stream("printf '10.0.0.1:80\\n\\n'; read line <" + steps[0] +
                 "; printf '10.0.0.2:80\\n10.0.0.3:80\\n'; read line <" + steps[1] + "; echo; read line <" +
                 steps[2] + "; echo; sleep 1000"));
    auto go_on = [&, step = steps.begin()]() mutable {
        UniqueFd writer(::open((step++)->c_str(), O_WRONLY | O_CLOEXEC));
        EXPECT_EQ(::write(writer.get(), "\n", 1), 1);
        clock_.move(100ms);
    };
    ASSERT_TRUE(finds(1)) << heard_.error;
    EXPECT_THAT(found(), ElementsAre("10.0.0.1:80"));
    go_on();
    context_.run_for(100ms);
    EXPECT_EQ(heard_.times_found, 1) << "the second list has not ended";
    go_on();
    ASSERT_TRUE(finds(2));
    EXPECT_THAT(found(), ElementsAre("10.0.0.2:80", "10.0.0.3:80"));
    go_on();
    ASSERT_TRUE(finds(3));
    EXPECT_THAT(found(), IsEmpty()) << "a blank line alone is a list without backends";
    EXPECT_EQ(heard_.times_failed, 0);
}

TEST_F(ExecSource, TakesTheLastOfListsThatComeTooFast) {
    std::string lists;
    for (int i = 0; i < 20'000; ++i) lists += fmt::format("10.0.{}.{}\n\n", i / 200, i % 200 + 1);
    start(stream("cat " + folder_.write("lists", lists, 0644) + "; sleep 1000"));
    EXPECT_TRUE(comes_true([&] {
        clock_.move(60ms);
        return found() == std::vector<std::string>{"10.0.99.200"};
    }));
    EXPECT_LT(heard_.times_found, 100);
}

TEST_F(ExecSource, StartsAStreamAgainThatHasEnded) {
    auto runs = folder_ / "runs";
    start(stream("echo x >>" + runs + "; sed 's/x/10.0.0.1/' " + runs + "; echo; echo over >&2; exit 4"));
    ASSERT_TRUE(fails("/bin/sh ended with exit code 4: over"));
    EXPECT_EQ(heard_.last.members.size(), 1u);
    EXPECT_TRUE(comes_true([&] {
        clock_.move(100ms);
        return heard_.last.members.size() == 2;
    }));
}

TEST_F(ExecSource, DropsAListOfAStreamThatIsCutOff) {
    start(stream("printf '10.0.0.1\\n10.0.0.2\\n\\n10.0.0.1\\n'"));
    ASSERT_TRUE(fails("/bin/sh ended with exit code 0"));
    EXPECT_THAT(found(), ElementsAre("10.0.0.1", "10.0.0.2"));
    EXPECT_EQ(heard_.times_found, 1);
}

TEST_F(ExecSource, EndsAStreamThatHasClosedItsOutput) {
    start(stream("printf '10.0.0.1\\n\\n'; exec >&-; sleep 1000"));
    ASSERT_TRUE(finds(1));
    EXPECT_TRUE(comes_true([&] {
        clock_.move(100ms);
        return heard_.times_failed == 1;
    }));
    EXPECT_EQ(heard_.error, "/bin/sh has closed its output, but goes on");
}

TEST_F(ExecSource, EndsAStreamWhoseListIsTooLong) {
    start(stream("exec yes 10.0.0.1"));
    EXPECT_TRUE(fails("wrote a list of more than 16 MiB"));
    EXPECT_EQ(heard_.times_found, 0);
}

TEST_F(ExecSource, KeepsItsSettingsInOrder) {
    auto error_of = [&](model::SourceSpec spec, const std::string& name,
                        const model::SourceSpec::Value& value) {
        spec.settings[name] = value;
        auto good = exec_kind().known.check(spec);
        return good ? "" : good.error().message;
    };
    using Words = std::vector<std::string>;
    auto plain = shell("");
    EXPECT_EQ(error_of(plain, "interval", 1000ms), "");
    EXPECT_THAT(error_of(plain, "command", Words{}), HasSubstr("'command' is empty"));
    EXPECT_THAT(error_of(plain, "command", Words{"sh"}), HasSubstr("'sh' is not an absolute path"));
    EXPECT_THAT(error_of(plain, "command", Words{"/nonexistent"}), HasSubstr("cannot find the program"));
    EXPECT_THAT(error_of(plain, "command", Words{"/bin/sh", std::string("a\0b", 3)}),
                HasSubstr("is no text"));
    EXPECT_THAT(error_of(plain, "user", "no such user"), HasSubstr("there is no user 'no such user'"));
    EXPECT_THAT(error_of(stream(""), "interval", 1000ms), HasSubstr("'interval' has no meaning"));
    EXPECT_THAT(error_of(stream(""), "timeout", 1000ms), HasSubstr("'timeout' has no meaning"));
}

}  // namespace
}  // namespace weir::discovery
