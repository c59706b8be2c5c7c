// A real name server on a host: Knot DNS, which has the say for some zones and asks nobody else.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::lab {

class Knot {
  public:
    /// `listen`: `10.0.0.53@53`. `zones`: of each domain its records but SOA and NS, in a zone file's form;
    /// what is not there holds for a second. Returns when it answers.
    Knot(Host& host, const std::vector<std::string>& listen, const std::map<std::string, std::string>& zones);

    /// Other records of a zone. Returns when they are what it answers.
    void set(const std::string& domain, const std::string& records);

    void kill();
    void start();
    std::string log() const { return process_->err() + process_->out(); }

    /// Empty where it is installed.
    static std::string why_not();

  private:
    void write(const std::string& domain, const std::string& records);
    Finished control(std::vector<std::string> words) const;

    Host& host_;
    unsigned serial_ = 0;
    TempDir dir_;
    std::unique_ptr<Process> process_;
};

}  // namespace weir::lab
