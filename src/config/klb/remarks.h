// What there is to say of a klb.conf and of the files that it includes.
#pragma once

#include <string>
#include <vector>

#include "config/document.h"

namespace weir::config::klb {

struct Location {
    std::string file;
    Place at;  // {} where it is the file as a whole
};

struct Remark {
    Location where;
    std::string message;  // of a mistake: what is wrong; what would be right

    /// `FILE:LINE:COL: message`.
    std::string text() const;
};

/// In the order of the reading. After kMostMistakes there is no more to be learnt.
class Remarks {
  public:
    static constexpr size_t kMostMistakes = 100;

    void add(const std::string& file, const Mistake& mistake);
    void warn(const std::string& file, Place at, const std::string& message);
    bool full() const { return mistakes_.size() > kMostMistakes; }

    std::vector<Remark>& mistakes() { return mistakes_; }
    std::vector<Remark>& warnings() { return warnings_; }

  private:
    std::vector<Remark> mistakes_;
    std::vector<Remark> warnings_;
};

}  // namespace weir::config::klb
