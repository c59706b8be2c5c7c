// A site whose pool `web` is filled by sources, and what the daemon says of them.
#pragma once

#include <set>

#include "lab/temp_dir.h"
#include "tests/e2e/site.h"

namespace weir::e2e {

class FedSiteTest : public SiteTest {
  protected:
    using Addresses = std::set<std::string>;

    void SetUp() override;

    /// The configuration with this body of the pool, on one line: `file: {path: …}`.
    static std::string config(const std::string& pool);
    void start(const std::string& pool) { site_->run(config(pool)); }
    [[nodiscard]] bool reload(const std::string& pool) { return site_->reload(config(pool)); }

    /// Of the plan that is in force in the datapath.
    Addresses backends();
    /// Waits until it has these and no others.
    [[nodiscard]] testing::AssertionResult become(const Addresses& wanted);
    /// Of the pool's sources, as the API has it.
    boost::json::object source(size_t i = 0);
    [[nodiscard]] testing::AssertionResult is(const std::string& state);
    /// What the source says under this name; "" for null.
    std::string says(const std::string& name);
    /// Waits until the next daemon would know these, and no others, if this one were killed.
    [[nodiscard]] bool is_kept(const Addresses& wanted);

    /// Writes the file that the source reads beside it and renames it into place.
    void put(const std::string& text, const std::string& name = "list") const;
    std::string path(const std::string& name = "list") const { return folder_->path() / name; }

    std::optional<Site> site_;
    std::optional<lab::TempDir> folder_;  // that everybody may read
};

/// For people: this is how long it took.
void print_span(const std::string& what, std::chrono::steady_clock::time_point since);

}  // namespace weir::e2e
