#include "cli/table.h"

#include <gtest/gtest.h>

#include <sstream>

namespace weir::cli {
namespace {

std::string printed(const Table& table, bool coloured) {
    std::ostringstream out;
    table.print(out, coloured);
    return out.str();
}

TEST(Table, AlignsColumnsAndNumbers) {
    Table table({"NAME", ">FLOWS", "HEALTH"});
    table.add({"web", uint64_t{7}, "up"});
    table.add({"a-long-name", uint64_t{12345678}, "DOWN"});
    EXPECT_EQ(printed(table, false),
              "NAME            FLOWS  HEALTH\n"
              "web                 7  up\n"
              "a-long-name  12345678  DOWN\n");
}

TEST(Table, EndsNoLineInBlanks) {
    Table table({"A", ">B", "C"});
    table.add({"x", "", "z"});
    table.add({"x", "", ""});
    EXPECT_EQ(printed(table, false), "A  B  C\nx     z\nx\n");
}

TEST(Table, ColoursOnlyWhereAsked) {
    Table table({"A", "B"});
    table.add({Cell("up", Colour::good), "x"});
    EXPECT_EQ(printed(table, false), "A   B\nup  x\n");
    EXPECT_EQ(printed(table, true), "\033[2mA\033[0m   \033[2mB\033[0m\n\033[32mup\033[0m  x\n");
}

}  // namespace
}  // namespace weir::cli
