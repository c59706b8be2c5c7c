// `weir demo --ecmp`: two balancers with one VIP behind a router; one is killed, and no connection breaks.
#pragma once

#include <string>

#include "lab/twins.h"

namespace weir::lab {

class EcmpDemo {
  public:
    explicit EcmpDemo(const std::string& weir_binary);

    /// Whether everything went as it should.
    bool run();
    /// Until a signal comes, as an exception.
    [[noreturn]] void stay();

  private:
    bool talk();
    bool change_backends();
    bool kill();
    bool come_back();
    bool is_whole(const char* when);
    /// Every conversation has had an answer since.
    bool all_go_on();

    const std::string& binary_;
    Twins twins_;
    Chats chats_;
};

}  // namespace weir::lab
