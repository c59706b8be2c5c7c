// What a client asks of a TLS server, and shows it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace weir::model {

/// A file's contents as they were when the configuration was read. Shared, not copied: the check of every
/// target has them.
class FileText {
  public:
    FileText() = default;
    explicit FileText(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}

    bool empty() const { return !text_; }
    std::string_view view() const { return text_ ? std::string_view(*text_) : std::string_view(); }

    bool operator==(const FileText& other) const { return text_ == other.text_ || view() == other.view(); }

  private:
    std::shared_ptr<const std::string> text_;
};

/// What a client asks of a TLS server, and shows it. Everything in PEM.
struct Tls {
    std::string sni;         // whom the server should be; empty: the host, if that is a name
    bool verify = true;      // the certificate: its chain, its times and its name
    FileText authorities{};  // whose certificates are trusted; empty: the system's
    FileText certificate{};  // of the client, with its chain
    FileText key{};          // there if a certificate is
    std::chrono::hours expiry_warning{14 * 24};  // before the server's certificate ends; 0: none

    bool operator==(const Tls&) const = default;
};

}  // namespace weir::model
