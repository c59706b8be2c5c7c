// A klb.conf with the files that it includes, line for line as if they were one.
//   @include "PATH"           a file; where its name has `*` or `?`, all that match it, by their names
//   @include_optional "PATH"  a file if it is there; `*` is a character as any other
// A path that is not absolute begins at the file that names it. Variables are not known here.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/klb/line.h"
#include "config/klb/remarks.h"
#include "config/klb/surroundings.h"

namespace weir::config::klb {

class Includes {
  public:
    static constexpr size_t kDeepest = 16;
    static constexpr size_t kMostFiles = 1000;
    static constexpr size_t kMostBytes = 1 << 20;  // of all files together

    using Take = std::function<void(const std::string& file, Line line)>;

    /// `take` gets every line that is neither empty, nor a comment, nor an include.
    Includes(const Surroundings& outside, Remarks& remarks, Take take)
        : outside_(outside), remarks_(remarks), take_(std::move(take)) {}

    void read(const std::string& path);

  private:
    Result<std::optional<std::string>> text_of(const std::string& path);
    void read_lines(const std::string& path, std::string_view text);
    void read_line(const std::string& path, Line line);
    Read<void> include(const std::string& from, Line line, bool optional);
    Read<void> include_file(const std::string& path, const Line& line, bool optional);
    Read<void> include_matching(const std::string& path, const Line& line);

    const Surroundings& outside_;
    Remarks& remarks_;
    Take take_;
    std::vector<std::string> open_;  // from the first file down to the one that is being read
    size_t files_ = 0;
    size_t bytes_ = 0;
};

}  // namespace weir::config::klb
