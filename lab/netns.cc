#include "lab/netns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <csignal>
#include <filesystem>
#include <regex>
#include <vector>

#include "lab/failure.h"

namespace weir::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "/run/netns";
constexpr const char* kThisThread = "/proc/thread-self/ns/net";

UniqueFd open_namespace(const std::string& path) {
    return UniqueFd(check(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "cannot open {}", path));
}

/// The folder must be a shared mount: a name removed here must also vanish from the mount namespaces that
/// others made meanwhile (`ip netns exec` does), else these keep the network namespace alive.
void share_folder() {
    if (::mkdir(kFolder, 0755) < 0 && errno != EEXIST)
        give_up("cannot make {}: {}", kFolder, std::strerror(errno));
    UniqueFd lock = open_namespace(kFolder);
    ::flock(lock.get(), LOCK_EX);
    if (::mount("", kFolder, "none", MS_SHARED | MS_REC, nullptr) == 0) return;
    check(::mount(kFolder, kFolder, "none", MS_BIND | MS_REC, nullptr), "cannot bind {} to itself", kFolder);
    check(::mount("", kFolder, "none", MS_SHARED | MS_REC, nullptr), "cannot share {}", kFolder);
}

void remove_name(const std::string& path) {
    ::umount2(path.c_str(), MNT_DETACH);
    ::unlink(path.c_str());
}

}  // namespace

NamedNetns::NamedNetns(std::string name) : name_(std::move(name)) {
    share_folder();
    const std::string path = fmt::format("{}/{}", kFolder, name_);
    const UniqueFd taken(
        check(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0), "cannot create {}", path));
    try {
        UniqueFd before = open_namespace(kThisThread);
        InNetns back(before.get());
        check(::unshare(CLONE_NEWNET), "cannot make a network namespace");
        check(::mount(kThisThread, path.c_str(), "none", MS_BIND, nullptr), "cannot bind {}", path);
        fd_ = open_namespace(kThisThread);
    } catch (...) {
        remove_name(path);
        throw;
    }
}

NamedNetns::~NamedNetns() {
    remove_name(fmt::format("{}/{}", kFolder, name_));
}

std::string NamedNetns::name_of(const std::string& lab, const std::string& host) {
    return fmt::format("weir.{}.{}.{}", lab, getpid(), host);
}

void NamedNetns::clear_leftovers(const std::string& lab) {
    static const std::regex pattern(R"(weir\.([^.]+)\.([0-9]{1,9})\..+)");
    std::vector<std::string> dead;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(kFolder, ignored)) {
        const std::string name = entry.path().filename();
        std::smatch parts;
        if (!std::regex_match(name, parts, pattern)) continue;
        const pid_t owner = std::stoi(parts[2]);
        const bool gone = ::kill(owner, 0) < 0 && errno == ESRCH;
        if (gone || (owner == getpid() && parts[1] == lab)) dead.push_back(entry.path());
    }
    for (const std::string& path : dead) remove_name(path);
}

InNetns::InNetns(int netns) : before_(open_namespace(kThisThread)) {
    check(::setns(netns, CLONE_NEWNET), "cannot enter the network namespace");
}

InNetns::~InNetns() {
    [[maybe_unused]] const int back = ::setns(before_.get(), CLONE_NEWNET);
    assert(back == 0);
}

}  // namespace weir::lab
