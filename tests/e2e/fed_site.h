// A site whose pool `web` is filled by sources, and what the daemon says of them.
#pragma once

#include <set>

#include "lab/temp_dir.h"
#include "tests/e2e/pace.h"
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
    /// One of two states of a source: what brings it about, and what the plan has then.
    struct Turn {
        std::function<void()> make;
        Addresses then;
    };
    /// To and fro, as promptly as sources are that tell changes at once; from before each is made.
    [[nodiscard]] testing::AssertionResult follows_at_once(const std::string& what, const Turn& there,
                                                           const Turn& back);
    /// Waits until all of these answer at the VIP, and nobody else.
    [[nodiscard]] testing::AssertionResult served_by(const std::vector<std::string>& servers);
    /// Of the pool's sources, as the API has it.
    boost::json::object source(size_t i = 0);
    [[nodiscard]] testing::AssertionResult is(const std::string& state);
    /// What the source says under this name; "" for null.
    std::string says(const std::string& name);
    /// Waits until the source says that it has refused something, with each of these words.
    [[nodiscard]] testing::AssertionResult refuses(const std::vector<std::string>& words);
    /// Waits until the source fails, with these words.
    [[nodiscard]] testing::AssertionResult fails_with(const std::string& words);
    /// Waits until it does not follow what it finds, and says so.
    [[nodiscard]] testing::AssertionResult is_held_back();
    /// Waits until the next daemon would know these, and no others, if this one were killed.
    [[nodiscard]] bool is_kept(const Addresses& wanted);

    /// Writes the file that the source reads beside it and renames it into place.
    void put(const std::string& text, const std::string& name = "list") const;
    std::string path(const std::string& name = "list") const { return folder_->path() / name; }

    std::optional<Site> site_;
    std::optional<lab::TempDir> folder_;  // that everybody may read

  private:
    testing::AssertionResult is_so(const std::function<bool()>& condition);
};

}  // namespace weir::e2e
