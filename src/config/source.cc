// The sources of a pool: each kind declares its settings itself (model/source.h), so all are read alike.
#include "config/check_kinds.h"

namespace weir::config {
namespace {

constexpr size_t kMostSecret = 4096;
constexpr size_t kMostFile = 1 << 20;

using model::SourceSpec;

std::optional<SourceSpec::Value> read_file_text(const Node& node, const Setting& setting,
                                                Mistakes& mistakes) {
    auto text = setting.takes == Takes::secret ? read_secret_file(node.text, setting.name, kMostSecret)
                                               : read_named_file(node.text, setting.name, kMostFile);
    if (!text) {
        mistakes.note(node.place, text.error().message);
        return std::nullopt;
    }
    if (setting.takes == Takes::secret) text->erase(text->find_last_not_of(" \t\r\n") + 1);
    return model::FileText(*std::move(text));
}

std::vector<std::string> read_list(const Fields& fields, std::string_view name, Mistakes& mistakes) {
    std::vector<std::string> list;
    for (const auto& item : fields.items(name))
        if (item->kind == Node::Kind::scalar)
            list.push_back(item->text);
        else
            mistakes.add(item->place, "an item of '{}' is {}; write {}", name, describe(item->kind),
                         fields.takes(name));
    return list;
}

/// What the setting holds; nothing where it is absent or, noted, wrong.
std::optional<SourceSpec::Value> read_value(const Fields& fields, const Setting& setting,
                                            Mistakes& mistakes) {
    int64_t number = 0;
    std::chrono::milliseconds span{0};
    switch (setting.takes) {
        case Takes::text:
        case Takes::mapping:
            if (const Node* node = fields.scalar(setting.name)) return node->text;
            return std::nullopt;
        case Takes::number:
            if (fields.number(setting.name, number)) return number;
            return std::nullopt;
        case Takes::choice:
            if (fields.choice(setting.name, number)) return number;
            return std::nullopt;
        case Takes::milliseconds:
        case Takes::seconds:
            if (fields.duration(setting.name, span)) return span;
            return std::nullopt;
        case Takes::list:
            if (fields.find(setting.name)) return read_list(fields, setting.name, mistakes);
            return std::nullopt;
        case Takes::file:
        case Takes::secret:
            if (const Node* node = fields.scalar(setting.name))
                return read_file_text(*node, setting, mistakes);
            return std::nullopt;
        case Takes::tls:
            if (const Node* node = fields.mapping(setting.name))
                return read_tls(Fields(*node, kSourceTls, std::string(setting.name), node->place, mistakes),
                                mistakes);
            return std::nullopt;
    }
    return std::nullopt;
}

std::optional<SourceSpec> read_source(const Node& node, const model::SourceKind& kind, Mistakes& mistakes) {
    SourceSpec spec{std::string(kind.section->name)};
    auto before = mistakes.count();
    Fields fields(node, *kind.section, fmt::format("the {} source", spec.kind), node.place, mistakes);
    for (const auto& setting : kind.section->settings)
        if (auto value = read_value(fields, setting, mistakes))
            spec.settings.emplace(setting.name, *std::move(value));
    if (mistakes.count() != before) return std::nullopt;
    if (auto fits = kind.check(spec); !fits) {
        mistakes.note(node.place, fits.error().message);
        return std::nullopt;
    }
    return spec;
}

}  // namespace

std::vector<SourceSpec> read_sources(const Fields& pool, SourceKinds kinds, Mistakes& mistakes) {
    std::map<Place, SourceSpec> sources;  // in the order of the text
    auto take = [&](const Node& node, const model::SourceKind& kind) {
        if (auto spec = read_source(node, kind, mistakes)) sources.emplace(node.place, *std::move(spec));
    };
    for (const auto& kind : kinds) {
        const Node* node = pool.find(kind.section->name);
        if (!node) continue;
        if (node->kind != Node::Kind::sequence)
            take(*node, kind);
        else
            for (const auto& item : pool.items(kind.section->name)) take(*item, kind);
    }
    std::vector<SourceSpec> ordered;
    ordered.reserve(sources.size());
    for (auto& [at, spec] : sources) ordered.push_back(std::move(spec));
    return ordered;
}

}  // namespace weir::config
