#include <gmock/gmock.h>

#include "config/files_fixture.h"
#include "config/mistakes_in.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kFirst = "a-key-of-this-group-0001", kSecond = "a-key-of-this-group-0002";

class SyncConfig : public FilesFixture {
  protected:
    static net::Endpoint endpoint(std::string_view text) { return net::Endpoint::parse(text).value(); }
    static std::string file(std::string_view sync) {
        return fmt::format("{}{}sync: {{{}}}\nservices: {{s: {{vip: 192.0.2.9, ports: 80, pool: p}}}}\n",
                           kInterfaces, kPools, sync);
    }
    std::string keys(const std::string& text, mode_t mode = 0600) const { return write("keys", text, mode); }
    model::Sync read(std::string_view sync) const {
        auto loaded = parse(file(sync));
        EXPECT_TRUE(loaded) << describe("f", loaded.error());
        return loaded ? loaded->sync : model::Sync{};
    }
    model::Sync with_keys(const std::string& text) const {
        return read(fmt::format("peers: 10.0.0.2, key_file: {}", keys(text)));
    }
    std::string mistakes(std::string_view sync) const { return mistakes_in(file(sync)); }
    std::string mistakes_of_keys(const std::string& text, mode_t mode = 0600) const {
        return mistakes(fmt::format("peers: 10.0.0.2, key_file: {}", keys(text, mode)));
    }
};

TEST_F(SyncConfig, ReadsAGroup) {
    auto sync =
        read(fmt::format("group: '239.83.1.1:8384', interface: eth1, listen: 10.0.0.1, share: 20, "
                         "key_file: {}",
                         keys(std::string(kFirst) + "\n")));
    EXPECT_EQ(sync.group, endpoint("239.83.1.1:8384"));
    EXPECT_EQ(sync.interface, "eth1");
    EXPECT_EQ(sync.listen, endpoint("10.0.0.1:8383"));
    EXPECT_THAT(sync.peers, ElementsAre());
    EXPECT_THAT(sync.keys, ElementsAre(kFirst));
    EXPECT_EQ(sync.share, 20u);
}

TEST_F(SyncConfig, ReadsPeers) {
    auto sync = read(fmt::format("peers: ['2001:db8::2', '[2001:db8::3]:99'], key_file: {}",
                                 keys(std::string(kFirst) + "\n")));
    EXPECT_THAT(sync.peers, ElementsAre(endpoint("[2001:db8::2]:8383"), endpoint("[2001:db8::3]:99")));
    EXPECT_FALSE(sync.group);
    EXPECT_EQ(sync.share, 50u);
}

TEST_F(SyncConfig, ReadsKeysLineByLine) {
    auto sync = with_keys(fmt::format("# of the group\n\n{}\r\n  \n{}\nflows {}\n", kFirst, kSecond, kFirst));
    EXPECT_THAT(sync.keys, ElementsAre(kFirst, kSecond));
    EXPECT_THAT(with_keys(std::string(kFirst)).keys, ElementsAre(kFirst));
    EXPECT_THAT(with_keys(fmt::format("{0}\n{0}\n", kFirst)).keys, ElementsAre(kFirst));
}

TEST_F(SyncConfig, KeepsTheFlowsSecretThroughAChangeOfKeys) {
    const auto before = with_keys(fmt::format("{}\n", kFirst)).flow_secret;
    // Worked out by Python's hmac.
    EXPECT_EQ(before, 0x102500ebfb583aadu);
    EXPECT_EQ(with_keys(fmt::format("{}\n{}\nflows {}\n", kFirst, kSecond, kFirst)).flow_secret, before);
    EXPECT_EQ(with_keys(fmt::format("{}\n{}\nflows {}\n", kSecond, kFirst, kFirst)).flow_secret, before);
    EXPECT_EQ(with_keys(fmt::format("{}\nflows {}\n", kSecond, kFirst)).flow_secret, before);
    EXPECT_NE(with_keys(fmt::format("{}\n{}\n", kFirst, kSecond)).flow_secret, before);
}

TEST_F(SyncConfig, SaysWhatIsWrongWithTheKeys) {
    auto path = directory_ / "keys";
    EXPECT_EQ(
        mistakes_of_keys(""),
        fmt::format("f:3:35: '{}' does not hold 1 to 8 keys, a line each; take 'openssl rand -hex 32'\n",
                    path));
    EXPECT_EQ(
        mistakes_of_keys(fmt::format("{}\nshort\n", kFirst)),
        fmt::format(
            "f:3:35: line 2 of '{}' is not 16 to 256 printable characters; take 'openssl rand -hex 32'\n",
            path));
    EXPECT_EQ(mistakes_of_keys(fmt::format("flows {}\nflows {}\n", kFirst, kFirst)),
              fmt::format("f:3:35: line 2 of '{}' begins with 'flows' again; keep one of the two\n", path));
    EXPECT_THAT(mistakes_of_keys(std::string(300, 'k')), HasSubstr("line 1 of"));
    EXPECT_THAT(mistakes_of_keys(fmt::format("{}\x01\n", kFirst)), HasSubstr("line 1 of"));
    EXPECT_THAT(mistakes_of_keys(fmt::format("{}\n", kFirst), 0644),
                HasSubstr("and it is a secret; set its mode to 0600"));
}

TEST_F(SyncConfig, SaysWhomItNeeds) {
    auto key = "key_file: " + keys(std::string(kFirst));
    auto all = [&](std::string_view settings) { return mistakes(fmt::format("{}{}", settings, key)); };
    EXPECT_EQ(mistakes("peers: 10.0.0.2"),
              "f:3:7: sync has no 'key_file'; add it, the absolute path of a file\n");
    EXPECT_EQ(all(""), "f:3:7: sync has nobody to share flows with; add 'group' or 'peers'\n");
    EXPECT_EQ(all("group: 239.83.1.1, "),
              "f:3:15: a group needs the interface by which it is reached; add 'interface'\n");
    EXPECT_EQ(all("peers: 10.0.0.2, interface: eth0, "),
              "f:3:36: 'interface' is the group's; add 'group', or leave it out\n");
    EXPECT_EQ(all("group: 10.0.0.2, interface: eth0, "),
              "f:3:15: 10.0.0.2 is not a multicast address; write one such as 239.83.1.1, or use 'peers'\n");
    EXPECT_EQ(
        all("peers: 239.83.1.1, "),
        "f:3:15: 239.83.1.1 is not the address of a host that routers can reach; write another balancer's\n");
    EXPECT_EQ(all("peers: [10.0.0.2, 10.0.0.2], "),
              "f:3:26: '10.0.0.2' is in 'peers' twice; keep one of the two\n");
    EXPECT_EQ(all("peers: 10.0.0.2, listen: 239.83.1.1, "),
              "f:3:33: 239.83.1.1 is a multicast address; write one of this host's\n");
    EXPECT_EQ(all("group: 239.83.1.1, interface: eth0, peers: '2001:db8::1', "),
              "f:3:51: 239.83.1.1:8383 and [2001:db8::1]:8383 are not of one family; write addresses of one "
              "family\n");
    EXPECT_EQ(all("peers: 10.0.0.2, share: 0, "),
              "f:3:32: 0 is out of range; 'share' takes a number from 1 to 100\n");
}

}  // namespace
}  // namespace weir::config
