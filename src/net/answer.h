// How a coroutine waits where failure is expected: `auto [code, …] = co_await async_…(…, net::kAnswer);`
// throws nothing.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace weir::net {

inline constexpr auto kAnswer = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace weir::net
