#include "base/child.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstring>

#include "base/unique_fd.h"

namespace weir {

namespace asio = boost::asio;

namespace {

constexpr rlim_t kMostMemory = 1 << 30;
constexpr rlim_t kLongestFile = 1 << 20;
constexpr rlim_t kMostFiles = 256;
constexpr rlim_t kMostProcesses = 1024;  // of the user, also outside of weir
constexpr int kEnd = STDERR_FILENO + 1;  // in the new process: where to write how the program ended

/// What the new process needs, made before it is there: it may do nothing but system calls.
struct Prepared {
    explicit Prepared(const Child::Order& from) : order(from) {
        for (const auto& word : order.command) arguments.push_back(const_cast<char*>(word.c_str()));
        for (const auto& word : order.environment) environment.push_back(const_cast<char*>(word.c_str()));
        arguments.push_back(nullptr);
        environment.push_back(nullptr);
    }

    const Child::Order& order;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    UniqueFd input;
    UniqueFd output;
    UniqueFd errors;
    UniqueFd end;           // takes the program's wait status
    bool is_alone = false;  // in namespaces of its own
};

[[noreturn]] void give_up(const char* what) {
    const char* why = strerrordesc_np(errno);
    for (const char* text : {"cannot ", what, ": ", why ? why : "unknown error", "\n"})
        if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
    ::_exit(127);
}

bool limit(int what, rlim_t most) {
    rlimit both{};
    if (::getrlimit(static_cast<__rlimit_resource>(what), &both) == 0) most = std::min(most, both.rlim_max);
    both = {most, most};
    return ::setrlimit(static_cast<__rlimit_resource>(what), &both) == 0;
}

/// By system calls: the library's functions would reach for the threads of the old process.
bool become(uid_t user, gid_t group) {
    if (user == ::geteuid() && group == ::getegid() && user != 0) return true;
    return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, group, group, group) == 0 &&
           ::syscall(SYS_setresuid, user, user, user) == 0;
}

/// So that process numbers mean there what they do here. Nobody else sees it; where it is refused, /proc
/// shows the balancer's processes.
void show_own_processes() {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0)
        ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
}

[[noreturn]] void execute(const Prepared& prepared) {
    // Of the program's own: what the old process has mapped may be more.
    if (!limit(RLIMIT_AS, kMostMemory)) give_up("set its limits");
    ::execve(prepared.arguments[0], prepared.arguments.data(), prepared.environment.data());
    give_up("run it");
}

/// As the first process of its namespace, with which all others of that end. It is not the program itself,
/// because the first one takes no signals and has to reap what others leave.
[[noreturn]] void run_below(const Prepared& prepared) {
    pid_t program = ::vfork();  // NOLINT(bugprone-unsafe-functions): only system calls follow
    if (program == 0) {
        ::setsid();
        execute(prepared);
    }
    if (program < 0) give_up("start it");
    ::close(STDOUT_FILENO);  // who reads is to see its end when the program closes it
    for (;;) {
        int status = 0;
        pid_t gone = ::waitpid(-1, &status, 0);
        if (gone < 0 && errno != EINTR) give_up("wait for it");
        if (gone == program) ::_exit(::pwrite(kEnd, &status, sizeof status, 0) == sizeof status ? 0 : 127);
    }
}

/// In the new process.
[[noreturn]] void turn_into(const Prepared& prepared) {
    sigset_t none;
    ::sigemptyset(&none);
    ::signal(SIGPIPE, SIG_DFL);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(prepared.input.get(), STDIN_FILENO);
    ::dup2(prepared.output.get(), STDOUT_FILENO);
    ::dup2(prepared.errors.get(), STDERR_FILENO);
    if (prepared.end.get() != kEnd) ::dup3(prepared.end.get(), kEnd, O_CLOEXEC);
    if (::syscall(SYS_close_range, kEnd + 1u, ~0u, 0u) != 0) give_up("close what it must not see");
    if (::setsid() < 0 || ::chdir("/") != 0) give_up("begin a session");
    ::umask(022);
    const auto& time = prepared.order.processor_time;
    if ((time && !limit(RLIMIT_CPU, static_cast<rlim_t>(time->count()))) || !limit(RLIMIT_CORE, 0) ||
        !limit(RLIMIT_FSIZE, kLongestFile) || !limit(RLIMIT_NOFILE, kMostFiles) ||
        !limit(RLIMIT_NPROC, kMostProcesses))
        give_up("set its limits");
    if (prepared.is_alone) show_own_processes();
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (!become(prepared.order.user, prepared.order.group)) give_up("become its user");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        give_up("shut it in");
    prepared.is_alone ? run_below(prepared) : execute(prepared);
}

