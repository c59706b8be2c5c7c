// A real router on a host: BIRD 2, in a directory of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

class Bird {
  public:
    /// `config`: all but `log`, `router id` and the device protocol. Returns when it answers.
    Bird(Host& host, const std::string& router_id, const std::string& config);
    /// `config`: all but `log`.
    Bird(Host& host, const std::string& config);

    /// What `birdc WORDS` says.
    std::string ask(std::vector<std::string> words) const;
    std::string log() const { return read_file(dir_ / "bird.log"); }
    /// Another configuration, which it changes over to.
    void configure(const std::string& config);

    Process& process() { return *process_; }
    /// Empty where it is installed.
    static std::string why_not();

  private:
    void start(const std::string& config);
    void write(const std::string& config) const;

    Host& host_;
    std::string start_;  // of every configuration
    TempDir dir_;
    std::unique_ptr<Process> process_;
};

}  // namespace weir::lab
