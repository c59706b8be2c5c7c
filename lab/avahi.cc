#include "lab/avahi.h"

#include <unistd.h>

#include <csignal>

#include "lab/failure.h"

namespace weir::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAvahi = "/usr/sbin/avahi-daemon";
constexpr const char* kBus = "/usr/bin/dbus-daemon";
constexpr const char* kPublish = "/usr/bin/avahi-publish-service";
constexpr auto kUp = 20s;

/// Everybody may do everything.
constexpr const char* kBusConfig =
    R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/> <allow own="*"/>
    <allow send_type="method_call"/> <allow send_type="signal"/>
    <allow send_destination="*"/> <allow receive_sender="*"/>
  </policy>
</busconfig>
)";

constexpr const char* kAvahiConfig = R"([server]
host-name={}
use-ipv4={}
use-ipv6={}
allow-interfaces={}
enable-dbus=yes
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
)";

const char* yes(bool on) {
    return on ? "yes" : "no";
}

std::string xml(std::string_view text) {
    std::string out;
    for (char c : text) switch (c) {
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '&':
                out += "&amp;";
                break;
            default:
                out += c;
        }
    return out;
}

}  // namespace

Avahi::Avahi(Host& host, AvahiOptions options) : host_(host), options_(std::move(options)) {
    for (const char* folder : {"run", "services"}) fs::create_directory(dir_ / folder);
    dir_.write("bus.conf", fmt::format(kBusConfig, bus_path().string()));
    dir_.write("avahi.conf", fmt::format(kAvahiConfig, host_.name(), yes(options_.ipv4), yes(options_.ipv6),
                                         options_.interface));
    start_bus();
    start();
}

void Avahi::start_bus() {
    bus_ = std::make_unique<Process>(
        host_, std::vector<std::string>{kBus, "--config-file=" + (dir_ / "bus.conf").string(), "--nofork",
                                        "--nopidfile", "--nosyslog"});
    if (!wait_until([&] { return fs::exists(bus_path()) || !bus_->alive(); }, kUp) || !bus_->alive())
        give_up("{}: dbus-daemon does not start: {}", host_.name(), bus_->err());
}

void Avahi::stop_bus() {
    bus_.reset();
    std::error_code ignored;
    fs::remove(bus_path(), ignored);
}

void Avahi::start() {
    fs::remove(dir_ / "avahi.log");
    // /run/avahi-daemon and /etc/avahi/services are compiled in.
    const std::string script = fmt::format(
        "mount -t tmpfs none /run && mkdir /run/avahi-daemon && mount --bind {0}/run /run/avahi-daemon && "
        "mount --bind {0}/services /etc/avahi/services && "
        "exec {1} -f {0}/avahi.conf --no-chroot --no-drop-root --no-rlimits --no-proc-title",
        dir_.path().string(), kAvahi);
    avahi_ = std::make_unique<Process>(
        host_, std::vector<std::string>{"unshare", "--mount", "--propagation", "private", "sh", "-c", script},
        ProcessOptions{.environment = {"DBUS_SYSTEM_BUS_ADDRESS=" + bus()},
                       .output_file = dir_ / "avahi.log"});
    const auto is_up = [&] {
        return log().find("Server startup complete") != std::string::npos || !avahi_->alive();
    };
    if (!wait_until(is_up, kUp) || !avahi_->alive())
        give_up("{}: avahi-daemon does not start: {}", host_.name(), log());
}

void Avahi::stop(int signal) {
    avahi_->kill(signal);
    if (!avahi_->wait(kUp)) give_up("{}: avahi-daemon does not end: {}", host_.name(), log());
    std::error_code ignored;
    fs::remove(dir_ / "run/pid", ignored);
}

Process Avahi::publish(const Announcement& service) const {
    std::vector<std::string> argv = {kPublish, "--service", service.name, service.type,
                                     std::to_string(service.port)};
    argv.insert(argv.end(), service.txt.begin(), service.txt.end());
    Process process(host_, argv, {.environment = {"DBUS_SYSTEM_BUS_ADDRESS=" + bus()}, .output_file = {}});
    const auto announced = [&] {
        return process.err().find("Established under name") != std::string::npos || !process.alive();
    };
    if (!wait_until(announced, kUp) || !process.alive())
        give_up("{}: cannot announce {}: {}", host_.name(), service.name, process.err());
    return process;
}

void Avahi::write_service(const std::string& file, const Announcement& service) {
    std::string text = fmt::format(
        "<?xml version=\"1.0\" standalone='no'?>\n<!DOCTYPE service-group SYSTEM \"avahi-service.dtd\">\n"
        "<service-group><name>{}</name><service><type>{}</type><port>{}</port>",
        xml(service.name), xml(service.type), service.port);
    for (const std::string& txt : service.txt) text += fmt::format("<txt-record>{}</txt-record>", xml(txt));
    // Put in place whole: Avahi looks as soon as something changes.
    dir_.write("next.service", text + "</service></service-group>\n");
    fs::rename(dir_ / "next.service", dir_ / "services" / (file + ".service"));
    avahi_->kill(SIGHUP);
}

void Avahi::remove_service(const std::string& file) {
    fs::remove(dir_ / "services" / (file + ".service"));
    avahi_->kill(SIGHUP);
}

std::string Avahi::why_not() {
    const std::pair<const char*, const char*> needed[] = {
        {kAvahi, "avahi-daemon"}, {kBus, "dbus-daemon"}, {kPublish, "avahi-utils"}};
    for (const auto& [program, package] : needed)
        if (::access(program, X_OK) != 0) return fmt::format("no {} here (package {})", program, package);
    return "";
}

}  // namespace weir::lab