/// As fork(), with a descriptor of the new process and without the library's handlers.
pid_t fork_with(uint64_t flags, int* pidfd) {
    clone_args arguments{};
    arguments.flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    arguments.pidfd = reinterpret_cast<uintptr_t>(pidfd);
    arguments.exit_signal = SIGCHLD;
    return static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
}

/// Not among the first three, which the new process gives other meanings.
UniqueFd above_standard(int fd) {
    return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

}  // namespace

struct Child::State {
    State(std::shared_ptr<void> keep, const asio::any_io_executor& executor, pid_t of, int pidfd,
          Prepared& prepared)
        : meanwhile(std::move(keep)),
          process(of),
          ended(executor, pidfd),
          noted_end(std::move(prepared.end)) {}

    void kill() {
        if (is_reaped) return;
        ::kill(-process, SIGKILL);
        ::syscall(SYS_pidfd_send_signal, ended.native_handle(), SIGKILL, nullptr, 0);  // before its session
    }

    /// True once it has ended and is reaped. Until it is, its group keeps its number, so what is left of that
    /// dies first.
    bool reap() {
        siginfo_t info{};
        if (!ask(info, WNOWAIT)) return false;
        if (info.si_pid != 0) kill();  // else somebody else has reaped it, and its number may be another's
        ask(info, 0);
        is_reaped = true;
        int status = 0;  // of the program, where `process` is not that itself
        if (::pread(noted_end.get(), &status, sizeof status, 0) == sizeof status)
            end = {WIFEXITED(status), WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)};
        else
            end = {info.si_code == CLD_EXITED, info.si_status};
        return true;
    }

    /// Whether it has ended, and how; also if somebody else has reaped it.
    bool ask(siginfo_t& info, int how) {
        int failed = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(ended.native_handle()), &info,
                              WEXITED | WNOHANG | how);
        return failed || info.si_pid != 0;
    }

    /// A descriptor may be called ready that is not: a process that was just forked has all of them, and
    /// Asio's epoll does not see one go that another process still has.
    static void reap_later(std::shared_ptr<State> state) {
        auto& on = state->ended;
        on.async_wait(asio::posix::stream_descriptor::wait_read,
                      [state = std::move(state)](boost::system::error_code failed) mutable {
                          if (!failed && !state->reap()) reap_later(std::move(state));
                      });
    }

    std::shared_ptr<void> meanwhile;
    const pid_t process;
    asio::posix::stream_descriptor ended;  // its pidfd
    UniqueFd noted_end;
    bool expired = false;
    bool is_reaped = false;
    End end;
};

Result<Child> Child::start(const Order& order, Output to, std::shared_ptr<void> meanwhile,
                           const asio::any_io_executor& executor) {
    Prepared prepared(order);
    prepared.input = above_standard(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get());
    prepared.output = above_standard(to.output);
    prepared.errors = above_standard(to.errors);
    prepared.end = above_standard(UniqueFd(::memfd_create("weir-child-end", MFD_CLOEXEC)).get());
    if (!prepared.input || !prepared.output || !prepared.errors || !prepared.end)
        return fail_with(errno, "cannot make its input and output");
    int pidfd = -1;
    prepared.is_alone = true;
    auto process = fork_with(CLONE_NEWPID | CLONE_NEWNS, &pidfd);
    if (process < 0) {
        prepared.is_alone = false;
        process = fork_with(0, &pidfd);
    }
    if (process == 0) turn_into(prepared);
    if (process < 0) return fail_with(errno, "cannot start a process");
    return Child(std::make_shared<State>(std::move(meanwhile), executor, process, pidfd, prepared));
}

Child::~Child() {
    if (!state_ || state_->is_reaped) return;
    state_->kill();
    try {
        State::reap_later(state_);
    } catch (...) {  // for want of memory: what is left of it goes with the balancer
    }
}

asio::awaitable<bool> Child::wait(Clock& clock, Clock::Time deadline) {
    constexpr auto kAnswer = asio::as_tuple(asio::use_awaitable);
    auto state = state_;
    auto alarm = clock.at(deadline, [&state] {
        state->expired = true;
        state->ended.cancel();
    });
    do {
        auto [code] = co_await state->ended.async_wait(asio::posix::stream_descriptor::wait_read, kAnswer);
        if (state->expired) co_return false;
        if (code) throw boost::system::system_error(code);
    } while (!state->reap());
    co_return true;
}

Child::End Child::end() const {
    return state_->end;
}

void Child::kill() {
    state_->kill();
}

}  // namespace weir
