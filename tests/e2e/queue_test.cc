// The queue toolkit with real peers: nanomsg's nanocat on either side, generators and consumers together, and
// lbtk's examples as they stand.
#include <fcntl.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "lab/chat.h"
#include "lab/failure.h"
#include "lab/lab.h"
#include "lab/process.h"
#include "lab/tcp.h"
#include "lab/temp_dir.h"
#include "proto/sp.h"
#include "tests/e2e/etcd_server.h"

namespace weir::e2e {
namespace {

namespace fs = std::filesystem;
namespace sp = proto::sp;
using namespace std::chrono_literals;
using testing::Each, testing::ElementsAre, testing::HasSubstr, testing::StartsWith;

constexpr auto kSoon = 30s;
constexpr const char* kUrl = "tcp://127.0.0.1:1024";

/// Pullers in the test's own process, in a loop that runs while it waits.
class Consumers {
  public:
    explicit Consumers(lab::Host& host) : host_(host) {}
    ~Consumers() {
        pullers_.clear();
        context_.poll();
    }

    void add(const std::string& url) {
        lab::InNetns inside(host_.netns());
        pullers_.push_back(sp::make_puller({context_.get_executor(), clock_},
                                           {.url = sp::Url::parse(url).value(),
                                            .changed = [this, i = pullers_.size()] { take(i); },
                                            .trouble = {}}));
    }
    /// Takes what comes. False if it does not come true.
    template <class Condition>
    [[nodiscard]] bool until(Condition condition) {
        lab::InNetns inside(host_.netns());
        for (auto end = std::chrono::steady_clock::now() + kSoon; !condition();) {
            if (std::chrono::steady_clock::now() > end) return false;
            context_.restart();
            context_.run_for(5ms);
        }
        return true;
    }
    bool is_connected() const {
        return std::ranges::all_of(pullers_, [](const auto& each) { return each->is_connected(); });
    }
    bool is_disconnected() const {
        return std::ranges::none_of(pullers_, [](const auto& each) { return each->is_connected(); });
    }

    std::vector<std::string> taken;

  private:
    void take(size_t puller) {
        while (auto token = pullers_[puller]->take()) taken.push_back(*std::move(token));
    }

    lab::Host& host_;
    boost::asio::io_context context_;
    SystemClock clock_{context_.get_executor()};
    std::vector<std::unique_ptr<sp::Puller>> pullers_;
};

/// A pipe with a name, for a program's standard input.
class Fifo {
  public:
    explicit Fifo(std::string path) : path_(std::move(path)) {
        if (::mkfifo(path_.c_str(), 0600) != 0) lab::give_up("cannot make {}", path_);
        end_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    }
    void write(const std::string& text) {
        if (::write(end_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            lab::give_up("cannot write {}", path_);
    }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
    UniqueFd end_;
};

std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    return all;
}

class QueueToolkit : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = lab::why_no_lab(); !why.empty()) GTEST_SKIP() << why;
        if (!fs::exists("/usr/bin/nanocat")) GTEST_SKIP() << "no nanocat here (package nanomsg-utils)";
        lab_ = std::make_unique<lab::Lab>("queue");
        host_ = &lab_->host("a");
        fs::create_symlink(WEIR_BINARY, directory_ / "weir");
    }
    /// Programs that went to the background are in the lab's namespace, and in no other.
    void TearDown() override {
        for (auto pid : inhabitants()) ::kill(pid, SIGKILL);
    }
    std::vector<pid_t> inhabitants() const {
        std::vector<pid_t> pids;
        if (!host_) return pids;
        struct stat wanted{}, found{};
        if (::fstat(host_->netns(), &wanted) != 0) return pids;
        for (const auto& entry : fs::directory_iterator("/proc")) {
            auto pid = std::atoi(entry.path().filename().c_str());
            if (pid > 0 && pid != ::getpid() && ::stat((entry.path() / "ns/net").c_str(), &found) == 0 &&
                found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev)
                pids.push_back(pid);
        }
        return pids;
    }
    std::vector<std::string> in_shell(const std::string& line) const {
        return {"bash", "-c", "PATH=" + directory_.path().string() + ":$PATH; " + line};
    }
    /// Goes with the test.
    lab::Process& start(const std::string& line) {
        running_.push_back(std::make_unique<lab::Process>(*host_, in_shell(line)));
        return *running_.back();
    }
    lab::Finished shell(const std::string& line) { return lab::run(*host_, in_shell(line), kSoon); }
    /// What nanocat pulls, so many of them.
    std::vector<std::string> nanocat(size_t count,
                                     const std::string& where = "--connect tcp://127.0.0.1:1024") {
        return lines(shell(fmt::format("nanocat --pull {} --ascii | head -n {}", where, count)).out);
    }
    bool listens(const std::string& endpoint) {
        return lab::wait_until(
            [&] { return lab::connect_tcp(*host_, lab::endpoint(endpoint), 1s).has_value(); }, kSoon);
    }

