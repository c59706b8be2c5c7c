// The source `ganglia` against servers on loopback that say what no gmond would.
#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "discovery/kinds.h"
#include "discovery/source_fixture.h"
#include "net/answer.h"

namespace weir::discovery {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kOne =
    R"(<GANGLIA_XML><CLUSTER NAME="t"><HOST NAME="a" IP="10.0.0.1" TN="1" TMAX="20">)"
    R"(<METRIC NAME="load_one" VAL="1"/></HOST></CLUSTER></GANGLIA_XML>)";

class GangliaSource : public SourceTest {
  protected:
    GangliaSource() { asio::co_spawn(context_, serve(), asio::detached); }

    model::SourceSpec spec() const {
        return {"ganglia", {{"address", fmt::format("127.0.0.1:{}", acceptor_.local_endpoint().port())}}};
    }
    asio::awaitable<void> serve() {
        for (;;) {
            auto [code, client] = co_await acceptor_.async_accept(net::kAnswer);
            if (code) co_return;
            co_await asio::async_write(client, asio::buffer(says_), net::kAnswer);
        }
    }

    tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    std::string says_{kOne};
};

TEST_F(GangliaSource, KeepsWhatItKnowsWhenADocumentIsCutOff) {
    ASSERT_TRUE(make(ganglia_kind(), spec()));
    ASSERT_TRUE(hears_set(1)) << testing::PrintToString(heard_.failures);
    EXPECT_THAT(heard_.addresses(), ElementsAre("10.0.0.1"));
    EXPECT_EQ(heard_.sets[0].members[0].weight, 5u);
    says_.resize(says_.size() / 2);
    clock_.move(15s);
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("not whole XML"));
    EXPECT_EQ(heard_.sets.size(), 1u);
    says_ = kOne;
    clock_.move(1s);
    ASSERT_TRUE(hears_set(2));
}

TEST_F(GangliaSource, ReadsNoMoreThanItsBound) {
    says_ = "<GANGLIA_XML>" + std::string(17 << 20, ' ') + "</GANGLIA_XML>";
    ASSERT_TRUE(make(ganglia_kind(), spec()));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("says more than 16 MiB"));
    EXPECT_THAT(heard_.sets, IsEmpty());
}

TEST_F(GangliaSource, FailsWhereNoHostHasAWeight) {
    says_.replace(says_.find("load_one"), 8, "load_two");
    ASSERT_TRUE(make(ganglia_kind(), spec()));
    ASSERT_TRUE(hears_failure(1));
    EXPECT_THAT(heard_.failures[0], HasSubstr("10.0.0.1: it has not told the metric"));
}

TEST_F(GangliaSource, TakesOnlySettingsThatFit) {
    auto with = [](const char* name, const char* value) {
        model::SourceSpec spec{"ganglia", {{"address", "gmond.example.org:8649"}}};
        spec.settings[name] = std::string(value);
        return spec;
    };
    auto kind = ganglia_kind();
    EXPECT_EQ(mistake(kind, with("half_at", "0.5")), "");
    for (const char* half : {"0", "-1", "nan", "inf", "1x", ""})
        EXPECT_THAT(mistake(kind, with("half_at", half)), HasSubstr("write a number above 0")) << half;
    EXPECT_NE(mistake(kind, with("address", "gmond.example.org")), "");
    EXPECT_EQ(mistake(kind, with("address", "[2001:db8::1]:8649")), "");
}

}  // namespace
}  // namespace weir::discovery
