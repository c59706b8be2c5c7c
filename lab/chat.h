// Conversations that last: TCP connections and UDP flows of one host over which something is said all the
// time, so that it shows when one breaks, moves to another server or stalls.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "lab/host.h"
#include "lab/wait.h"

namespace weir::lab {

/// Sends back what comes over TCP, after its name; answers each datagram with its name.
class ChatServer {
  public:
    ChatServer(Host& host, const net::Endpoint& at, std::string name);
    ~ChatServer();
    ChatServer(const ChatServer&) = delete;
    ChatServer& operator=(const ChatServer&) = delete;

  private:
    struct Io;
    std::unique_ptr<Io> io_;
    std::jthread thread_;  // last: it ends before what it uses
};

struct ChatReport {
    size_t talking = 0;         // conversations that have had an answer
    size_t broken = 0;          // connections that ended, and UDP flows that another server answered
    std::string first_error;    // of the broken
    Duration longest_stall{0};  // between two answers of a conversation, since restart_clock()
    std::map<std::string, size_t> by_server;
};

class Chats {
  public:
    /// So many conversations, each of which says something every `pace`.
    Chats(Host& from, const net::Endpoint& to, size_t connections, size_t datagram_flows,
          Duration pace = 50ms);
    ~Chats();
    Chats(const Chats&) = delete;
    Chats& operator=(const Chats&) = delete;

    ChatReport report() const;
    /// Longer stalls before do not count.
    void restart_clock();

  private:
    struct Io;
    std::unique_ptr<Io> io_;
    std::jthread thread_;  // as above
};

}  // namespace weir::lab
