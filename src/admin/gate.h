// Who gets in: roles, tokens and rates, decided for each request before anything is done with it. On the
// control thread.
//
// Over the unix socket root and the daemon's own user may do everything, and nobody else anything: who they
// are the kernel says. Over TCP a client shows a token, where any is configured (RFC 6750); without tokens
// guard() has to do, on loopback.
#pragma once

#include <array>
#include <chrono>
#include <functional>

#include "admin/http.h"
#include "admin/rate_limit.h"
#include "admin/sockets.h"
#include "model/config.h"

namespace weir::admin {

/// Why a request, or a connection, was not served.
enum class Refused : uint8_t { unauthorized, forbidden, stranger, limited, unsafe };
enum class TlsFailure : uint8_t { plain_http, timeout, other };
inline constexpr size_t kRefused = 5, kTlsFailures = 3;
std::string_view to_text(Refused why);
std::string_view to_text(TlsFailure why);

/// What the API has not done for its clients.
struct Tally {
    std::array<uint64_t, kRefused> refused{};
    std::array<uint64_t, kTlsFailures> tls_failures{};

    void count(Refused why) { ++refused[static_cast<size_t>(why)]; }
    void count(TlsFailure why) { ++tls_failures[static_cast<size_t>(why)]; }
};

struct Rates {
    Rate remote{.per_second = 100, .burst = 200};       // requests and TLS handshakes of an address
    Rate local{.per_second = 10'000, .burst = 20'000};  // requests of a user
    Rate failures{.per_second = 5, .burst = 10};        // wrong or missing tokens of an address
};

/// Whom the limits count: an address, of IPv6 the /64 that a client has to itself, or a user.
std::string client_of(const Peer& peer);

class Gate {
  public:
    using Clock = std::function<std::chrono::steady_clock::time_point()>;

    explicit Gate(const Rates& rates = {}, Clock now = std::chrono::steady_clock::now);

    /// From the next request on.
    void set_tokens(const model::FileText& viewer, const model::FileText& operator_token);
    bool has_tokens() const { return viewer_ || operator_; }
    /// Grows when the tokens change: what was let in by the former ones ends.
    uint64_t generation() const { return generation_; }

    /// The answer to a request that does not get in; status 0 where it does, with its role.
    Response admit(const Peer& peer, Request& request);

    /// A TLS handshake costs as much as a request.
    bool admits_handshake(const Peer& peer);

    Tally& tally() { return tally_; }

  private:
    using Digest = std::array<uint8_t, 32>;

    static std::optional<Digest> digest_of(const model::FileText& token);
    Response refuse(Refused why, unsigned status, std::string_view message);
    Response limited(RateLimit::Duration wait);
    Response admit_user(uid_t user, Request& request);
    Response admit_token(const std::string& client, Request& request);
    Role role_of(std::string_view authorization) const;

    Clock now_;
    RateLimit remote_, local_, failures_;
    std::optional<Digest> viewer_, operator_;
    uint64_t generation_ = 0;
    Tally tally_;
};

}  // namespace weir::admin
