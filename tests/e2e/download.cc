#include "tests/e2e/download.h"

#include <csignal>
#include <cstring>
#include <filesystem>
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
    // No two pieces are alike, so none can be missing, doubled or in another's place.
    std::mt19937_64 noise(1);
    for (size_t at = 0; at < bytes_.size(); at += sizeof(uint64_t)) {
        const uint64_t piece = noise();
        std::memcpy(&bytes_[at], &piece, sizeof piece);
    }
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

testing::AssertionResult Download::intact() {
    constexpr size_t kMore = 1 << 20;  // nothing like this waits in a socket, where each second brings half
    const auto size = [&] { return std::filesystem::file_size(dir_ / "film"); };
    const size_t before = size();
    const bool in_time = lab::wait_until([&] { return size() >= before + kMore || !curl_.alive(); }, 60s);
    const bool alive = curl_.alive();
    curl_.kill(SIGTERM);
    curl_.wait(10s);
    const std::string got = lab::read_file(dir_ / "film");
    if (!in_time || !alive || got.size() < before + kMore)
        return testing::AssertionFailure() << "it " << (alive ? "stands still" : "ended") << " after "
                                           << got.size() << " bytes: curl: " << curl_.err();
    if (!film_.bytes().starts_with(got))
        return testing::AssertionFailure() << "of " << got.size() << " bytes not all are right";
    return testing::AssertionSuccess();
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
