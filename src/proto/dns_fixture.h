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

    DnsReply& add(uint16_t type, const Bytes& data, uint32_t ttl = 300) {
        count(6);
        put_record(type, data, ttl);
        return *this;
    }
    /// A record of another name. Nothing may stand in the authority section yet.
    DnsReply& add_of(std::string_view owner, uint16_t type, const Bytes& data, uint32_t ttl = 300) {
        count(6);
        put_record(type, data, ttl, name(owner));
        return *this;
    }
    /// In the authority section, behind all that answers.
    DnsReply& add_authority(uint16_t type, const Bytes& data, uint32_t ttl = 300) {
        count(8);
        put_record(type, data, ttl);
        return *this;
    }
    /// The server has the say itself.
    DnsReply& with_authority() {
        bytes_[2] |= 4;
        return *this;
    }

    /// The data of an SOA record.
    static Bytes soa(uint8_t minimum) {
        auto data = join(name("ns.example.org"), name("root.example.org"));
        data.resize(data.size() + 20);
        data.back() = minimum;
        return data;
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
    void count(size_t at) {
        if (++bytes_[at + 1] == 0) bytes_[at]++;
    }
    void put_record(uint16_t type, const Bytes& data, uint32_t ttl, const Bytes& owner = {0xc0, 0x0c}) {
        bytes_.insert(bytes_.end(), owner.begin(), owner.end());  // else the question's name
        put(type);
        put(1);
        put(static_cast<uint16_t>(ttl >> 16));
        put(static_cast<uint16_t>(ttl));
        put(static_cast<uint16_t>(data.size()));
        bytes_.insert(bytes_.end(), data.begin(), data.end());
    }
    void put(uint16_t number) {
        bytes_.push_back(static_cast<uint8_t>(number >> 8));
        bytes_.push_back(static_cast<uint8_t>(number));
    }

    Bytes bytes_;
};

}  // namespace weir::proto
