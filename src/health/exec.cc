// The exec check: a program of the operator's says whether the backend is well, by its exit code.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <boost/asio/this_coro.hpp>

#include "base/child.h"
#include "base/unique_fd.h"
#include "health/excerpt.h"
#include "health/kinds.h"
#include "health/place.h"

namespace weir::health {

namespace asio = boost::asio;

namespace {

Child::Order order_of(const model::ExecCheck& check, const Errand& errand) {
    auto left = std::chrono::ceil<std::chrono::seconds>(errand.deadline - errand.clock.now());
    return {.command = check.command,
            .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
                            fmt::format("WEIR_VIP={}", errand.vip.address.text()),
                            fmt::format("WEIR_PORT={}", errand.vip.port.value()),
                            fmt::format("WEIR_PROTOCOL={}", model::to_text(errand.target.frontend.protocol)),
                            fmt::format("WEIR_BACKEND={}", errand.target.backend.text()),
                            fmt::format("WEIR_BACKEND_PORT={}", check.backend_port.value())},
            .user = check.user,
            .group = check.group,
            .processor_time = left + std::chrono::seconds(1)};
}

/// Of what the program wrote to its output and its errors; of a long line the beginning.
std::string first_line(const UniqueFd& file) {
    std::array<char, 256> bytes{};
    auto count = ::pread(file.get(), bytes.data(), bytes.size(), 0);
    std::string text(bytes.data(), count > 0 ? static_cast<size_t>(count) : 0);
    return text.substr(0, text.find('\n'));
}

Verdict judge(const Child::End& end, const std::string& said) {
    auto [exited, code] = end;
    auto details = said.empty() ? "" : ": " + excerpt(said);
    if (!exited) return {false, fmt::format("EXSIG/{}{}", code, details)};
    if (code != 0) return {false, fmt::format("EXERR/{}{}", code, details)};
    return {true, "EXOK" + details};
}

}  // namespace

asio::awaitable<Verdict> run(const model::ExecCheck& check, const Errand& errand) {
    auto place = co_await Place::take(errand.clock, errand.deadline);
    if (!place) co_return not_probed(fmt::format("{} programs run already", Place::kPlaces));
    UniqueFd output(::memfd_create("weir-check", MFD_CLOEXEC));
    if (!output) co_return not_probed("cannot make room for its output");
    auto executor = co_await asio::this_coro::executor;
    auto child = Child::start(order_of(check, errand), {output.get(), output.get()},
                              std::make_shared<Place>(std::move(place)), executor);
    if (!child) co_return not_probed(child.error().message);
    bool ended = co_await child->wait(errand.clock, errand.deadline);
    if (!ended) co_return Verdict{false, "EXTOUT"};
    co_return judge(child->end(), first_line(output));
}

}  // namespace weir::health
