// Listening sockets that change hands, from one daemon to the next: a message over a unix socket, with a
// letter for each descriptor that goes with it; or '!' and why there are none.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::admin {

/// Why a socket is listened on.
enum class Origin : uint8_t { file, configured, inherited };

struct Handed {
    Origin origin = Origin::inherited;
    UniqueFd socket;
};

/// At least one. Does not wait.
Status send_sockets(int peer, const std::vector<Handed>& sockets);
void send_refusal(int peer, std::string_view why);

/// Waits for the message. Fewer than were sent, even none, where this process may have no more descriptors:
/// the others are closed then. Fails where they are refused, or it is no such message.
Result<std::vector<Handed>> receive_sockets(const UniqueFd& peer);

}  // namespace weir::admin
