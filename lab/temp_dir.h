// A directory under /tmp that goes with its owner.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace weir::lab {

class TempDir {
  public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
    /// Writes a file in it; its path.
    std::string write(std::string_view name, std::string_view content) const;

    /// Removes the directories whose owner is dead.
    static void clear_leftovers();

  private:
    std::filesystem::path path_;
};

/// A file's content, empty when there is none.
std::string read_file(const std::filesystem::path& path);

}  // namespace weir::lab
