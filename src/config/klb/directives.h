// What the lines of a klb.conf say, includes set aside: variables and services.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/klb/line.h"
#include "config/klb/read.h"

namespace weir::config::klb {

/// A service whose `}` has not come.
struct OpenService {
    Service value;
    std::map<std::string, Place, std::less<>> given{};  // directive → where
};

class Directives {
  public:
    static constexpr size_t kLongestValue = 4096;  // of a variable, in bytes

    Directives(const Surroundings& outside, Remarks& remarks) : outside_(outside), remarks_(remarks) {}

    void take(const std::string& file, Line line);
    /// After the last line.
    std::vector<Service> finish(const std::string& file);

  private:
    Read<void> read_line(const std::string& file, Line& line);
    Read<void> set_variable(Line& line);
    Read<void> open_service(const std::string& file, Line& line);
    Read<void> read_directive(const std::string& file, Line& line);
    Read<void> read_value(const std::string& file, std::string_view directive, const Token& value);
    Read<void> close_service(Line& line);

    const Surroundings& outside_;
    Remarks& remarks_;
    Variables variables_;
    std::optional<OpenService> open_;
    std::map<net::Endpoint, Location> bound_;
    std::vector<Service> services_;
};

}  // namespace weir::config::klb
