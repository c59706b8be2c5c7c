#include "admin/gate.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace weir::admin {
namespace {

constexpr std::string_view kScheme = "Bearer ";

/// "" where the header has none.
std::string_view token_in(std::string_view authorization) {
    bool bearer = authorization.size() > kScheme.size() &&
                  ::strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) == 0;
    if (!bearer) return "";
    authorization.remove_prefix(kScheme.size());
    auto begin = authorization.find_first_not_of(' ');
    return begin == authorization.npos ? "" : authorization.substr(begin);
}

}  // namespace

std::string client_of(const Peer& peer) {
    if (peer.user) return fmt::format("uid {}", *peer.user);
    if (!peer.address) return "unknown";
    if (peer.address->is_v4()) return peer.address->text();
    auto bytes = peer.address->bytes().first(8);
    return {bytes.begin(), bytes.end()};
}

std::string_view to_text(Refused why) {
    switch (why) {
        case Refused::unauthorized:
            return "unauthorized";
        case Refused::forbidden:
            return "forbidden";
        case Refused::stranger:
            return "stranger";
        case Refused::limited:
            return "limited";
        case Refused::unsafe:
            return "unsafe";
    }
    return "";
}

std::string_view to_text(TlsFailure why) {
    switch (why) {
        case TlsFailure::plain_http:
            return "plain_http";
        case TlsFailure::timeout:
            return "timeout";
        case TlsFailure::other:
            return "other";
    }
    return "";
}

Gate::Gate(const Rates& rates, Clock now)
    : now_(std::move(now)), remote_(rates.remote), local_(rates.local), failures_(rates.failures) {}

std::optional<Gate::Digest> Gate::digest_of(const model::FileText& token) {
    if (token.empty()) return std::nullopt;
    Digest digest;
    SHA256(reinterpret_cast<const uint8_t*>(token.view().data()), token.view().size(), digest.data());
    return digest;
}

void Gate::set_tokens(const model::FileText& viewer, const model::FileText& operator_token) {
    auto viewers = digest_of(viewer), operators = digest_of(operator_token);
    if (viewers == viewer_ && operators == operator_) return;
    viewer_ = viewers;
    operator_ = operators;
    ++generation_;
}

Response Gate::refuse(Refused why, unsigned status, std::string_view message) {
    tally_.count(why);
    return error(status, message);
}

Response Gate::limited(RateLimit::Duration wait) {
    auto response = refuse(Refused::limited, 429, "too many requests; try again later");
    auto seconds = std::ceil(std::chrono::duration<double>(wait).count());
    response.headers["Retry-After"] = std::to_string(static_cast<long>(std::max(seconds, 1.0)));
    return response;
}

bool Gate::admits_handshake(const Peer& peer) {
    if (remote_.take(client_of(peer), now_()) == RateLimit::Duration::zero()) return true;
    tally_.count(Refused::limited);
    return false;
}

Response Gate::admit(const Peer& peer, Request& request) {
    auto client = client_of(peer);
    auto wait = (peer.user ? local_ : remote_).take(client, now_());
    if (wait > RateLimit::Duration::zero()) return limited(wait);
    if (peer.user) return admit_user(*peer.user, request);
    if (has_tokens()) return admit_token(client, request);
    // A connection from the time when there were tokens must not get more by their end.
    if (!peer.address || !peer.address->is_loopback())
        return refuse(Refused::stranger, 403, "without a token only this machine may ask");
    auto refusal = guard(request);
    if (refusal.status != 0) tally_.count(Refused::unsafe);
    request.role = refusal.status == 0 ? Role::operates : Role::none;
    return refusal;
}

/// The socket's mode keeps others out; this does when somebody has handed them the descriptor.
Response Gate::admit_user(uid_t user, Request& request) {
    if (user != 0 && user != ::geteuid())
        return refuse(Refused::stranger, 403, "only root and the daemon's own user may ask here");
    request.role = Role::operates;
    return {0, ""};
}

Response Gate::admit_token(const std::string& client, Request& request) {
    if (request.path == "/healthz" && request.authorization.empty() && request.method == "GET")
        return {0, ""};
    auto wait = failures_.wait(client, now_());
    if (wait > RateLimit::Duration::zero()) return limited(wait);
    request.role = role_of(token_in(request.authorization));
    if (request.role == Role::none) {
        failures_.take(client, now_());
        bool shown = !request.authorization.empty();
        auto response = refuse(Refused::unauthorized, 401,
                               shown ? "this token is not known" : "a token is needed, see doc/api.md");
        response.headers["WWW-Authenticate"] =
            shown ? R"(Bearer realm="weir", error="invalid_token")" : R"(Bearer realm="weir")";
        return response;
    }
    if (request.role == Role::views && request.method != "GET")
        return refuse(Refused::forbidden, 403, "a viewer's token changes nothing; this needs an operator's");
    return {0, ""};
}

/// Takes as long for a token that is almost right as for any other: digests of one length are compared, and
/// all of them.
Role Gate::role_of(std::string_view token) const {
    Digest shown;
    SHA256(reinterpret_cast<const uint8_t*>(token.data()), token.size(), shown.data());
    auto is = [&](const std::optional<Digest>& known) {
        return known && CRYPTO_memcmp(shown.data(), known->data(), shown.size()) == 0;
    };
    bool views = is(viewer_), operates = is(operator_);
    return operates ? Role::operates : views ? Role::views : Role::none;
}

}  // namespace weir::admin
