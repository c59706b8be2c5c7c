#include "config/klb/yaml.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>

#include "config/klb/values.h"

namespace weir::config::klb {
namespace {

/// A comment is one line of ASCII, whatever a path is made of.
std::string in_comment(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c >= ' ' && c < 0x7f)
            out += c;
        else
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

/// `text` as a value that no reader of YAML takes for anything but text.
std::string scalar(std::string_view text) {
    constexpr std::array<std::string_view, 8> kWords{"null", "true", "false", "yes", "no", "on", "off", "y"};
    auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    auto is_plain = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    };
    std::string lower;
    for (char c : text) lower += static_cast<char>(is_letter(c) ? c | 0x20 : c);
    const bool word = std::ranges::find(kWords, lower) != kWords.end() || lower == "n";
    if (!text.empty() && (is_letter(text.front()) || text.front() == '_') &&
        std::ranges::all_of(text, is_plain) && !word)
        return std::string(text);
    std::string quoted = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

constexpr std::string_view kTcp = "._tcp";

/// `http` of `_http._tcp` and `_http._udp`.
std::string name_of(const Service& service) {
    return service.type.substr(1, service.type.find('.') - 1);
}

/// What weir does in another way than klb, in words.
std::vector<std::string> differences(const Service& service) {
    std::vector<std::string> all;
    if (!service.type.ends_with(kTcp))
        all.push_back(fmt::format("klb looks for {} and balances TCP, and so does this", service.type));
    if (uses_weights(service.scheduler))
        all.push_back(fmt::format(
            "{} goes by weights: klb gives every worker 1, here the weight= that a worker announces counts",
            service.scheduler));
    return all;
}

/// Services that are each other's equals in this share a pool.
auto source_of(const Service& service) {
    return std::tie(service.type, service.domain, service.interface);
}
using Source = std::tuple<std::string, std::string, std::string>;

/// Two of one name are told apart by their ports, and by numbers where those are the same too.
class Names {
  public:
    std::string take(const Service& service) {
        auto name = name_of(service);
        if (taken_.insert(name).second) return name;
        const auto with_port = fmt::format("{}-{}", name, service.bind.port.value());
        for (unsigned& number = numbers_[with_port];;) {
            number++;
            auto next = number == 1 ? with_port : fmt::format("{}-{}", with_port, number);
            if (taken_.insert(next).second) return next;
        }
    }

  private:
    std::set<std::string> taken_;
    std::map<std::string, unsigned> numbers_;
};

std::string pool_text(const std::string& name, const Service& service) {
    std::string settings =
        "service: " + scalar(service.type.ends_with(kTcp) ? name_of(service) : service.type);
    if (!service.domain.empty()) settings += ", domain: " + scalar(service.domain);
    if (!service.interface.empty()) settings += ", interface: " + scalar(service.interface);
    return fmt::format("  {}:\n    zeroconf: {{{}, protocol: ipv4}}\n", scalar(name), settings);
}

std::string service_text(const std::string& name, const std::string& pool, const Service& service) {
    auto text =
        fmt::format("  {}:  # {}:{}\n", scalar(name), in_comment(service.at.file), service.at.at.line);
    for (const auto& difference : differences(service))
        text += fmt::format("    # {}\n", in_comment(difference));
    text += fmt::format("    vip: [{}]\n    ports: [{}/tcp]\n    pool: {}\n", service.bind.address.text(),
                        service.bind.port.value(), scalar(pool));
    return text + fmt::format("    engine: ipvs\n    forward: nat\n    scheduler: {}\n", service.scheduler);
}

}  // namespace

Yaml to_yaml(const std::vector<Service>& services, std::string_view from) {
    Names names;
    std::map<Source, std::string> pools;
    std::string pools_text, services_text;
    std::vector<Remark> warnings;
    for (const auto& service : services) {
        const auto name = names.take(service);
        auto [pool, is_new] = pools.emplace(source_of(service), name);
        if (is_new) pools_text += pool_text(name, service);
        services_text += service_text(name, pool->second, service);
        for (const auto& difference : differences(service)) warnings.push_back({service.at, difference});
    }
    auto head = fmt::format("# {}, by `weir import klb`. doc/klb.md says what weir does in another way.\n",
                            in_comment(from));
    return {head + "pools:\n" + pools_text + "\nservices:\n" + services_text, std::move(warnings)};
}

}  // namespace weir::config::klb
