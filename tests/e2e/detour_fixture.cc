#include "tests/e2e/detour_fixture.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace weir::e2e {

bool ready(const UniqueFd& socket, short events, lab::Duration limit) {
    pollfd watch{socket.get(), events, 0};
    return poll(&watch, 1, static_cast<int>(limit.count())) == 1;
}

Status connect(const net::Passage& passage, lab::Duration limit) {
    auto to = net::to_socket_address(passage.connect_to);
    int error = ::connect(passage.socket.get(), to.get(), to.size) ? errno : 0;
    if (error == EINPROGRESS) {
        if (!ready(passage.socket, POLLOUT, limit)) return fail("no answer");
        socklen_t size = sizeof error;
        getsockopt(passage.socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error) return fail_with(error, "cannot connect");
    return {};
}

void DetourTest::SetUp() {
    if (auto why = lab::why_no_lab(); !why.empty()) GTEST_SKIP() << why;
    lab_ = std::make_unique<lab::Lab>("detour");
    balancer_ = &lab_->host("balancer");
    backends_ = {&lab_->host("backend-1"), &lab_->host("backend-2")};
    lab_->lan("switch", {balancer_, backends_[0], backends_[1]}, "eth0");
    balancer_->add_address("eth0", "10.1.10.100/24");
    balancer_->add_address("eth0", "2001:db8:1::100/64");
    for (size_t i : {0, 1}) {
        // As every backend in direct server return: silent about the VIP, and asking for others by its
        // own address.
        backends_[i]->sysctl("net.ipv4.conf.all.arp_ignore", "1");
        backends_[i]->sysctl("net.ipv4.conf.all.arp_announce", "2");
        backends_[i]->add_address("eth0", fmt::format("10.1.10.1{}/24", i));
        backends_[i]->add_address("eth0", fmt::format("2001:db8:1::1{}/64", i));
        backends_[i]->add_address("lo", fmt::format("{}/32", kVip4));
        backends_[i]->add_address("lo", fmt::format("{}/128", kVip6));
    }
    start_servers();
    for (const char* scope : {"all", "eth0"})
        balancer_->sysctl(fmt::format("net.ipv4.conf.{}.rp_filter", scope), "1");
    ifindex_ = static_cast<int>(balancer_->index("eth0"));
    detour_ = started();
}

void DetourTest::TearDown() {
    if (!lab_) return;
    stop(std::move(detour_));
    EXPECT_EQ(state(), TcState{}) << "left behind";
}

}  // namespace weir::e2e
