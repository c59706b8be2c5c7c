#include "base/read_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace weir {
namespace {

/// As a file that stands at its beginning.
UniqueFd file_of(const std::string& text) {
    UniqueFd file(::memfd_create("weir-test", MFD_CLOEXEC));
    EXPECT_EQ(::pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return file;
}

TEST(ReadUpTo, ReadsToTheEnd) {
    for (size_t size : {0, 1, 65535, 65536, 65537, 200'000}) {
        const std::string text(size, 'x');
        EXPECT_EQ(read_up_to(size + 1, file_of(text)), text);
        EXPECT_EQ(read_up_to(1 << 20, file_of(text)), text);
    }
}

TEST(ReadUpTo, TakesNoMoreThanItMay) {
    EXPECT_EQ(read_up_to(65, file_of(std::string(200'000, 'x'))), std::string(65, 'x'));
    EXPECT_EQ(read_up_to(100'000, UniqueFd(::open("/dev/zero", O_RDONLY | O_CLOEXEC)))->size(), 100'000u);
}

TEST(ReadUpTo, SaysWhyItCannot) {
    EXPECT_EQ(read_up_to(64, UniqueFd(::open("/", O_RDONLY | O_CLOEXEC))).error().message, "Is a directory");
}

}  // namespace
}  // namespace weir
