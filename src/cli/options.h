// What a subcommand asks of the command line. Stands before CLI11, which is slow to compile.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace weir::cli {

class Options {
  public:
    explicit Options(CLI::App& app) : app_(app) {}

    void argument(const std::string& name, std::string& into, const std::string& help);
    /// Any number of them, none too.
    void arguments(const std::string& name, std::vector<std::string>& into, const std::string& help);
    void flag(const std::string& names, bool& into, const std::string& help);
    void option(const std::string& names, std::string& into, const std::string& help);
    /// Not for people: no help shows it.
    void internal(const std::string& name, std::string& into);
    /// One value each time that it is given.
    void repeated(const std::string& names, std::vector<std::string>& into, const std::string& help);
    void required(const std::string& names, std::string& into, const std::string& help);
    void choice(const std::string& names, std::string& into, const std::vector<std::string>& of,
                const std::string& help);
    void number(const std::string& names, size_t& into, size_t least, size_t most, const std::string& help);
    /// `90s`, `5m`, `1h`.
    void duration(const std::string& names, std::optional<std::chrono::seconds>& into,
                  const std::string& help);
    /// One of several words that may follow, with options of its own; `chosen` is called if it does. One of
    /// them has to.
    Options subcommand(const std::string& name, const std::string& summary, std::function<void()> chosen,
                       const std::string& alias = "");

  private:
    CLI::App& app_;
};

}  // namespace weir::cli
