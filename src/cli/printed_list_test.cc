#include "cli/printed_list.h"

#include <gmock/gmock.h>

namespace weir::cli {
namespace {

using discovery::Found;
using testing::ElementsAre, testing::IsEmpty;

net::Ip ip(const char* text) {
    return net::Ip::parse(text).value();
}

TEST(PrintedList, IsALineABackendAndABlankOne) {
    PrintedList list({}), weighted({.weighted = true});
    discovery::Set set{{{ip("10.0.0.2"), net::Port(80), 3}, {ip("2001:db8::1"), net::Port(81)}}};
    EXPECT_EQ(list.update(set).text, "10.0.0.2:80\n[2001:db8::1]:81\n\n");
    EXPECT_EQ(weighted.update(set).text, "10.0.0.2:80 weight=3\n[2001:db8::1]:81 weight=1\n\n");
}

TEST(PrintedList, IsPrintedWhenItChanges) {
    PrintedList list({});
    Found one{ip("10.0.0.1"), net::Port(80)}, two{ip("10.0.0.2"), net::Port(80)};
    EXPECT_EQ(list.update({{one, two}}).text, "10.0.0.1:80\n10.0.0.2:80\n\n");
    EXPECT_EQ(list.update({{two, one}}).text, std::nullopt) << "the order is nothing";
    EXPECT_EQ(list.update({{two, one, two}}).text, std::nullopt) << "it is there once";
    two.weight = 7;
    two.tags = {"blue"};
    EXPECT_EQ(list.update({{one, two}}).text, std::nullopt) << "nothing of this is printed";
    EXPECT_EQ(list.update({{two}}).text, "10.0.0.2:80\n\n");
}

TEST(PrintedList, MayBeEmpty) {
    PrintedList list({});
    EXPECT_EQ(list.update({}).text, "\n");
    EXPECT_EQ(list.update({}).text, std::nullopt);
}

TEST(PrintedList, HasTheFirstPriorityOnly) {
    PrintedList list({});
    EXPECT_EQ(list.update({{{ip("10.0.0.1"), net::Port(80), 1, 10},
                            {ip("10.0.0.2"), net::Port(80), 1, 20},
                            {ip("10.0.0.3"), net::Port(80), 0, 5},
                            {ip("10.0.0.4"), net::Port(80), 1, 20},
                            {ip("10.0.0.4"), net::Port(80), 1, 10}}})
                  .text,
              "10.0.0.1:80\n10.0.0.4:80\n\n")
        << "who takes nothing stands before nobody";
}

TEST(PrintedList, LeavesOutWhoHasNoPort) {
    PrintedList list({}), given({.default_port = net::Port(8080)});
    discovery::Set set{{{ip("10.0.0.1")}, {ip("10.0.0.2"), net::Port(80)}}, {"line 3: nonsense"}};
    auto news = list.update(set);
    EXPECT_EQ(news.text, "10.0.0.2:80\n\n");
    EXPECT_THAT(news.left_out, ElementsAre("line 3: nonsense", "10.0.0.1 has no port; give --default-port"));
    EXPECT_THAT(list.update(set).left_out, IsEmpty()) << "that has been said";
    EXPECT_EQ(given.update(set).text, "10.0.0.1:8080\n10.0.0.2:80\n\n");
}

}  // namespace
}  // namespace weir::cli
