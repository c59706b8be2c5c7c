#include "admin/sockets.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/server_fixture.h"

namespace weir::admin {
namespace {

TEST(Peer, IsAUserOverAUnixSocket) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const UniqueFd one(ends[0]), other(ends[1]);
    auto peer = peer_of(one.get());
    EXPECT_EQ(peer.user, ::geteuid());
    EXPECT_FALSE(peer.address);
}

TEST(Peer, IsAnIpv4AddressOnAnIpv6SocketThatTakesBoth) {
    const UniqueFd both(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto mapped = net::to_socket_address({net::Ip::parse("::ffff:127.0.0.1").value(), net::Port(0)});
    if (::bind(both.get(), mapped.get(), mapped.size) != 0) GTEST_SKIP() << "no IPv6 on this machine";
    ASSERT_EQ(::listen(both.get(), 1), 0);
    const auto client = dial({net::Ip::parse("127.0.0.1").value(), bound_to(both)->port});
    const UniqueFd accepted(::accept(both.get(), nullptr, nullptr));
    auto peer = peer_of(accepted.get());
    EXPECT_EQ(peer.address, net::Ip::parse("127.0.0.1").value());
    EXPECT_EQ(name_of(peer), "127.0.0.1");
}

TEST(Peer, IsNobodyWhereThereIsNone) {
    const UniqueFd alone(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto peer = peer_of(alone.get());
    EXPECT_FALSE(peer.user || peer.address);
    EXPECT_EQ(name_of(peer), "unknown");
}

}  // namespace
}  // namespace weir::admin
