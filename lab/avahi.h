// A real Avahi on a host, with a D-Bus system bus of its own; both in directories of their own, and gone with
// their owner, however that ends. Avahi's compiled-in directories are hidden by a mount namespace.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

struct AvahiOptions {
    std::string interface = "eth0";  // the only one that it uses
    bool ipv4 = true;                // what mDNS goes over, and which addresses are announced
    bool ipv6 = false;
};

/// A service as avahi-publish-service or a static file announces it.
struct Announcement {
    std::string name;
    std::string type;
    uint16_t port = 0;
    std::vector<std::string> txt = {};
};

class Avahi {
  public:
    /// Returns when it is up. Multicast needs a route or an address on the interface.
    explicit Avahi(Host& host, AvahiOptions options = {});

    /// For DBUS_SYSTEM_BUS_ADDRESS of those who speak to it.
    std::string bus() const { return "unix:path=" + bus_path().string(); }

    /// avahi-publish-service, which announces it as long as it runs. Returns when it is announced.
    Process publish(const Announcement& service) const;
    /// A static file, NAME.service, in /etc/avahi/services, and its removal; taken note of at once.
    void write_service(const std::string& file, const Announcement& service);
    void remove_service(const std::string& file);

    void start();
    /// SIGTERM: it says goodbye. SIGKILL: it does not.
    void stop(int signal);
    void start_bus();
    void stop_bus();
    Process& process() { return *avahi_; }
    std::string log() const { return read_file(dir_ / "avahi.log"); }

    /// Empty where what this needs is installed.
    static std::string why_not();

  private:
    std::filesystem::path bus_path() const { return dir_ / "bus"; }

    Host& host_;
    AvahiOptions options_;
    TempDir dir_;
    std::unique_ptr<Process> bus_;
    std::unique_ptr<Process> avahi_;
};

}  // namespace weir::lab
