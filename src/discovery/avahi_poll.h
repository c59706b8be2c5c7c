// The event loop that libavahi-client asks for (AvahiPoll, avahi-common/watch.h), carried by asio. Its rules
// are in that header; beyond them: no call comes from within one of its functions. For one thread.
#pragma once

#include <avahi-common/watch.h>

#include <boost/asio/any_io_executor.hpp>

namespace weir::discovery {

class AsioPoll {
  public:
    explicit AsioPoll(boost::asio::any_io_executor executor);
    AsioPoll(const AsioPoll&) = delete;
    AsioPoll& operator=(const AsioPoll&) = delete;

    /// What is made by it has to be freed before this object goes.
    const AvahiPoll* api() const { return &api_; }

  private:
    boost::asio::any_io_executor executor_;
    AvahiPoll api_;
};

}  // namespace weir::discovery
