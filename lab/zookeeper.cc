#include "lab/zookeeper.h"

#include <unistd.h>
#define THREADED  // the functions that wait
#include <zookeeper/zookeeper.h>

#include <filesystem>

#include "lab/failure.h"
#include "lab/tcp.h"

namespace weir::lab {
namespace {

constexpr const char* kJava = "/usr/bin/java";
constexpr const char* kClasses = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";
constexpr const char* kMain = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
constexpr const char* kAddress = "127.0.0.1:2181";

}  // namespace

/// A session by the C library, whose threads stay in the network namespace that they are begun in.
struct Zookeeper::Client {
    explicit Client(Host& host) {
        zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
        host.run([&] {
            handle =
                zookeeper_init2(kAddress, nullptr, 10'000, nullptr, nullptr, ZOO_NO_LOG_CLIENTENV, quiet);
        });
        if (!handle) give_up("no ZooKeeper client: {}", std::strerror(errno));
        if (!wait_until([&] { return zoo_state(handle) == ZOO_CONNECTED_STATE; }, 20s)) {
            zookeeper_close(handle);
            give_up("{}: ZooKeeper takes no session", host.name());
        }
    }
    ~Client() { zookeeper_close(handle); }
    Client(const Client&) = delete;

    static void quiet(const char*) {}
    static void must(int code, const char* doing, const std::string& path) {
        if (code != ZOK) give_up("cannot {} {} in ZooKeeper: {}", doing, path, zerror(code));
    }
    void create(const std::string& path, const std::string& data, const ACL_vector& acl) const {
        must(
            zoo_create(handle, path.c_str(), data.data(), static_cast<int>(data.size()), &acl, 0, nullptr, 0),
            "create", path);
    }

    zhandle_t* handle = nullptr;
};

Zookeeper::Zookeeper(Host& host) : host_(host) {
    dir_.write("zoo.cfg", fmt::format("tickTime=500\n"
                                      "dataDir={}\n"
                                      "clientPort=2181\n"
                                      "maxClientCnxns=0\n"
                                      "admin.enableServer=false\n"
                                      "4lw.commands.whitelist=ruok\n",
                                      (dir_ / "data").string()));
    start();
}

Zookeeper::~Zookeeper() {
    client_.reset();
}

void Zookeeper::start() {
    process_.reset();
    std::filesystem::create_directories(dir_ / "data");
    process_ = std::make_unique<Process>(
        host_,
        std::vector<std::string>{kJava, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                                 "-Dzookeeper.forceSync=no", "-cp", kClasses, kMain, dir_ / "zoo.cfg"});
    const auto listens = [&] {
        return !process_->alive() || connect_tcp(host_, endpoint(kAddress), 1s).has_value();
    };
    if (!wait_until(listens, 60s) || !process_->alive())
        give_up("{}: ZooKeeper does not answer: {}{}", host_.name(), process_->out(), process_->err());
}

void Zookeeper::kill() {
    client_.reset();
    process_->kill(SIGKILL);
    if (!process_->wait(5s)) give_up("{}: ZooKeeper does not die", host_.name());
}

void Zookeeper::forget() {
    std::filesystem::remove_all(dir_ / "data");
}

Zookeeper::Client& Zookeeper::client() {
    if (!client_) client_ = std::make_unique<Client>(host_);
    return *client_;
}

void Zookeeper::create(const std::string& path, const std::string& data) {
    client().create(path, data, ZOO_OPEN_ACL_UNSAFE);
}

void Zookeeper::create_for(const std::string& credentials, const std::string& path, const std::string& data) {
    const Client their(host_);
    Client::must(zoo_add_auth(their.handle, "digest", credentials.data(),
                              static_cast<int>(credentials.size()), nullptr, nullptr),
                 "say who creates", path);
    their.create(path, data, ZOO_CREATOR_ALL_ACL);
}

void Zookeeper::set(const std::string& path, const std::string& data) {
    Client::must(zoo_set(client().handle, path.c_str(), data.data(), static_cast<int>(data.size()), -1),
                 "write", path);
}

void Zookeeper::remove(const std::string& path) {
    Client::must(zoo_delete(client().handle, path.c_str(), -1), "remove", path);
}

std::string Zookeeper::why_not() {
    for (const auto* file : {kJava, "/usr/share/java/zookeeper.jar"})
        if (::access(file, R_OK) != 0) return fmt::format("no {} here (package zookeeper)", file);
    return "";
}

}  // namespace weir::lab
