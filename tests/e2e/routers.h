// Real routers beside BIRD (lab/bird.h), each in a directory of its own: GoBGP 3 and FRR.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::e2e {

class Gobgp {
  public:
    /// `config` is its TOML. Returns when it answers.
    Gobgp(lab::Host& host, const std::string& config);

    /// What `gobgp WORDS` says.
    std::string ask(std::vector<std::string> words) const;
    lab::Process& process() { return *process_; }
    static std::string why_not();

  private:
    lab::Host& host_;
    lab::TempDir dir_;
    std::unique_ptr<lab::Process> process_;
};

class Frr {
  public:
    /// bgpd alone, which knows nothing of the kernel's routes; with zebra, staticd and bfdd it is a whole
    /// router.
    enum class Daemons { bgpd, all };

    /// `config` is what follows `hostname`. Returns when it answers.
    Frr(lab::Host& host, const std::string& config, Daemons daemons = Daemons::bgpd);

    /// What vtysh says to one command.
    std::string ask(const std::string& command, const char* daemon = "bgpd") const {
        return vtysh({"-d", daemon, "-c", command});
    }
    static std::string why_not();

  private:
    std::string vtysh(std::vector<std::string> words) const;

    lab::Host& host_;
    lab::TempDir dir_;
    std::unique_ptr<lab::Process> process_;
};

}  // namespace weir::e2e
