#include "lab/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "lab/failure.h"

namespace weir::lab {
namespace {

constexpr const char kListenPid[] = "LISTEN_PID=";
constexpr int kAboveHanded =
    64;  // descriptors from here on are not in the way of those handed over as 3, 4, …

/// All that execve() needs, laid out before the fork: between fork and exec only async-signal-safe calls are
/// allowed.
class Image {
  public:
    Image(std::vector<std::string> argv, const ProcessOptions& options)
        : argv_(std::move(argv)), environment_(options.environment) {
        for (char** entry = environ; *entry; ++entry)
            if (!overridden(*entry)) environment_.emplace_back(*entry);
        for (int fd : options.listen_fds)
            handed_.emplace_back(
                check(::fcntl(fd, F_DUPFD_CLOEXEC, kAboveHanded), "cannot duplicate descriptor {}", fd));
        if (!handed_.empty()) {
            environment_.push_back(fmt::format("LISTEN_FDS={}", handed_.size()));
            environment_.push_back(std::string(kListenPid) + std::string(12, '\0'));
            listen_pid_ = environment_.back().data() + sizeof kListenPid - 1;
        }
        for (std::string& word : argv_) argv_pointers_.push_back(word.data());
        for (std::string& entry : environment_) environment_pointers_.push_back(entry.data());
        argv_pointers_.push_back(nullptr);
        environment_pointers_.push_back(nullptr);
    }

    const std::string& name() const { return argv_.at(0); }

    /// In the child. Returns only when it fails.
    void execute() {
        for (size_t i = 0; i < handed_.size(); ++i) ::dup2(handed_[i].get(), static_cast<int>(3 + i));
        // Another thread's connection would else live on in the program after its owner has closed it.
        if (::close_range(static_cast<unsigned>(3 + handed_.size()), ~0u, CLOSE_RANGE_CLOEXEC) < 0) return;
        if (listen_pid_) *std::to_chars(listen_pid_, listen_pid_ + 11, ::getpid()).ptr = '\0';
        ::execvpe(argv_pointers_[0], argv_pointers_.data(), environment_pointers_.data());
    }

  private:
    bool overridden(std::string_view entry) const {
        const std::string_view name = entry.substr(0, entry.find('=') + 1);
        if (name == kListenPid || name == "LISTEN_FDS=") return true;
        return std::ranges::any_of(environment_,
                                   [&](const std::string& own) { return own.starts_with(name); });
    }

    std::vector<std::string> argv_;
    std::vector<std::string> environment_;
    std::vector<UniqueFd> handed_;
    std::vector<char*> argv_pointers_;
    std::vector<char*> environment_pointers_;
    char* listen_pid_ = nullptr;
};

std::string content(const UniqueFd& file) {
    struct stat about{};
    if (!file || ::fstat(file.get(), &about) < 0) return {};
    std::string text(static_cast<size_t>(about.st_size), '\0');
    const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
    text.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return text;
}

}  // namespace

Process::Process(Host& host, std::vector<std::string> argv, const ProcessOptions& options) {
    Image image(std::move(argv), options);
    open_outputs(options.output_file);
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC), "cannot make a pipe");
    UniqueFd reader(ends[0]);
    UniqueFd low(ends[1]);
    UniqueFd writer(check(::fcntl(low.get(), F_DUPFD_CLOEXEC, kAboveHanded), "cannot duplicate a pipe"));
    low.reset();
    start(host, [&] {
        image.execute();
        const int why = errno;
        return ::write(writer.get(), &why, sizeof why) < 0 ? 126 : 127;
    });
    writer.reset();  // the pipe ends without a word when the program has been started
    int why = 0;
    if (::read(reader.get(), &why, sizeof why) == sizeof why) {
        wait(1s);
        give_up("{}: cannot run {}: {}", host.name(), image.name(), std::strerror(why));
    }
}

Process::Process(Host& host, const std::function<int()>& work) {
    open_outputs("");
    start(host, work);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      status_(other.status_),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)) {}

void Process::open_outputs(const std::string& file) {
    if (file.empty()) {
        out_ = UniqueFd(check(::memfd_create("stdout", MFD_CLOEXEC), "cannot keep the output"));
        err_ = UniqueFd(check(::memfd_create("stderr", MFD_CLOEXEC), "cannot keep the output"));
        return;
    }
    out_ = UniqueFd(
        check(::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644), "cannot open {}", file));
    err_ = UniqueFd(check(::fcntl(out_.get(), F_DUPFD_CLOEXEC, 3), "cannot duplicate {}", file));
}

void Process::start(Host& host, const std::function<int()>& work) {
    UniqueFd nothing(check(::open("/dev/null", O_RDONLY | O_CLOEXEC), "cannot open /dev/null"));
    const pid_t owner = ::getpid();
    pid_ = check(::fork(), "cannot fork");
    if (pid_ != 0) {
        pidfd_ = UniqueFd(
            static_cast<int>(check(::syscall(SYS_pidfd_open, pid_, 0), "cannot watch process {}", pid_)));
        return;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != owner) ::_exit(125);  // the owner died before prctl
    ::setpgid(0, 0);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
    if (::setns(host.netns(), CLONE_NEWNET) < 0) ::_exit(125);
    ::dup2(nothing.get(), 0);
    ::dup2(out_.get(), 1);
    ::dup2(err_.get(), 2);
    int status = 124;
    try {
        status = work();
    } catch (const std::exception& error) {
        [[maybe_unused]] const ssize_t written = ::write(2, error.what(), std::strlen(error.what()));
    }
    ::_exit(status);
}

Process::~Process() {
    if (pid_ < 0 || status_) return;
    kill(SIGTERM);
    if (!ended(2s)) {
        kill(SIGKILL);
        ended(10s);
    }
}

bool Process::alive() {
    return !ended(0s);
}

void Process::kill(int signal) {
    if (pid_ > 0 && !status_) ::kill(pid_, signal);
}

bool Process::ended(Duration limit) {
    if (status_) return true;
    pollfd watch{pidfd_.get(), POLLIN, 0};
    if (::poll(&watch, 1, static_cast<int>(limit.count())) <= 0) return false;
    ::kill(-pid_, SIGKILL);  // before the process is reaped, as its number may be anybody's afterwards
    int raw = 0;
    if (::waitpid(pid_, &raw, 0) != pid_) return false;
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return true;
}

std::optional<int> Process::wait(Duration limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        const auto left = std::chrono::ceil<Duration>(deadline - std::chrono::steady_clock::now());
        if (ended(std::max<Duration>(left, 0ms))) return status_;
        throw_if_interrupted();
        if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    }
}

std::string Process::out() const {
    return content(out_);
}
std::string Process::err() const {
    return content(err_);
}

Finished run(Host& host, std::vector<std::string> argv, Duration limit, const ProcessOptions& options) {
    const std::string program = argv.at(0);
    Process process(host, std::move(argv), options);
    const std::optional<int> status = process.wait(limit);
    if (!status)
        give_up("{}: {} did not end within {} ms; it wrote: {}", host.name(), program, limit.count(),
                process.err());
    return {*status, process.out(), process.err()};
}

}  // namespace weir::lab
