#include "admin/handed.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace weir::admin {
namespace {

using testing::HasSubstr;

class HandedTest : public testing::Test {
  protected:
    HandedTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        old_ = UniqueFd(ends[0]);
        next_ = UniqueFd(ends[1]);
    }
    static UniqueFd socket() { return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
    static ino_t inode(const UniqueFd& fd) {
        struct stat found{};
        EXPECT_EQ(::fstat(fd.get(), &found), 0);
        return found.st_ino;
    }
    void say(std::string_view text) {
        ASSERT_EQ(::send(old_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    }

    UniqueFd old_, next_;
};

TEST_F(HandedTest, BringsEverySocketWithWhyItIsListenedOn) {
    std::vector<Handed> sent;
    for (auto origin : {Origin::inherited, Origin::file, Origin::configured})
        sent.push_back({origin, socket()});
    ASSERT_TRUE(send_sockets(old_.get(), sent));
    auto got = receive_sockets(next_);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(got->size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ((*got)[i].origin, sent[i].origin);
        EXPECT_EQ(inode((*got)[i].socket), inode(sent[i].socket));
        EXPECT_TRUE(::fcntl((*got)[i].socket.get(), F_GETFD) & FD_CLOEXEC);
    }
}

TEST_F(HandedTest, DoesNotTakeNothingForAHandover) {
    EXPECT_FALSE(send_sockets(old_.get(), {}));
    old_.reset();
    EXPECT_FALSE(receive_sockets(next_)) << "the old one has gone without a word";
}

TEST_F(HandedTest, SaysWhenNobodyIsThereToTakeThem) {
    next_.reset();
    std::vector<Handed> sent;
    sent.push_back({Origin::file, socket()});
    auto done = send_sockets(old_.get(), sent);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("cannot hand the sockets over"));
}

TEST_F(HandedTest, BringsARefusalWithItsReason) {
    send_refusal(old_.get(), "not today");
    auto got = receive_sockets(next_);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().message, "not today");
}

TEST_F(HandedTest, RefusesWhatIsNoSuchMessage) {
    for (const char* text : {"x", "u", "uci"}) {
        say(text);
        EXPECT_FALSE(receive_sockets(next_)) << text << ", with no socket";
    }
}

TEST_F(HandedTest, GoesOnWithWhatItGetsWhereMoreDescriptorsAreNotLeft) {
    std::vector<Handed> sent;
    for (auto origin : {Origin::file, Origin::configured, Origin::inherited})
        sent.push_back({origin, socket()});
    ASSERT_TRUE(send_sockets(old_.get(), sent));
    UniqueFd first_free(::fcntl(next_.get(), F_DUPFD_CLOEXEC, 0));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    auto room = static_cast<rlim_t>(first_free.get()) + 1;
    first_free.reset();
    const rlimit one_more{room, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &one_more), 0);
    auto got = receive_sockets(next_);
    ::setrlimit(RLIMIT_NOFILE, &before);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(got->size(), 1u);
    EXPECT_EQ(got->front().origin, Origin::file);
}

}  // namespace
}  // namespace weir::admin
