#include "lab/temp_dir.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "lab/failure.h"

namespace weir::lab {

namespace fs = std::filesystem;

TempDir::TempDir() {
    std::string name = fmt::format("/tmp/weir-lab.{}.XXXXXX", getpid());
    if (!mkdtemp(name.data())) give_up("cannot make {}: {}", name, std::strerror(errno));
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string TempDir::write(std::string_view name, std::string_view content) const {
    const fs::path file = path_ / name;
    std::ofstream stream(file, std::ios::binary);
    stream << content;
    stream.close();
    if (!stream) give_up("cannot write {}", file.string());
    return file;
}

void TempDir::clear_leftovers() {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator("/tmp", ignored)) {
        int owner = 0;
        if (std::sscanf(entry.path().filename().c_str(), "weir-lab.%d.", &owner) != 1 || owner <= 0) continue;
        if (::kill(owner, 0) < 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
    }
}

std::string read_file(const fs::path& path) {
    std::ostringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    return content.str();
}

}  // namespace weir::lab
