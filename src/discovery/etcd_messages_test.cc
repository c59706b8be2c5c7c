#include "discovery/etcd_messages.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace weir::discovery::etcd {
namespace {

TEST(EtcdBase64, GoesThereAndBack) {
    const std::pair<std::string, const char*> cases[] = {
        {"", ""}, {"a", "YQ=="}, {"ab", "YWI="}, {"abc", "YWJj"}, {std::string("\0\xff\xfe", 3), "AP/+"}};
    for (const auto& [bytes, text] : cases) {
        EXPECT_EQ(to_base64(bytes), text);
        EXPECT_EQ(from_base64(text).value(), bytes);
    }
    for (const char* wrong : {"a", "ab=", "ab?=", "====", "YQ==YQ==", "Y===", " YQ==   ", "YQ=\n"})
        EXPECT_FALSE(from_base64(wrong)) << wrong;
}

TEST(EtcdRange, EndsBehindThePrefix) {
    EXPECT_EQ(end_of("/web/"), "/web0");
    EXPECT_EQ(end_of("a\xff\xff"), "b");
    EXPECT_EQ(end_of("\xff"), std::string(1, '\0'));
    EXPECT_EQ(range_request("/a/", "/a0", 10, 0), R"({"key":"L2Ev","range_end":"L2Ew","limit":10})");
    EXPECT_EQ(range_request("/a/", "/a0", 10, 7),
              R"({"key":"L2Ev","range_end":"L2Ew","limit":10,"revision":7})");
}

// As etcd 3.4.23 answers.
TEST(EtcdRange, IsReadAsItIsWritten) {
    auto range = read_range(
        R"({"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":"4",)"
        R"("raft_term":"2"},"kvs":[{"key":"L2Ev","create_revision":"2","mod_revision":"2","version":"1",)"
        R"("value":"MTAuMC4wLjE="},{"key":"L2IvYw==","create_revision":"4","mod_revision":"4","version":"1"}],)"
        R"("more":true,"count":"3"})");
    ASSERT_TRUE(range) << range.error().message;
    EXPECT_EQ(range->revision, 4);
    EXPECT_TRUE(range->more);
    ASSERT_EQ(range->pairs.size(), 2u);
    EXPECT_EQ(range->pairs[0].key, "/a/");
    EXPECT_EQ(range->pairs[0].value, "10.0.0.1");
    EXPECT_EQ(range->pairs[1].key, "/b/c");
    EXPECT_EQ(range->pairs[1].value, "");
    auto empty = read_range(R"({"header":{"revision":"9"}})");
    ASSERT_TRUE(empty);
    EXPECT_EQ(empty->revision, 9);
    EXPECT_FALSE(empty->more);
    EXPECT_TRUE(empty->pairs.empty());
}

TEST(EtcdRange, ThatIsNoneIsNotTakenForAnEmptyOne) {
    for (const char* text :
         {"", "[]", "{}", "<html>", R"({"header":{}})", R"({"kvs":[]})",
          R"({"header":{"revision":"4"},"kvs":[1]})", R"({"header":{"revision":"4"},"kvs":[{"key":"?"}]})"})
        EXPECT_FALSE(read_range(text)) << text;
}

Result<Notice> notice(const char* text) {
    return read_notice(boost::json::parse(text));
}

TEST(EtcdWatch, BeginsAtARevision) {
    EXPECT_EQ(
        watch_request("/a/", 5),
        R"({"create_request":{"key":"L2Ev","range_end":"L2Ew","start_revision":5,"progress_notify":true}})");
    auto begun = notice(R"({"result":{"header":{"revision":"4"},"created":true}})").value();
    EXPECT_TRUE(begun.created);
    EXPECT_FALSE(begun.is_progress());
    EXPECT_TRUE(notice(R"({"result":{"header":{"revision":"8"}}})")->is_progress());
}

TEST(EtcdWatch, TellsChanges) {
    auto told =
        notice(R"({"result":{"header":{"revision":"9"},"events":[{"kv":{"key":"L2Ev","create_revision":"6",)"
               R"("mod_revision":"6","version":"1","value":"Yg=="}},{"type":"DELETE","kv":{"key":"L2Iv",)"
               R"("mod_revision":"7"}},{"type":"PUT","kv":{"key":"L2M=","mod_revision":"8"}}]}})");
    ASSERT_TRUE(told) << told.error().message;
    ASSERT_EQ(told->changes.size(), 3u);
    EXPECT_EQ(told->changes[0].key, "/a/");
    EXPECT_EQ(told->changes[0].value, "b");
    EXPECT_EQ(told->changes[1].value, std::nullopt);
    EXPECT_EQ(told->changes[1].revision, 7);
    EXPECT_EQ(told->changes[2].value, "");
    EXPECT_FALSE(told->is_progress());
}

TEST(EtcdWatch, TellsWhyItEnds) {
    auto compacted =
        notice(R"({"result":{"header":{"revision":"9"},"canceled":true,"compact_revision":"7"}})").value();
    EXPECT_TRUE(compacted.canceled);
    EXPECT_EQ(compacted.compacted, 7);
    auto refused = notice(
        R"({"result":{"header":{},"created":true,"canceled":true,"cancel_reason":"etcdserver: permission denied"}})");
    EXPECT_EQ(refused->reason, "etcdserver: permission denied");
    EXPECT_EQ(notice(R"({"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader"}})")
                  .error()
                  .message,
              "etcdserver: no leader");
    for (const char* text :
         {"1", "[]", "{}", R"({"result":{"events":[{}]}})", R"({"result":{"events":[5]}})"})
        EXPECT_FALSE(notice(text)) << text;
}

TEST(EtcdLogin, GivesAToken) {
    EXPECT_EQ(login_request("u", "p\"q"), R"({"name":"u","password":"p\"q"})");
    EXPECT_EQ(read_token(R"({"header":{"revision":"1"},"token":"abc.12"})").value(), "abc.12");
    EXPECT_FALSE(read_token(R"({"header":{}})"));
    EXPECT_EQ(read_complaint(R"({"error":"etcdserver: invalid auth token","code":16})"),
              "etcdserver: invalid auth token");
    EXPECT_EQ(read_complaint("<html>"), "");
}

}  // namespace
}  // namespace weir::discovery::etcd
