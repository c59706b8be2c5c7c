// The machine's own files and services(5).
#pragma once

#include "config/klb/surroundings.h"

namespace weir::config::klb {

class Machine final : public Surroundings {
  public:
    Result<std::optional<std::string>> read(const std::string& path, size_t most) const override;
    Result<std::vector<std::string>> list(const std::string& directory) const override;
    std::optional<net::Port> port(const std::string& name) const override;
};

}  // namespace weir::config::klb
