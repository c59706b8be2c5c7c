// c-ares, driven by asio: its sockets are waited for and its time-outs kept on the executor's one thread.
#pragma once

#include <ares.h>

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/ip.h"

namespace weir::discovery {

struct CaresOptions {
    std::vector<net::Endpoint> servers{};     // none: as in resolv.conf(5)
    std::chrono::milliseconds timeout{2000};  // of a try, the first of two; the second has twice the time
    bool tcp = false;                         // from the beginning, not only for what UDP cuts short
    bool as_received = false;                 // who asks sees each answer, also SERVFAIL and the like
};

class Cares {
  public:
    static Result<std::unique_ptr<Cares>> open(boost::asio::any_io_executor executor, Clock& clock,
                                               const CaresOptions& options);
    /// Callbacks that are outstanding come, with ARES_EDESTRUCTION.
    ~Cares();
    Cares(const Cares&) = delete;
    Cares& operator=(const Cares&) = delete;

    ares_channel get() const { return channel_; }
    /// To be called behind calls that send.
    void watch();

    std::vector<net::Endpoint> servers() const;

  private:
    struct Socket;

    Cares(boost::asio::any_io_executor executor, Clock& clock);
    Status begin(const CaresOptions& options);
    Status use(const std::vector<net::Endpoint>& servers);
    void note(ares_socket_t fd, bool reads, bool writes);
    void wait(Socket& socket, bool to_read);
    void process(ares_socket_t to_read, ares_socket_t to_write);

    struct Sockets;
    boost::asio::any_io_executor executor_;
    Clock& clock_;
    ares_channel channel_ = nullptr;
    std::unique_ptr<Sockets> sockets_;
    Clock::Alarm next_;
};

}  // namespace weir::discovery
