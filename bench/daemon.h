// The daemon of a bench, and what the kernel has of its plan, as its own maps say.
#pragma once

#include <sys/mman.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "admin/http.h"
#include "engine/xdp/datapath.h"
#include "lab/bpffs.h"
#include "lab/process.h"
#include "lab/temp_dir.h"

namespace weir::bench {

/// A path that does not depend on where the bench is called from.
std::string beside_itself(const std::string& path);

/// What the kernel has.
class Tables {
  public:
    /// Those that are pinned there; throws lab::Failure where there are none.
    explicit Tables(const std::string& pins);

    uint32_t generation() const { return __atomic_load_n(&state_[0].active, __ATOMIC_ACQUIRE); }
    /// Targets that take new flows.
    size_t usable() const;
    double bytes() const;

  private:
    /// The rows of a map, to be read.
    template <class Row>
    class View {
      public:
        View(const UniqueFd& map, size_t rows);
        ~View() { ::munmap(address_, rows_ * sizeof(Row)); }
        View(const View&) = delete;
        View& operator=(const View&) = delete;

        const Row& operator[](size_t i) const { return static_cast<const Row*>(address_)[i]; }

      private:
        size_t rows_;
        void* address_;
    };

    const UniqueFd& map(engine::xdp::MapName name) const { return maps_[static_cast<size_t>(name)]; }

    engine::xdp::Maps maps_;
    engine::xdp::Sizes sizes_;
    View<weir_state> state_;
    View<weir_target> targets_;
};

class Daemon {
  public:
    Daemon(lab::Host& host, const std::string& binary, const std::string& config);

    std::string socket() const { return directory_ / "weir.sock"; }
    std::string pins() const { return bpffs_.path() + "/weir"; }
    std::string log() const { return lab::read_file(directory_ / "log"); }
    double since_start() const;  // in ms
    double cpu() const;          // its processor time up to now, in ms
    double memory(const std::string& name) const;

    /// Until the condition holds: false where it does not within the time. A daemon that has gone says what
    /// it logged.
    bool await(const std::function<bool()>& condition, std::chrono::seconds limit);

    Result<admin::Response> call(const std::string& method, const std::string& path,
                                 const std::string& body = "") const;
    /// The same; throws where the status is not 200.
    void must(const std::string& method, const std::string& path, const std::string& body = "") const;
    /// NaN where there is none of that name without labels.
    double metric(const std::string& name) const;

  private:
    lab::TempDir directory_;
    lab::PrivateBpffs bpffs_;
    double started_ = 0;
    std::unique_ptr<lab::Process> process_;
    clockid_t clock_{};
};

}  // namespace weir::bench
