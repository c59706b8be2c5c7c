#include "engine/proxy/udp_batch.h"

#include "engine/proxy/udp_fixture.h"
#include "engine/proxy/udp_socket.h"

namespace weir::engine::proxy {
namespace {

Arrival arrival(std::string& text, size_t segment = 0) {
    return {.bytes = std::as_writable_bytes(std::span(text)), .segment = segment ? segment : text.size()};
}

std::string text_of(const Arrival& arrival) {
    return {reinterpret_cast<const char*>(arrival.bytes.data()), arrival.bytes.size()};
}

TEST(UdpBatch, CountsDatagramsOfWhatCameTogether) {
    std::string bytes(25, 'x');
    std::string none;
    EXPECT_EQ(arrival(bytes).datagrams(), 1u);
    EXPECT_EQ(arrival(bytes, 10).datagrams(), 3u);
    EXPECT_EQ(arrival(none).datagrams(), 1u);
    EXPECT_EQ(arrival(bytes, 10).first(24).bytes.size(), 20u);
    EXPECT_EQ(arrival(bytes, 10).first(25).bytes.size(), 25u);
    EXPECT_EQ(arrival(bytes, 10).first(9).bytes.size(), 0u);
}

/// As many of each size as a row says; what arrives must be the same, in order.
struct Row {
    const char* what;
    std::vector<size_t> sizes;
};
class UdpBatchRow : public testing::TestWithParam<Row> {};

TEST_P(UdpBatchRow, SendsWhatWasAddedInOrder) {
    UdpPeer receiver(endpoint("127.0.0.1:1"));
    UdpPeer sender(endpoint("127.0.0.1:1"));
    std::vector<std::string> texts;
    for (size_t size : GetParam().sizes) texts.emplace_back(size, static_cast<char>('a' + texts.size() % 26));
    UdpOutbox outbox;
    for (auto& text : texts) outbox.add(arrival(text), &receiver.address);
    EXPECT_EQ(outbox.left().datagrams, texts.size());
    EXPECT_EQ(outbox.send(sender.fd.get()), 0);
    EXPECT_TRUE(outbox.empty());
    EXPECT_EQ(outbox.left().bytes, 0u);
    for (const auto& text : texts) EXPECT_EQ(receiver.receive(), text);
    EXPECT_EQ(receiver.receive(0ms), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Sizes, UdpBatchRow,
                         testing::Values(Row{"One", {5}}, Row{"Empty", {0}},
                                         Row{"EmptyOnes", {0, 0, 3, 0, 3, 3, 0}},
                                         Row{"OneSize", std::vector<size_t>(64, 100)},
                                         Row{"Falling", {100, 100, 50, 50, 20}},
                                         Row{"Rising", {20, 50, 50, 100, 100}},
                                         Row{"MoreThanABatch", std::vector<size_t>(200, 10)},
                                         Row{"MoreThanAPacket", std::vector<size_t>(60, 1400)},
                                         Row{"Greatest", {65507, 65507, 1, 65507}},
                                         Row{"Halves", {32753, 32753, 32754, 32754, 32754}}),
                         [](const auto& row) { return row.param.what; });

TEST(UdpBatch, SendsToEachReceiverItsOwn) {
    UdpPeer one(endpoint("127.0.0.1:1")), other(endpoint("127.0.0.2:1")), sender(endpoint("127.0.0.1:1"));
    std::string text = "same size";
    UdpOutbox outbox;
    for (int i = 0; i < 4; ++i) outbox.add(arrival(text), i % 2 ? &one.address : &other.address);
    EXPECT_EQ(outbox.send(sender.fd.get()), 0);
    for (const auto* peer : {&one, &other}) {
        EXPECT_EQ(peer->receive(), text);
        EXPECT_EQ(peer->receive(), text);
        EXPECT_EQ(peer->receive(0ms), std::nullopt);
    }
}

TEST(UdpBatch, ReadsTogetherWhatWasSentTogether) {
    const auto listener = open_udp_listener({endpoint("127.0.0.1:1").address, net::Port(0)}).value();
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size);
    UdpPeer sender(endpoint("127.0.0.1:1"));
    sender.connect(net::from_socket_address(name).value());
    std::string text(1000, 'x');
    UdpOutbox outbox;
    for (int i = 0; i < 40; ++i) outbox.add(arrival(text), nullptr);
    ASSERT_EQ(outbox.send(sender.fd.get()), 0);
    UdpInbox inbox;
    const auto count = inbox.receive(listener.get(), 0, kUdpBatch);
    ASSERT_TRUE(count);
    size_t datagrams = 0;
    for (size_t i = 0; i < *count; ++i) {
        const auto came = inbox.at(i);
        EXPECT_EQ(came.segment, 1000u);
        EXPECT_EQ(net::from_socket_address(*came.source), sender.address);
        datagrams += came.datagrams();
    }
    EXPECT_EQ(datagrams, 40u);
    if (*count == 40) GTEST_SKIP() << "this kernel does not put UDP datagrams together";
    EXPECT_LT(*count, 3u);
}

TEST(UdpBatch, SendsPartsOfWhatCameInPiecesTheKernelTakes) {
    UdpPeer receiver(endpoint("127.0.0.1:1")), sender(endpoint("127.0.0.1:1"));
    std::string text(20 * 200 + 7, 'x');  // more segments than one message may have
    UdpOutbox outbox;
    outbox.add(arrival(text, 20), &receiver.address);
    EXPECT_EQ(outbox.left().datagrams, 201u);
    EXPECT_EQ(outbox.send(sender.fd.get()), 0);
    for (int i = 0; i < 200; ++i) ASSERT_EQ(receiver.receive()->size(), 20u);
    EXPECT_EQ(receiver.receive()->size(), 7u);
}

TEST(UdpBatch, SendsOneByOneWhereTheSocketCannotSendTogether) {
    UdpPeer receiver(endpoint("127.0.0.1:1")), sender(endpoint("127.0.0.1:1"));
    const int on = 1;  // without checksums the kernel refuses UDP_SEGMENT
    ASSERT_EQ(::setsockopt(sender.fd.get(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
    std::string text(100, 'x'), last(30, 'y');
    UdpOutbox outbox;
    for (int i = 0; i < 10; ++i) outbox.add(arrival(text), &receiver.address);
    outbox.add(arrival(last), &receiver.address);
    EXPECT_EQ(outbox.send(sender.fd.get()), 0);
    for (int i = 0; i < 10; ++i) EXPECT_EQ(receiver.receive(), text);
    EXPECT_EQ(receiver.receive(), last);
}

TEST(UdpBatch, KeepsWhatIsBehindAnError) {
    UdpPeer sender(endpoint("127.0.0.1:1")), receiver(endpoint("127.0.0.1:1"));
    const auto nowhere = endpoint("[::1]:9");  // of another family
    std::string text = "text";
    UdpOutbox outbox;
    outbox.add(arrival(text), &receiver.address);
    outbox.add(arrival(text), &nowhere);
    outbox.add(arrival(text), &receiver.address);
    EXPECT_NE(outbox.send(sender.fd.get()), 0);
    EXPECT_EQ(outbox.left().datagrams, 2u);
    outbox.skip();
    EXPECT_EQ(outbox.send(sender.fd.get()), 0);
    EXPECT_EQ(receiver.receive(), text);
    EXPECT_EQ(receiver.receive(), text);
}

TEST(UdpBatch, TellsSourceAndEmptyDatagram) {
    UdpPeer receiver(endpoint("[::1]:1")), sender(endpoint("[::1]:1"));
    sender.send_to("", receiver.address);
    sender.send_to("abc", receiver.address);
    UdpInbox inbox;
    ASSERT_EQ(inbox.receive(receiver.fd.get(), 3, 8), 2u);
    EXPECT_EQ(inbox.at(3).datagrams(), 1u);
    EXPECT_TRUE(inbox.at(3).bytes.empty());
    EXPECT_EQ(text_of(inbox.at(4)), "abc");
    EXPECT_EQ(net::from_socket_address(*inbox.at(4).source), sender.address);
    EXPECT_EQ(inbox.receive(receiver.fd.get(), 0, 8).error(), EAGAIN);
}

}  // namespace
}  // namespace weir::engine::proxy
