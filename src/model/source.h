// A source of backends as a pool has it in the configuration: its kind, and the settings that the kind
// declares (discovery/source.h). A source whose spec is the same after a reload is left alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/setting.h"
#include "model/tls.h"

namespace weir::model {

struct SourceSpec {
    /// By what the setting takes: text; number and choice; a duration; a list; file; tls.
    using Value = std::variant<std::string, int64_t, std::chrono::milliseconds, std::vector<std::string>,
                               FileText, Tls>;

    std::string kind;
    std::map<std::string, Value, std::less<>> settings{};  // those that are given

    /// The setting's value; null where it is not given. The kind of value is the one that it takes.
    template <class T>
    const T* find(std::string_view name) const {
        auto found = settings.find(name);
        return found == settings.end() ? nullptr : std::get_if<T>(&found->second);
    }
    /// With what holds where it is not given.
    std::string text(std::string_view name, std::string_view otherwise = "") const {
        const auto* given = find<std::string>(name);
        return given ? *given : std::string(otherwise);
    }
    int64_t number(std::string_view name, int64_t otherwise) const {
        const auto* given = find<int64_t>(name);
        return given ? *given : otherwise;
    }
    std::chrono::milliseconds duration(std::string_view name, std::chrono::milliseconds otherwise) const {
        const auto* given = find<std::chrono::milliseconds>(name);
        return given ? *given : otherwise;
    }
    std::vector<std::string> list(std::string_view name) const {
        const auto* given = find<std::vector<std::string>>(name);
        return given ? *given : std::vector<std::string>();
    }

    bool operator==(const SourceSpec&) const = default;
};

/// What the configuration may say of a kind of source.
struct SourceKind {
    const Section* section;  // its name is the kind's
    /// What one setting alone does not show: whether they fit together.
    Status (*check)(const SourceSpec& spec);
};

}  // namespace weir::model
