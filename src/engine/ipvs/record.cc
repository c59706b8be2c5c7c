#include "engine/ipvs/record.h"

#include <boost/json.hpp>
#include <fstream>
#include <stdexcept>

namespace weir::engine::ipvs {
namespace {

namespace json = boost::json;

constexpr int kVersion = 1;

json::object to_json(const ServiceKey& key) {
    if (key.mark != 0) return {{"mark", key.mark}, {"family", key.address.is_v4() ? 4 : 6}};
    return {{"address", key.address.text()}, {"port", key.port.value()}, {"protocol", key.protocol}};
}

std::string text_of(const json::value& value) {
    return std::string(value.as_string());
}

/// Throws where it is none.
net::Ip read_ip(const json::value& value) {
    auto ip = net::Ip::parse(text_of(value));
    if (!ip) throw std::runtime_error(ip.error().message);
    return *ip;
}

ServiceKey read_key(const json::object& row) {
    if (!row.contains("mark"))
        return {read_ip(row.at("address")), net::Port(row.at("port").to_number<uint16_t>()),
                row.at("protocol").to_number<uint8_t>()};
    const auto mark = row.at("mark").to_number<uint32_t>();
    if (mark == 0) throw std::runtime_error("a mark is 0");
    return {row.at("family").to_number<int>() == 4 ? net::Ip() : net::Ip::v6({}), net::Port(0), 0, mark};
}

Role read_role(const json::value& value) {
    const auto text = text_of(value);
    if (text != "master" && text != "backup") throw std::runtime_error("a daemon is " + text);
    return text == "master" ? Role::master : Role::backup;
}

}  // namespace

std::string record_text(const Owned& owned, std::string_view boot) {
    json::array services, addresses, daemons;
    for (const auto& key : owned.services) services.push_back(to_json(key));
    for (const auto& address : owned.addresses) addresses.push_back(json::string(address.text()));
    for (auto role : owned.daemons) daemons.push_back(role == Role::master ? "master" : "backup");
    return json::serialize(json::object{{"version", kVersion},
                                        {"boot", json::string(boot.data(), boot.size())},
                                        {"services", std::move(services)},
                                        {"addresses", std::move(addresses)},
                                        {"daemons", std::move(daemons)}}) +
           "\n";
}

Result<Owned> read_record(std::string_view text, std::string_view boot) {
    try {
        auto document = json::parse(json::string_view(text.data(), text.size()));
        if (auto version = document.at("version").to_number<int>(); version != kVersion)
            return fail("its version is {}, and this weir knows {}", version, kVersion);
        Owned owned;
        for (const auto& row : document.at("services").as_array())
            owned.services.insert(read_key(row.as_object()));
        for (const auto& row : document.at("addresses").as_array()) owned.addresses.insert(read_ip(row));
        for (const auto& row : document.at("daemons").as_array()) owned.daemons.insert(read_role(row));
        return text_of(document.at("boot")) == boot ? owned : Owned();
    } catch (const std::exception& problem) {
        return fail("{}", problem.what());
    }
}

std::string this_boot() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string boot;
    std::getline(file, boot);
    return boot;
}

Result<Owned> Record::load() {
    Owned owned;
    auto loaded = file_.load([&](std::string_view text) -> Status {
        auto read = read_record(text, boot_);
        if (!read) return propagate(read);
        owned = std::move(*read);
        return {};
    });
    if (!loaded) return propagate(loaded);
    return owned;
}

}  // namespace weir::engine::ipvs