    lab::TempDir directory_;
    std::unique_ptr<lab::Lab> lab_;
    lab::Host* host_ = nullptr;
    std::vector<std::unique_ptr<lab::Process>> running_;  // gone before the lab
};

/// `127.0.0.1:8000` and `:8001`, one after the other.
void expect_turns(const std::vector<std::string>& tokens, size_t count) {
    ASSERT_EQ(tokens.size(), count);
    for (size_t i = 0; i < count; ++i)
        ASSERT_EQ(tokens[i], i % 2 ? "127.0.0.1:8001" : "127.0.0.1:8000") << "token " << i;
}

/// Sends so much, says that it is all, and gets what comes to the end.
std::string exchange(lab::Host& host, const std::string& address, const std::string& text) {
    auto socket = lab::connect_tcp(host, lab::endpoint(address), 5s);
    if (!socket) return "error: " + socket.error().message;
    std::string got;
    std::array<char, 65536> buffer{};
    size_t sent = 0;
    bool ended = false;
    auto step = [&] {
        if (sent < text.size()) {
            auto size = ::send(socket->get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (size > 0 && (sent += static_cast<size_t>(size)) == text.size())
                ::shutdown(socket->get(), SHUT_WR);
        }
        for (;;) {
            auto size = ::recv(socket->get(), buffer.data(), buffer.size(), 0);
            ended = size == 0 || (size < 0 && errno != EAGAIN);
            if (size <= 0) break;
            got.append(buffer.data(), static_cast<size_t>(size));
        }
        return ended;
    };
    return lab::wait_until(step, kSoon) ? got : "error: it does not end";
}

TEST_F(QueueToolkit, GeneratesWhatNanocatPulls) {
    start("( echo 127.0.0.1:8000 ; echo 127.0.0.1:8001 ) | weir gen tcp://127.0.0.1:1024");
    expect_turns(nanocat(1000), 1000);
    auto again = nanocat(100);
    EXPECT_EQ(again.size(), 100u) << "it goes on after the end of its input";
}

TEST_F(QueueToolkit, RunsLbtksExamplesAsTheyStand) {
    start("weir refresh-static 127.0.0.1:800{0,1} | weir gen tcp://127.0.0.1:1024");
    expect_turns(nanocat(1000), 1000);
    auto echo = shell("weir echo-tcp-splice -d -f 127.0.0.1:8000 127.0.0.1:8001");
    EXPECT_EQ(echo.status, 0) << echo.err;
    for (const char* address : {"127.0.0.1:8000", "127.0.0.1:8001"}) {
        auto connected = lab::connect_tcp(*host_, lab::endpoint(address), 5s);
        EXPECT_TRUE(connected) << "it listens before the command ends: " << connected.error().message;
    }
}

/// The third of lbtk's programs, with the other two around it.
TEST_F(QueueToolkit, ProxiesAsInLbtksExample) {
    start("weir refresh-static 127.0.0.1:800{0,1} | weir gen tcp://127.0.0.1:1024");
    ASSERT_EQ(shell("weir echo-tcp-splice -d -f 127.0.0.1:8000 127.0.0.1:8001").status, 0);
    auto proxy = shell("weir proxy-tcp-splice -d -f 127.0.0.1:8080 tcp://127.0.0.1:1024");
    ASSERT_EQ(proxy.status, 0) << proxy.err;
    for (int i = 0; i < 20; ++i) {
        const auto said = std::string(static_cast<size_t>(1 + i * 5000), static_cast<char>('a' + i));
        EXPECT_EQ(exchange(*host_, "127.0.0.1:8080", said), said);
    }
    auto refused =
        shell("weir proxy -d 127.0.0.1:8000 tcp://127.0.0.1:1024; weir proxy 127.0.0.1:8081; true");
    EXPECT_THAT(refused.err, HasSubstr("weir: proxy needs a queue"));
}

TEST_F(QueueToolkit, ProxiesEachConnectionByOneTokenWithoutDeadOnes) {
    std::deque<lab::ChatServer> servers;
    for (const char* at : {"127.0.0.1:8000", "127.0.0.1:8001"})
        servers.emplace_back(*host_, lab::endpoint(at), at);
    start("weir refresh static 127.0.0.1:800{0,1,2} | weir gen tcp://127.0.0.1:1024");
    start("weir proxy --retries 20 127.0.0.1:8080 tcp://127.0.0.1:1024");
    ASSERT_TRUE(listens("127.0.0.1:8080"));
    lab::Chats chats(*host_, lab::endpoint("127.0.0.1:8080"), 30, 0);
    ASSERT_TRUE(lab::wait_until([&] { return chats.report().talking == 30; }, kSoon));
    const auto report = chats.report();
    EXPECT_EQ(report.broken, 0u) << report.first_error;
    for (const char* at : {"127.0.0.1:8000", "127.0.0.1:8001"}) {
        const auto share = report.by_server.contains(at) ? report.by_server.at(at) : 0;
        EXPECT_GE(share, 10u) << at
                              << ": of three tokens one is its own, and those of the dead one are skipped";
    }
}

TEST_F(QueueToolkit, ConnectionsWaitForAGeneratorThatIsLost) {
    std::deque<lab::ChatServer> servers;
    for (const char* at : {"127.0.0.1:8000", "127.0.0.1:8001"})
        servers.emplace_back(*host_, lab::endpoint(at), at);
    start("weir proxy --wait 60s 127.0.0.1:8080 tcp://127.0.0.1:1024 tcp://127.0.0.1:1025");
    auto& brief = start("exec weir proxy --wait 1s 127.0.0.1:8081 tcp://127.0.0.1:1024");
    ASSERT_TRUE(listens("127.0.0.1:8080") && listens("127.0.0.1:8081"));
    lab::Chats chats(*host_, lab::endpoint("127.0.0.1:8080"), 5, 0);
    EXPECT_EQ(exchange(*host_, "127.0.0.1:8081", "text"), "") << "it is reset, for no token comes";
    EXPECT_EQ(chats.report().talking, 0u);
    start("weir refresh static 127.0.0.1:8001 | weir gen tcp://127.0.0.1:1025");
    ASSERT_TRUE(lab::wait_until([&] { return chats.report().talking == 5; }, kSoon))
        << "the second one serves";
    EXPECT_EQ(chats.report().by_server.size(), 1u);
    start("weir refresh static 127.0.0.1:8000 | weir gen tcp://127.0.0.1:1024");
    ASSERT_TRUE(lab::wait_until(
        [&] {
            return exchange(*host_, "127.0.0.1:8080", "text").find("127.0.0.1:8000") != std::string::npos;
        },
        kSoon))
        << "the first one is preferred";
    brief.kill(SIGTERM);
    EXPECT_EQ(brief.wait(10s), 0);
    EXPECT_THAT(brief.out() + brief.err(), HasSubstr("no_backend"));
}

TEST_F(QueueToolkit, GeneratesOverUnixSockets) {
    auto url = "ipc://" + (directory_ / "queue").string();
    start("echo '127.0.0.1:8000\n127.0.0.1:8001' | weir gen " + url);
    expect_turns(nanocat(1000, "--connect " + url), 1000);
}

TEST_F(QueueToolkit, DialsNanocatThatListens) {
    start("echo '127.0.0.1:8000\n127.0.0.1:8001' | weir gen --dial tcp://127.0.0.1:1024");
    expect_turns(nanocat(1000, "--bind tcp://127.0.0.1:1024"), 1000);
    EXPECT_EQ(nanocat(100, "--bind tcp://127.0.0.1:1024").size(), 100u) << "it dials again";
}

TEST_F(QueueToolkit, PullsWhatNanocatGenerates) {
    Consumers consumers(*host_);
    for (int i = 0; i < 3; ++i) consumers.add(kUrl);
    for (int turn = 1; turn <= 2; ++turn) {  // it comes, and comes again
        auto& nanocat =
            start("exec nanocat --push --bind tcp://127.0.0.1:1024 --interval 0.01 --data 192.0.2.1:80");
        ASSERT_TRUE(consumers.until([&] { return consumers.taken.size() >= 30; })) << nanocat.err();
        EXPECT_THAT(consumers.taken, Each("192.0.2.1:80"));
        nanocat.kill(SIGKILL);
        ASSERT_TRUE(nanocat.wait(5s));
        ASSERT_TRUE(consumers.until([&] { return consumers.is_disconnected(); }));
        consumers.taken.clear();
    }
}

/// Tokens of a generator in its order, ten thousand of them.
std::vector<std::string> tokens_of(int generator) {
    std::vector<std::string> tokens;
    for (int i = 0; i < 10'000; ++i)
        tokens.push_back(fmt::format("10.{}.{}.{}:80", generator, i / 250, 1 + i % 250));
    return tokens;
}

/// The generator's turns without a gap and nothing twice: so many of them. -1: it is not so.
int whole_turns(const std::vector<std::string>& tokens, const std::map<std::string, int>& seen) {
    auto count = [&](const std::string& token) {
        auto found = seen.find(token);
        return found == seen.end() ? 0 : found->second;
    };
    const int most = count(tokens.front());
    int sum = 0;
    bool is_over = false;  // the last turn
    for (const auto& token : tokens) {
        auto times = count(token);
        is_over = is_over || times == most - 1;
        if (times != most - (is_over ? 1 : 0)) return -1;
        sum += times;
    }
    return sum;
}

TEST_F(QueueToolkit, GivesEachTokenOfTwoGeneratorsToOneOfTen) {
    std::vector<std::unique_ptr<Fifo>> inputs;
    for (int i : {1, 2}) {
        inputs.push_back(std::make_unique<Fifo>(directory_ / fmt::format("fifo{}", i)));
        start(fmt::format("exec weir gen tcp://127.0.0.1:{} < {}", 1023 + i, inputs.back()->path()));
        inputs.back()->write(fmt::format("{}\n\n", fmt::join(tokens_of(i), "\n")));
    }
    const std::string both = "--connect tcp://127.0.0.1:1024 --connect tcp://127.0.0.1:1025";
    std::vector<lab::Process*> nanocats;
    for (int i = 0; i < 2; ++i) nanocats.push_back(&start("exec nanocat --pull --ascii " + both));
    Consumers consumers(*host_);
    for (int i = 0; i < 8; ++i)
        for (int port : {1024, 1025}) consumers.add(fmt::format("tcp://127.0.0.1:{}", port));
    auto taken_from = [&](const std::string& generator) {
        return std::ranges::count_if(consumers.taken,
                                     [&](const auto& token) { return token.starts_with(generator); });
    };
    ASSERT_TRUE(consumers.until([&] {
        return taken_from("10.1.") > 12'000 && taken_from("10.2.") > 12'000 &&
               std::ranges::all_of(nanocats, [](auto* each) { return each->out().size() > 10'000; });
    }));
    for (auto& input : inputs) input->write("\n");  // no more; what was pushed has yet to come out
    std::map<std::string, int> seen;
    auto is_whole = [&] {
        seen.clear();
        for (const auto& token : consumers.taken) ++seen[token];
        for (auto* each : nanocats)
            for (const auto& token : lines(each->out())) ++seen[token];
        return whole_turns(tokens_of(1), seen) > 0 && whole_turns(tokens_of(2), seen) > 0;
    };
    EXPECT_TRUE(consumers.until(is_whole)) << "some tokens are missing, or were used twice";
    EXPECT_EQ(seen.size(), 20'000u);
}

TEST_F(QueueToolkit, FollowsItsListWithFewStaleTokens) {
    Fifo input(directory_ / "fifo");
    auto& gen = start("exec weir gen " + std::string(kUrl) + " < " + input.path());
    input.write("10.0.0.1:80\n\n");
    Consumers consumers(*host_);
    consumers.add(kUrl);
    ASSERT_TRUE(consumers.until([&] { return consumers.taken.size() >= 1000; }));
    // Nobody takes meanwhile, so that as many tokens are on the way as can be.
    input.write("nonsense\n10.0.0.2:80\n\n");
    ASSERT_TRUE(lab::wait_until([&] { return gen.err().contains("line 3: "); }, kSoon)) << gen.err();
    EXPECT_THAT(gen.err(), HasSubstr("weir gen: line 3: 'nonsense' is no ADDRESS:PORT"));
    consumers.taken.clear();
    ASSERT_TRUE(consumers.until([&] { return consumers.taken.size() >= 1000; }));
    EXPECT_LE(std::ranges::count(consumers.taken, "10.0.0.1:80"), static_cast<int>(sp::kMostAhead));
    EXPECT_EQ(consumers.taken.back(), "10.0.0.2:80");
}

TEST_F(QueueToolkit, PushesNothingOfAnEmptyList) {
    Fifo input(directory_ / "fifo");
    start("exec weir gen " + std::string(kUrl) + " < " + input.path());
    Consumers consumers(*host_);
    consumers.add(kUrl);
    ASSERT_TRUE(consumers.until([&] { return consumers.is_connected(); }));
    EXPECT_THAT(consumers.taken, ElementsAre());
    for (const char* list : {"10.0.0.1:80\n\n", "10.0.0.2:80\n\n"}) {
        input.write(list);
        const auto token = std::string(list, 11);
        ASSERT_TRUE(
            consumers.until([&] { return !consumers.taken.empty() && consumers.taken.back() == token; }));
        input.write("\n");
        // Until as many turns of the loop as have brought a token before have brought none.
        int silent = 0;
        ASSERT_TRUE(consumers.until([&, last = size_t{0}]() mutable {
            silent = consumers.taken.size() == last ? silent + 1 : 0;
            last = consumers.taken.size();
            return silent >= 20;
        }));
    }
}

TEST_F(QueueToolkit, FollowsEtcd) {
    if (auto why = EtcdServer::why_not(); !why.empty()) GTEST_SKIP() << why;
    EtcdServer etcd(*host_, "127.0.0.1");
    etcd.put("/services/web/1", "10.0.0.1:80");
    etcd.put("/other", "10.9.9.9:80");
    auto& pipeline = start(
        "weir refresh etcd --endpoints http://127.0.0.1:2379 --prefix /services/ | weir gen "
        "tcp://127.0.0.1:1024");
    Consumers consumers(*host_);
    consumers.add(kUrl);
    ASSERT_TRUE(consumers.until([&] { return consumers.taken.size() >= 10; })) << pipeline.err();
    EXPECT_THAT(consumers.taken, Each("10.0.0.1:80"));
    etcd.put("/services/web/2", R"({"address": "10.0.0.2", "port": 8080})");
    ASSERT_TRUE(consumers.until([&] { return consumers.taken.back() == "10.0.0.2:8080"; })) << pipeline.err();
    etcd.remove("/services/web/1");
    auto is_alone = [&] {
        auto& taken = consumers.taken;
        return taken.size() > 100 &&
               std::ranges::all_of(taken.end() - 100, taken.end(),
                                   [](const auto& each) { return each == "10.0.0.2:8080"; });
    };
    ASSERT_TRUE(consumers.until(is_alone)) << pipeline.err();
    etcd.kill();
    ASSERT_TRUE(lab::wait_until([&] { return pipeline.err().contains("the last list stays"); }, kSoon));
    consumers.taken.clear();
    ASSERT_TRUE(consumers.until([&] { return consumers.taken.size() >= 1000; }));
    EXPECT_THAT(consumers.taken, Each("10.0.0.2:8080"));
}

TEST_F(QueueToolkit, RefreshesFromAFile) {
    auto path = directory_.write("list", "10.0.0.1:80\n10.0.0.2 weight=3\n");
    auto& refresh = start(fmt::format("cd {} && exec weir refresh file list --weighted --default-port 8080",
                                      directory_.path().string()));
    ASSERT_TRUE(lab::wait_until(
        [&] { return refresh.out() == "10.0.0.1:80 weight=1\n10.0.0.2:8080 weight=3\n\n"; }, kSoon))
        << refresh.out() << refresh.err();
    directory_.write("new", "10.0.0.2:81\nweb\n");
    fs::rename(directory_ / "new", path);
    ASSERT_TRUE(
        lab::wait_until([&] { return refresh.out().ends_with("\n\n10.0.0.2:81 weight=1\n\n"); }, kSoon))
        << refresh.out() << refresh.err();
    EXPECT_THAT(refresh.err(), HasSubstr("'web' is no"));
    fs::remove(path);
    ASSERT_TRUE(lab::wait_until([&] { return refresh.err().contains("the last list stays"); }, kSoon));
    refresh.kill(SIGTERM);
    EXPECT_EQ(refresh.wait(5s), 0);
}

TEST_F(QueueToolkit, RefreshesFromPrograms) {
    auto script = directory_.write("backends", "#!/bin/sh\necho 10.0.0.1:$1\necho 10.0.0.2:$1\n");
    fs::permissions(directory_.path(), fs::perms(0755));
    fs::permissions(script, fs::perms(0755));
    EXPECT_EQ(shell("weir refresh exec --timeout 20s -- " + script + " 6006 --all | head -n 3").out,
              "10.0.0.1:6006\n10.0.0.2:6006\n\n");
}

TEST_F(QueueToolkit, EndsWithWhoeverReads) {
    auto done = shell("weir refresh static 127.0.0.1:1 '[::1]:2' | head -n 1; echo ${PIPESTATUS[0]}");
    EXPECT_EQ(done.out, "127.0.0.1:1\n0\n") << done.err;
}

TEST_F(QueueToolkit, SaysWhatIsWrongWithACommand) {
    const std::pair<const char*, const char*> cases[] = {
        {"weir refresh", "subcommand is required"},
        {"weir refresh static", "static needs addresses"},
        {"weir refresh static web:80", "'web:80' is no ADDRESS:PORT"},
        {"weir refresh etcd --prefix /x", "'endpoints'"},
        {"weir refresh zk --servers 127.0.0.1:2181 --path relative", "path"},
        {"weir refresh dns x --interval 1ms", "dns --interval: "},
        {"weir gen 127.0.0.1:1024", "is no queue; write tcp://HOST:PORT"},
        {"weir echo", "echo needs an address"},
        {"weir echo localhost:80", "'localhost' is not an IP address"},
    };
    for (auto [line, message] : cases) {
        auto done = shell(line);
        EXPECT_EQ(done.status, 2) << line;
        EXPECT_THAT(done.err, HasSubstr(message)) << line;
    }
    start("exec weir gen tcp://127.0.0.1:1024 < /dev/null");
    ASSERT_TRUE(listens("127.0.0.1:1024"));
    auto second = shell("weir gen tcp://127.0.0.1:1024 < /dev/null");
    EXPECT_EQ(second.status, 1);
    EXPECT_THAT(second.err, HasSubstr("cannot listen at tcp://127.0.0.1:1024"));
}

TEST_F(QueueToolkit, EchoesToTheEndOfAHalfClosedConnection) {
    auto& echo = start("exec weir echo -f 127.0.0.1:8000 '[::1]:8001'");
    ASSERT_TRUE(listens("127.0.0.1:8000")) << echo.err();
    std::string text;
    for (int i = 0; text.size() < 3'000'000; ++i) text += std::to_string(i) + ' ';
    for (const char* address : {"127.0.0.1:8000", "[::1]:8001"})
        EXPECT_TRUE(exchange(*host_, address, text) == text) << address;
    EXPECT_EQ(shell("weir echo 127.0.0.1:8000").status, 1) << "the address is taken";
    echo.kill(SIGTERM);
    EXPECT_EQ(echo.wait(5s), 0);
}

TEST_F(QueueToolkit, EchoKeepsNoMoreThanABufferOfWhoDoesNotRead) {
    auto& echo = start("exec weir echo 127.0.0.1:8000");
    ASSERT_TRUE(listens("127.0.0.1:8000"));
    auto memory = [&] {
        std::ifstream statm(fmt::format("/proc/{}/statm", echo.pid()));
        size_t all = 0, resident = 0;
        statm >> all >> resident;
        return resident * 4096;
    };
    const auto before = memory();
    std::vector<UniqueFd> sockets;
    for (int i = 0; i < 8; ++i) {
        auto socket = lab::connect_tcp(*host_, lab::endpoint("127.0.0.1:8000"), 5s);
        ASSERT_TRUE(socket);
        const std::string much(1 << 20, 'x');
        int full = 0;  // times in a row
        ASSERT_TRUE(lab::wait_until(
            [&] {
                bool taken = ::send(socket->get(), much.data(), much.size(), MSG_NOSIGNAL) > 0;
                full = taken ? 0 : full + 1;
                return full >= 3;
            },
            kSoon));
        sockets.push_back(std::move(*socket));
    }
    EXPECT_LT(memory(), before + 8 * 65536 + (4 << 20));
}

TEST_F(QueueToolkit, EchoesDatagramsFromWhereTheyWereSent) {
    host_->add_address("lo", "10.0.0.1/32");
    auto& echo = start("exec weir echo --udp -f 0.0.0.0:8000 '[::1]:8000'");
    for (const char* address : {"127.0.0.1:8000", "10.0.0.1:8000", "[::1]:8000"}) {
        auto to = net::to_socket_address(lab::endpoint(address));
        UniqueFd socket = host_->run([&] {
            return UniqueFd(::socket(to.get()->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        });
        ASSERT_EQ(::connect(socket.get(), to.get(), to.size), 0);
        std::array<char, 100> buffer{};
        ASSERT_TRUE(lab::wait_until(
            [&] {
                ::send(socket.get(), "hello", 5, 0);  // lost until it listens
                return ::recv(socket.get(), buffer.data(), buffer.size(), 0) == 5;
            },
            kSoon))
            << address << echo.err();
        EXPECT_EQ(std::string(buffer.data(), 5), "hello");
    }
}

TEST_F(QueueToolkit, EchoGoesToTheBackground) {
    auto done = shell("weir echo -d 127.0.0.1:8000");
    ASSERT_EQ(done.status, 0) << done.err;
    EXPECT_EQ(exchange(*host_, "127.0.0.1:8000", "text"), "text");
    auto pids = inhabitants();
    ASSERT_EQ(pids.size(), 1u);
    EXPECT_EQ(::getsid(pids[0]), pids[0]) << "it has no terminal";
    ::kill(pids[0], SIGTERM);
    EXPECT_TRUE(lab::wait_until([&] { return inhabitants().empty(); }, kSoon));
    auto refused = shell("weir echo -d 127.0.0.1:8000 127.0.0.1:8000");
    EXPECT_EQ(refused.status, 1) << "who cannot listen says so before it goes";
    EXPECT_THAT(refused.err, HasSubstr("cannot serve 127.0.0.1:8000"));
}

}  // namespace
}  // namespace weir::e2e
