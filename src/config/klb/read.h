// Reads the configuration of klb (https://github.com/CM4all/klb) as klb 0.4 does, but for what it cannot have
// meant: `${x}`, with a name of one letter, and a `$` alone are no mistakes here, and a service without
// workers is one. Every line that means nothing is a mistake.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "config/klb/remarks.h"
#include "config/klb/surroundings.h"

namespace weir::config::klb {

struct Service {
    Location at;  // of the word `service`
    net::Endpoint bind;
    std::string scheduler = "rr";
    std::string type{};       // `_http._tcp`
    std::string domain{};     // "" is Avahi's own
    std::string interface{};  // "" is all of them
};

struct Configuration {
    std::vector<Service> services{};  // in the order of the text; one at least
    std::vector<Remark> warnings{};
};

/// Or every mistake, in the order of the reading.
std::expected<Configuration, std::vector<Remark>> read(const std::string& path, const Surroundings& outside);

}  // namespace weir::config::klb
