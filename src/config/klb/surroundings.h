// What a klb.conf draws on besides its own text. The importer sees nothing else of the machine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/ip.h"

namespace weir::config::klb {

class Surroundings {
  public:
    virtual ~Surroundings() = default;
    /// The file's bytes, no more than `most` of them; none where the path leads to nothing.
    virtual Result<std::optional<std::string>> read(const std::string& path, size_t most) const = 0;
    /// The names in a directory, in any order.
    virtual Result<std::vector<std::string>> list(const std::string& directory) const = 0;
    /// What services(5) calls so, for TCP.
    virtual std::optional<net::Port> port(const std::string& name) const = 0;
};

}  // namespace weir::config::klb
