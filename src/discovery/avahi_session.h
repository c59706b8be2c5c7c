// One conversation with Avahi: browses for a type of service, and keeps a resolver open for each that there
// is. In a thread of its own: libavahi-client waits for D-Bus's answer to each thing that it asks (an Avahi
// that hangs is given 25 s), and the control plane's thread has BGP and BFD sessions to keep.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "discovery/zeroconf_query.h"
#include "discovery/zeroconf_services.h"

namespace weir::discovery {

class AvahiSession {
  public:
    /// Called on the executor given to the session, not any more once the session is gone.
    class Listener {
      public:
        virtual ~Listener() = default;
        virtual void told(const ServiceEvent& event) = 0;
        /// Avahi does not run; the session begins when it does.
        virtual void waits(const Error& why) = 0;
        /// The last call. Nothing that was told is known to be so any more.
        virtual void ended(const Error& why) = 0;
    };

    /// `interface`: an index; 0: all of them. `listener` outlives the session.
    AvahiSession(const boost::asio::any_io_executor& executor, const ZeroconfQuery& query, unsigned interface,
                 Listener& listener);
    /// Does not wait for the thread, which ends as soon as D-Bus lets it.
    ~AvahiSession();
    AvahiSession(const AvahiSession&) = delete;
    AvahiSession& operator=(const AvahiSession&) = delete;

  private:
    struct Link;
    std::shared_ptr<Link> link_;
};

}  // namespace weir::discovery
