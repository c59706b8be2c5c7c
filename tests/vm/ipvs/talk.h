// Servers that say who they are, and clients that ask: TCP, UDP and SCTP over both families. The servers of a
// host are one process.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "lab/process.h"
#include "net/ip.h"

namespace weir::vm {

enum class Talk : uint8_t { tcp, udp, sctp };

/// Answers on this port of every address with the host's name: a connection at once, a datagram when it
/// comes. Listens when this returns. A connection stays until the client closes it.
class Server {
  public:
    Server(lab::Host& host, uint16_t port);

  private:
    struct Sockets {
        std::vector<UniqueFd> streams;
        UniqueFd datagrams;
    };
    Server(lab::Host& host, Sockets sockets);
    static Sockets open(uint16_t port);

    lab::Process process_;
};

/// Who answers, or why nobody does.
std::string ask(lab::Host& client, const std::string& vip, Talk talk = Talk::tcp);

/// How often each answers, of so many conversations one after the other.
std::map<std::string, int> ask_often(lab::Host& client, const std::string& vip, int times,
                                     Talk talk = Talk::tcp);

/// The same with datagrams from one socket. An answer may come from any address: one-packet scheduling
/// remembers nothing by which it could be given the VIP's.
std::map<std::string, int> ask_by_one_flow(lab::Host& client, const std::string& vip, int times);

/// A connection that goes on: to be asked anew. It ends by a reset, which the kernel forgets after ten
/// seconds.
class Conversation {
  public:
    Conversation(lab::Host& client, const std::string& vip);

    /// Who answers now; empty where the connection is dead.
    std::string ask();

  private:
    UniqueFd socket_;
};

}  // namespace weir::vm
