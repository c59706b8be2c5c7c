// A real Ganglia daemon on a host: gmond, which hears of hosts by UDP and tells of them by TCP, both on port
// 8649.
#pragma once

#include <memory>
#include <string>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

struct GmondOptions {
    std::string cluster = "lab";
    std::string tell;    // the address of the gmond that is told of this host; "": itself
    unsigned tmax = 20;  // seconds within which a host has to report
};

class Gmond {
  public:
    /// Returns when it answers.
    Gmond(Host& host, const std::string& address, const GmondOptions& options = {});

    /// By `gmetric`, in the name of the host that has this address: a metric of it.
    void report(const std::string& address, const std::string& metric, double value);
    /// Whatever it says.
    void report(const std::string& address, const std::string& metric, const std::string& text);

    void kill();
    void start();
    Process& process() { return *process_; }
    /// Empty where it is installed.
    static std::string why_not();

  private:
    void tell(const std::string& address, const std::string& metric, const std::string& value,
              const char* type);

    Host& host_;
    std::string address_;
    TempDir dir_;
    std::unique_ptr<Process> process_;
};

}  // namespace weir::lab
