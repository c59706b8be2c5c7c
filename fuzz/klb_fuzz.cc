// Any bytes as a klb.conf with files beside it (a line `%% NAME` begins the next file): never a crash; each
// mistake and each warning one line inside one of the files; what is accepted becomes YAML that is read.
#include <algorithm>
#include <cstdlib>
#include <set>
#include <string_view>

#include "config/klb/fake_surroundings.h"
#include "config/klb/yaml.h"

namespace {

using namespace weir::config;

void require(bool holds) {
    if (!holds) std::abort();
}

klb::FakeSurroundings split(std::string_view text) {
    constexpr std::string_view kMark = "%% ";
    klb::FakeSurroundings outside;
    auto* file = &outside.files["klb.conf"];
    while (!text.empty()) {
        const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
        text.remove_prefix(line.size());
        if (line.starts_with(kMark) && line.ends_with('\n'))
            file = &outside.files[std::string(line.substr(kMark.size(), line.size() - kMark.size() - 1))];
        else
            file->append(line);
    }
    return outside;
}

void check_remark(const klb::Remark& remark, const klb::FakeSurroundings& outside) {
    auto one_line = [](unsigned char c) { return c >= 0x20 && c != 0x7f; };
    require(!remark.message.empty() && std::ranges::all_of(remark.text(), one_line));
    const auto& [file, at] = remark.where;
    auto normal = std::filesystem::path(file).lexically_normal();
    auto is_it = [&](const auto& each) {
        return std::filesystem::path(each.first).lexically_normal() == normal;
    };
    auto found = std::ranges::find_if(outside.files, is_it);
    require(found != outside.files.end());
    if (at == Place{}) return;
    const auto& text = outside.files.at(file);
    require(at.line >= 1 && at.line <= std::ranges::count(text, '\n') + 1);
    require(at.column >= 1 && static_cast<size_t>(at.column) <= text.size() + 1);
}

/// The mapping that the key leads to.
const Node& below(const Node& mapping, std::string_view key) {
    auto found =
        std::ranges::find_if(mapping.entries, [&](const Entry& entry) { return entry.key->text == key; });
    require(found != mapping.entries.end() && found->value->kind == Node::Kind::mapping);
    return *found->value;
}

const std::string& text_of(const Node& mapping, std::string_view key) {
    auto found =
        std::ranges::find_if(mapping.entries, [&](const Entry& entry) { return entry.key->text == key; });
    require(found != mapping.entries.end() && found->value->kind == Node::Kind::scalar);
    return found->value->text;
}

/// The services in their order, each with a name of its own and the pool that has its source.
void check_yaml(const std::vector<klb::Service>& services, const std::string& text) {
    auto document = read_document(text);
    require(document.has_value());
    const auto& pools = below(**document, "pools");
    const auto& written = below(**document, "services").entries;
    require(written.size() == services.size());
    std::set<std::string> names;
    for (size_t i = 0; i < services.size(); i++) {
        require(names.insert(written[i].key->text).second);
        const auto& service = *written[i].value;
        require(text_of(service, "scheduler") == services[i].scheduler);
        const auto& source = below(below(pools, text_of(service, "pool")), "zeroconf");
        require(services[i].type.contains(text_of(source, "service")));
        if (!services[i].domain.empty()) require(text_of(source, "domain") == services[i].domain);
        if (!services[i].interface.empty()) require(text_of(source, "interface") == services[i].interface);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto outside = split({reinterpret_cast<const char*>(data), size});
    auto read = klb::read("klb.conf", outside);
    if (!read) {
        require(!read.error().empty());
        for (const auto& mistake : read.error()) {
            check_remark(mistake, outside);
            require(mistake.message.contains(';'));
        }
        return 0;
    }
    for (const auto& warning : read->warnings) check_remark(warning, outside);
    require(!read->services.empty());
    check_yaml(read->services, klb::to_yaml(read->services, "klb.conf").text);
    return 0;
}
