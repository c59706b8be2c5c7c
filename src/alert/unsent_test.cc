#include "alert/unsent.h"

#include <gtest/gtest.h>

#include "alert/sample.h"

namespace weir::alert {
namespace {

using namespace std::chrono_literals;

Unsent sample() {
    auto several = down(2);
    several.frontend->more_ports = 9;
    several.backend = net::Ip::parse("2001:db8::1").value();
    auto peer = event(model::EventKind::bgp_down, "the session is down");
    peer.peer = net::Ip::parse("10.0.0.7").value();
    return {{"hook", {down(), several, up(), peer}},
            {"log", {event(model::EventKind::plan_failed, "a \"line\"\n")}}};
}

TEST(Unsent, ReadsWhatItWrites) {
    EXPECT_EQ(read_unsent(unsent_text(sample()), kWallStart + 59min), sample());
    EXPECT_EQ(read_unsent(unsent_text({}), kWallStart), Unsent());
}

TEST(Unsent, LeavesOutWhatIsAnHourOld) {
    auto unsent = sample();
    unsent["hook"][1].at += 1min;
    auto read = read_unsent(unsent_text(unsent), kWallStart + 1h);
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, (Unsent{{"hook", {unsent["hook"][1]}}}));
}

TEST(Unsent, IsReadWholeOrNotAtAll) {
    auto text = unsent_text(sample());
    text.pop_back();
    for (size_t end = 0; end < text.size(); ++end)
        EXPECT_FALSE(read_unsent(text.substr(0, end), kWallStart)) << text.substr(0, end);
    for (auto [what, other] :
         {std::pair("\"version\":1", "\"version\":2"), std::pair("backend_up", "nonsense"),
          std::pair("\"backend\":\"10.0.0.1", "\"backend\":\"10.0.0"),
          std::pair("\"at_ns\":1", "\"at_ns\":99999")}) {
        auto broken = text;
        ASSERT_NE(broken.find(what), broken.npos) << text;
        broken.replace(broken.find(what), std::string_view(what).size(), other);
        EXPECT_FALSE(read_unsent(broken, kWallStart)) << broken;
    }
}

}  // namespace
}  // namespace weir::alert
