// A source of backends on the command line: its settings are those that its kind declares for the
// configuration, each an option of its name, read by the configuration's reader.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/options.h"
#include "config/load.h"
#include "model/source.h"

namespace weir::cli {

class SourceOptions {
  public:
    /// Declares them: `password_file` as --password-file, `tls: {ca_file: …}` as --tls-ca-file, a list's
    /// items one by one. A kind that needs only one setting takes it without its name. What comes is stored
    /// here, so this outlives the parsing.
    SourceOptions(const Section& kind, Options& options);
    SourceOptions(const SourceOptions&) = delete;

    /// What was given, as the configuration has it; or what is wrong with it.
    Result<model::SourceSpec> spec(config::SourceKinds kinds) const;

    /// The option of a setting.
    static std::string option_of(std::string_view setting);

  private:
    struct Given {
        std::string option;
        std::vector<std::string> path;  // in the configuration
        const Setting* setting;
        std::vector<std::string> values{};
    };
    struct Place {
        int column = 0;  // of the value
        std::string name;
    };
    struct Text {
        std::string yaml;
        std::map<int, Place> options;  // by line
    };

    void declare(const Setting& setting, std::vector<std::string> path, Options& options);
    Text text() const;

    const Section& kind_;
    std::vector<std::unique_ptr<Given>> all_;
    const Setting* only_ = nullptr;  // is required
};

}  // namespace weir::cli
