#include "tests/e2e/download.h"

#include <random>

#include "lab/failure.h"

namespace weir::e2e {
namespace {

constexpr size_t kRate = 512 << 10;  // bytes a second

std::vector<std::string> curl(const lab::TempDir& dir, const std::string& url) {
    return {"curl", "-sS", "--noproxy", "*", "-D", dir / "header", "-o", dir / "film", url};
}

}  // namespace

Film::Film(std::chrono::seconds length) : bytes_(static_cast<size_t>(length.count()) * kRate, '\0') {
    std::mt19937 noise(1);  // no two pieces are alike, so none can be missing, doubled or in another's place
    for (char& byte : bytes_) byte = static_cast<char>(noise());
    dir_.write("film", bytes_);
}

lab::NginxOptions Film::nginx(const std::string& backend) const {
    return {.more = fmt::format("location = /film {{ alias {}; limit_rate {}; add_header X-Backend {}; }}",
                                std::string(dir_ / "film"), kRate, backend)};
}

Download::Download(Site& site, const Film& film, const std::string& url)
    : film_(film), curl_(site.client(), curl(dir_, url)) {
    const auto begun = [&] { return !lab::read_file(dir_ / "film").empty() || !curl_.alive(); };
    if (!lab::wait_until(begun, kSoon) || !curl_.alive())
        lab::give_up("the download does not begin: {}", curl_.err());
    const std::string header = lab::read_file(dir_ / "header");
    for (size_t i = 0; i < site.dsr().size(); ++i)
        if (header.find("X-Backend: " + site.dsr().backend(i).name() + "\r\n") != std::string::npos)
            backend_ = i;
}

bool Download::under_way() {
    return curl_.alive();
}

testing::AssertionResult Download::complete() {
    const std::optional<int> status = curl_.wait(60s);
    if (!status) return testing::AssertionFailure() << "the download stands still";
    const std::string got = lab::read_file(dir_ / "film");
    if (*status != 0)
        return testing::AssertionFailure() << "after " << got.size() << " bytes: curl: " << curl_.err();
    if (got != film_.bytes())
        return testing::AssertionFailure()
               << got.size() << " bytes of " << film_.bytes().size() << ", not all right";
    return testing::AssertionSuccess();
}

}  // namespace weir::e2e
