// For tests: DNS answers, written byte by byte.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weir::proto {

/// Answers `question`, a whole message, with some rcode and records that are added; each of the name asked
/// for.
class DnsReply {
  public:
    using Bytes = std::vector<uint8_t>;

    explicit DnsReply(std::span<const uint8_t> question, uint8_t rcode = 0)
        : bytes_(question.begin(), question.end()) {
        bytes_[2] |= 0x80;
        bytes_[3] = rcode;
    }

    DnsReply& add(uint16_t type, const Bytes& data) {
        put(0xc00c);  // the question's name
        put(type);
        put(1);
        put(0);
        put(300);
        put(static_cast<uint16_t>(data.size()));
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        bytes_[7]++;
        return *this;
    }

    Bytes& bytes() { return bytes_; }
    std::string text() const { return {bytes_.begin(), bytes_.end()}; }

    /// `mail.example` as it stands in a message.
    static Bytes name(std::string_view dotted) {
        Bytes out;
        while (!dotted.empty()) {
            auto label = dotted.substr(0, dotted.find('.'));
            out.push_back(static_cast<uint8_t>(label.size()));
            out.insert(out.end(), label.begin(), label.end());
            dotted.remove_prefix(std::min(label.size() + 1, dotted.size()));
        }
        out.push_back(0);
        return out;
    }

    static Bytes join(Bytes front, const Bytes& back) {
        front.insert(front.end(), back.begin(), back.end());
        return front;
    }

  private:
    void put(uint16_t number) {
        bytes_.push_back(static_cast<uint8_t>(number >> 8));
        bytes_.push_back(static_cast<uint8_t>(number));
    }

    Bytes bytes_;
};

}  // namespace weir::proto
