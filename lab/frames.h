// What tests send and receive by hand: whole Ethernet frames, and UDP datagrams.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "lab/host.h"
#include "lab/wait.h"
#include "net/ip.h"

namespace weir::lab {

/// Sends frames out of one interface, as they are.
class FrameSocket {
  public:
    FrameSocket(Host& host, const std::string& ifname);
    void send(std::span<const uint8_t> frame);

  private:
    UniqueFd socket_;
};

/// Sees every frame that passes an interface, either way, from its construction on.
class FrameTap {
  public:
    FrameTap(Host& host, const std::string& ifname);
    /// The next one, unless none comes within `limit`.
    std::optional<std::vector<uint8_t>> receive(Duration limit = 0ms);

  private:
    UniqueFd socket_;
};

struct Datagram {
    net::Endpoint source;
    std::vector<uint8_t> payload;
};

class DatagramSocket {
  public:
    /// The address may be on the host's `lo`.
    DatagramSocket(Host& host, const net::Endpoint& local);
    /// The next one, unless none comes within `limit`.
    std::optional<Datagram> receive(Duration limit = 2s);
    void send(const net::Endpoint& to, std::span<const uint8_t> payload);

  private:
    UniqueFd socket_;
};

}  // namespace weir::lab
