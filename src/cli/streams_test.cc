#include "cli/streams.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <csignal>

#include "base/temp_dir_fixture.h"

namespace weir::cli {
namespace {

using namespace std::chrono_literals;

class Streams : public testing::Test {
  protected:
    Streams() {
        std::signal(SIGPIPE, SIG_IGN);
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        read_end_ = UniqueFd(ends[0]);
        write_end_ = UniqueFd(ends[1]);
    }
    template <class Condition>
    [[nodiscard]] bool until(Condition condition) {
        for (auto end = std::chrono::steady_clock::now() + 20s; !condition();) {
            if (std::chrono::steady_clock::now() > end) return false;
            context_.restart();
            context_.run_one_for(10ms);
        }
        return true;
    }
    std::unique_ptr<Input> read(int fd) {
        return Input::open(fd, context_.get_executor(),
                           [this](std::string_view text) {
                               ended_ = text.empty();
                               got_ += text;
                           })
            .value();
    }
    std::unique_ptr<Output> write(int fd) {
        return Output::open(fd, context_.get_executor(),
                            [this](std::string why) { closed_ = std::move(why); })
            .value();
    }
    /// What the pipe has, as far as `size`.
    std::string drain(size_t size) {
        std::string text;
        std::array<char, 4096> buffer{};
        while (text.size() < size) {
            auto got = ::read(read_end_.get(), buffer.data(), std::min(buffer.size(), size - text.size()));
            if (got <= 0) break;
            text.append(buffer.data(), static_cast<size_t>(got));
        }
        return text;
    }

    boost::asio::io_context context_;
    UniqueFd read_end_, write_end_;
    std::string got_;
    bool ended_ = false;
    std::optional<std::string> closed_;
};

TEST_F(Streams, AreReadAsTheyCome) {
    auto input = read(read_end_.get());
    for (std::string text : {"a\n", "b\n"}) {
        got_.clear();
        ASSERT_EQ(::write(write_end_.get(), text.data(), text.size()), 2);
        ASSERT_TRUE(until([&] { return got_ == text; })) << got_;
    }
    EXPECT_FALSE(ended_);
    write_end_.reset();
    EXPECT_TRUE(until([&] { return ended_; }));
}

TEST_F(Streams, MayBeFiles) {
    TempDir files;
    UniqueFd file(::open(files.write("list", "127.0.0.1:1\n").c_str(), O_RDONLY | O_CLOEXEC));
    auto input = read(file.get());
    EXPECT_TRUE(until([&] { return ended_; }));
    EXPECT_EQ(got_, "127.0.0.1:1\n");
    UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    ended_ = false;
    input = read(null.get());
    EXPECT_TRUE(until([&] { return ended_; }));
    UniqueFd out(::open((files / "out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    auto output = write(out.get());
    output->write("text");
    std::array<char, 10> buffer{};
    EXPECT_TRUE(until([&] { return ::pread(out.get(), buffer.data(), buffer.size(), 0) == 4; }));
    EXPECT_EQ(closed_, std::nullopt);
}

TEST_F(Streams, GoWhileTheyWait) {
    auto input = read(read_end_.get());
    auto output = write(write_end_.get());
    input.reset();
    output.reset();
    ASSERT_EQ(::fcntl(write_end_.get(), F_SETPIPE_SZ, 4096), 4096);
    output = write(write_end_.get());
    output->write(std::string(100'000, 'x'));
    output.reset();  // the pipe is full, and nobody reads
}

TEST_F(Streams, AreWrittenWholeAndTheLatestLast) {
    ASSERT_EQ(::fcntl(write_end_.get(), F_SETPIPE_SZ, 4096), 4096);
    auto output = write(write_end_.get());
    output->write(std::string(100'000, 'a'));
    EXPECT_EQ(drain(10), std::string(10, 'a')) << "it is begun";
    output->write(std::string(50'000, 'b'));
    output->write("c");
    EXPECT_EQ(drain(99'991), std::string(99'990, 'a') + 'c') << "nobody has missed the one between";
    EXPECT_EQ(closed_, std::nullopt);
}

TEST_F(Streams, SayWhenNobodyReads) {
    auto output = write(write_end_.get());
    read_end_.reset();
    ASSERT_TRUE(until([&] { return closed_.has_value(); })) << "without anything to write";
    EXPECT_EQ(closed_, "");
}

TEST_F(Streams, SayWhatGoesWrong) {
    UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
    auto output = write(full.get());
    output->write("x");
    ASSERT_TRUE(until([&] { return closed_.has_value(); }));
    EXPECT_THAT(*closed_, testing::HasSubstr("No space left"));
}

}  // namespace
}  // namespace weir::cli
