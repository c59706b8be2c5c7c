// A long download through the VIP, at a limited rate, so that things can happen while it is under way.
#pragma once

#include <string>

#include "lab/process.h"
#include "lab/temp_dir.h"
#include "tests/e2e/site.h"

namespace weir::e2e {

/// What every backend serves at `/film`; each answer names its server in a header.
class Film {
  public:
    /// As much as lasts this long.
    explicit Film(std::chrono::seconds length);
    lab::NginxOptions nginx(const std::string& backend) const;
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
    lab::TempDir dir_;
};

class Download {
  public:
    /// Returns when the first bytes have come.
    Download(Site& site, const Film& film, const std::string& url = "http://192.168.101.1/film");

    /// The number of the backend that it comes from, from 0.
    size_t backend() const { return backend_; }
    /// Waits for some more of it, and ends it; whether every byte that came is right.
    [[nodiscard]] testing::AssertionResult intact();
    /// To the end; whether every byte is right.
    [[nodiscard]] testing::AssertionResult complete();

  private:
    const Film& film_;
    lab::TempDir dir_;
    lab::Process curl_;
    size_t backend_ = 0;
};

}  // namespace weir::e2e
