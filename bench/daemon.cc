#include "bench/daemon.h"

#include <cmath>
#include <cstring>
#include <filesystem>
#include <thread>

#include "admin/client.h"
#include "bench/measure.h"
#include "lab/failure.h"

namespace weir::bench {

using namespace std::chrono_literals;
using engine::xdp::MapName;

std::string beside_itself(const std::string& path) {
    return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / path).lexically_normal();
}

template <class Row>
Tables::View<Row>::View(const UniqueFd& map, size_t rows) : rows_(rows) {
    address_ = ::mmap(nullptr, rows * sizeof(Row), PROT_READ, MAP_SHARED, map.get(), 0);
    if (address_ == MAP_FAILED) lab::give_up("cannot map a table: {}", std::strerror(errno));
}

Tables::Tables(const std::string& pins)
    : maps_(engine::xdp::Datapath::open_pinned(pins + "/maps")),
      sizes_(engine::xdp::Datapath::sizes_of(maps_, {})),
      state_(map(MapName::state), 1),
      targets_(map(MapName::targets), size_t{2} * sizes_.target_slots) {}

size_t Tables::usable() const {
    size_t half = size_t{generation() & 1} * sizes_.target_slots, usable = 0;
    for (size_t i = 0; i < sizes_.target_slots; i++) usable += targets_[half + i].accepts == WEIR_ACCEPTS_ALL;
    return usable;
}

double Tables::bytes() const {
    double sum = 0;
    for (const auto& map : maps_) sum += static_cast<double>(map_memory(map.get()));
    return sum;
}

Daemon::Daemon(lab::Host& host, const std::string& binary, const std::string& config) {
    directory_.write("weir.yaml", config);
    started_ = wall_seconds();
    process_ = std::make_unique<lab::Process>(
        host,
        std::vector<std::string>{binary, "run", "-c", directory_ / "weir.yaml", "--socket", socket(), "--pin",
                                 pins(), "--state", directory_ / "state"},
        lab::ProcessOptions{.output_file = directory_ / "log"});
    if (clock_getcpuclockid(process_->pid(), &clock_) != 0) lab::give_up("no clock of the daemon");
}

double Daemon::since_start() const {
    return (wall_seconds() - started_) * 1e3;
}

double Daemon::cpu() const {
    timespec now{};
    clock_gettime(clock_, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double Daemon::memory(const std::string& name) const {
    return static_cast<double>(process_memory(name, process_->pid()));
}

bool Daemon::await(const std::function<bool()>& condition, std::chrono::seconds limit) {
    auto until = wall_seconds() + static_cast<double>(limit.count());
    while (!condition()) {
        lab::throw_if_interrupted();
        if (!process_->alive()) lab::give_up("the daemon has ended:\n{}", log());
        if (wall_seconds() > until) return false;
        std::this_thread::sleep_for(200us);
    }
    return true;
}

Result<admin::Response> Daemon::call(const std::string& method, const std::string& path,
                                     const std::string& body) const {
    auto client = admin::Client::connect(socket());
    if (!client) return propagate(client);
    admin::Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    return client->call(request);
}

void Daemon::must(const std::string& method, const std::string& path, const std::string& body) const {
    auto response = lab::must(call(method, path, body));
    if (response.status != 200) lab::give_up("{} {}: {}", method, path, response.body);
}

double Daemon::metric(const std::string& name) const {
    auto text = lab::must(call("GET", "/metrics")).body;
    auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? NAN : std::stod(text.substr(at + name.size() + 2));
}

}  // namespace weir::bench
