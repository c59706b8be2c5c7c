// For tests: a directory under /tmp that goes with its owner.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace weir {

class TempDir {
  public:
    TempDir() {
        if (!::mkdtemp(path_.data())) throw std::runtime_error("cannot make " + path_);
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    const std::string& path() const { return path_; }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

    /// The file's path.
    std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        auto path = *this / name;
        std::ofstream(path) << text;
        if (::chmod(path.c_str(), mode) != 0) throw std::runtime_error("cannot write " + path);
        return path;
    }

  private:
    std::string path_ = "/tmp/weir-test-XXXXXX";
};

}  // namespace weir
