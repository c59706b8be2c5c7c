// Reads weir's YAML (weir.yaml(5)) into the model. Pure but for the reading of the file and of those
// that it names: keys and certificates.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"

namespace weir::config {

/// One mistake in the text. `line` and `column` count from 1; 0 where the mistake has no place (the file is
/// missing).
struct Mistake {
    int line = 0;
    int column = 0;
    std::string message;  // what is wrong; what would be right

    auto operator<=>(const Mistake&) const = default;
};

/// Either a checked configuration or every mistake in it, in the order of the text.
using Loaded = std::expected<model::Config, std::vector<Mistake>>;

/// The kinds of sources that pools may have.
using SourceKinds = std::span<const model::SourceKind>;

Loaded parse(std::string_view yaml, SourceKinds kinds = {});

/// As parse(), from a file.
Loaded load(const std::string& path, SourceKinds kinds = {});

/// `FILE:LINE:COL: message` a line, ended by newlines.
std::string describe(const std::string& path, const std::vector<Mistake>& mistakes);

}  // namespace weir::config
