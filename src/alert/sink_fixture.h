// For the tests of sinks: runs a delivery to its end.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "alert/sample.h"
#include "alert/sink.h"
#include "base/fake_clock.h"

namespace weir::alert {

class SinkTest : public testing::Test {
  protected:
    Delivery deliver(Sink& sink, std::vector<control::Event> events = {down()}) {
        auto message = message_of(std::move(events));
        std::optional<Delivery> delivery;
        boost::asio::co_spawn(context_, sink.deliver(message),
                              [&](const std::exception_ptr& thrown, Delivery came) {
                                  EXPECT_FALSE(thrown);
                                  delivery = std::move(came);
                              });
        EXPECT_TRUE(clock_.run_until([&delivery] { return delivery.has_value(); }))
            << "the delivery did not end";
        return delivery.value_or(Delivery{"none"});
    }

    boost::asio::io_context context_;
    FakeClock clock_{context_};
};

}  // namespace weir::alert
