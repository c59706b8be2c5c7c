// For the tests of sinks: runs a delivery to its end.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "alert/sample.h"
#include "alert/sink.h"

namespace weir::alert {

class SinkTest : public testing::Test {
  protected:
    Delivery deliver(Sink& sink, std::vector<control::Event> events = {down()}) {
        auto message = message_of(std::move(events));
        std::optional<Delivery> delivery;
        boost::asio::co_spawn(context_, sink.deliver(message), [&](std::exception_ptr thrown, Delivery came) {
            EXPECT_FALSE(thrown);
            delivery = std::move(came);
        });
        context_.restart();
        while (!delivery && context_.run_one_for(std::chrono::seconds(30)) > 0) continue;
        EXPECT_TRUE(delivery) << "the delivery did not end";
        return delivery.value_or(Delivery{"none"});
    }

    boost::asio::io_context context_;
};

}  // namespace weir::alert
