#include "discovery/json_stream.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace weir::discovery {
namespace {

using testing::ElementsAre, testing::HasSubstr;

struct Values {
    Status put(std::string_view piece) {
        return stream.put(piece, [this](const boost::json::value& value) {
            texts.push_back(boost::json::serialize(value));
            return Status();
        });
    }

    JsonStream stream{100};
    std::vector<std::string> texts;
};

TEST(JsonStream, FindsValuesWhereverThePiecesEnd) {
    const std::string text = "{\"a\":1}\n{\"b\":[\"}{\"]} {} \r\n{\"c\":{\"d\":\"\\\"\"}}\n";
    for (size_t size = 1; size <= text.size(); size++) {
        Values values;
        for (size_t at = 0; at < text.size(); at += size)
            ASSERT_TRUE(values.put(std::string_view(text).substr(at, size)));
        EXPECT_THAT(values.texts, ElementsAre(R"({"a":1})", R"({"b":["}{"]})", "{}", R"({"c":{"d":"\""}})"))
            << size;
    }
}

TEST(JsonStream, FailsAtWhatIsNone) {
    Values values;
    EXPECT_THAT(values.put("{} {\"a\" 1}").error().message, HasSubstr("is not JSON"));
    EXPECT_THAT(values.texts, ElementsAre("{}"));
}

TEST(JsonStream, FailsAtAValueThatIsTooLarge) {
    Values values;
    EXPECT_TRUE(values.put("{\"a\":\"" + std::string(60, 'x')));
    EXPECT_THAT(values.put(std::string(60, 'x')).error().message, HasSubstr("larger than 100 bytes"));
}

TEST(JsonStream, StopsWhereItsTakerDoes) {
    JsonStream stream(100);
    int taken = 0;
    auto stop = [&](const boost::json::value&) -> Status {
        taken++;
        return fail("enough");
    };
    EXPECT_EQ(stream.put("{}{}", stop).error().message, "enough");
    EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace weir::discovery
