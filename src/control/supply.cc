#include "control/supply.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace weir::control {
namespace {

constexpr Clock::Duration kShortestPause = std::chrono::milliseconds(100);  // for more changes to come
constexpr int kSaveShare = 20;       // of the time goes to saving, one part
constexpr size_t kMostRefused = 16;  // that are told one by one

const discovery::Kind* kind_of(std::span<const discovery::Kind> kinds, const model::SourceSpec& spec) {
    auto found = std::ranges::find_if(
        kinds, [&](const discovery::Kind& kind) { return kind.known.section->name == spec.kind; });
    return found == kinds.end() ? nullptr : &*found;
}

/// "2 came, 1 went".
std::string difference(const Feed::Members& before, const Feed::Members& after) {
    size_t came = 0, went = 0, changed = 0;
    for (const auto& [address, member] : after) {
        auto former = before.find(address);
        came += former == before.end();
        changed += former != before.end() && former->second != member;
    }
    for (const auto& [address, member] : before) went += !after.contains(address);
    return fmt::format("{} came, {} went, {} changed", came, went, changed);
}

}  // namespace

std::string_view to_text(SourceState state) {
    switch (state) {
        case SourceState::starting:
            return "starting";
        case SourceState::ok:
            return "ok";
        case SourceState::failing:
            return "failing";
    }
    return "?";
}

/// One source of one pool.
class Supply::Line final : public discovery::Listener {
  public:
    Line(Supply& supply, std::string pool, model::SourceSpec spec, const Taking& taking)
        : supply_(supply), spec_(std::move(spec)), feed_(taking) {
        row_.pool = std::move(pool);
        row_.kind = spec_.kind;
    }

    void start(const discovery::Kind& kind) {
        source_ = kind.make({supply_.executor_, supply_.clock_}, spec_, *this);
    }
    void recall(Feed::Members members, bool of_other) { feed_.recall(std::move(members), of_other); }
    void set(const Taking& taking) {
        follow([&] { return feed_.set(taking, supply_.clock_.now()); });
    }

    const model::SourceSpec& spec() const { return spec_; }
    Supplied supplied() const { return {spec_, feed_.members()}; }
    SourceRow row() const;

    void found(discovery::Set set) override;
    void failed(const Error& why) override;

  private:
    void follow(const std::function<bool()>& change);
    void tell(EventKind kind, const std::string& what) {
        supply_.options_.tell({kind, fmt::format("the {} source of pool {} {}", row_.kind, row_.pool, what)});
    }

    Supply& supply_;
    const model::SourceSpec spec_;
    Feed feed_;
    SourceRow row_;
    Clock::Alarm expiry_;
    std::unique_ptr<discovery::Source> source_;  // goes first
};

SourceRow Supply::Line::row() const {
    auto row = row_;
    row.members = feed_.members().size();
    row.held_back = feed_.held_back();
    row.duplicates = feed_.duplicates();
    row.damped = feed_.damped();
    return row;
}

/// Does what may change the members, and tells of it.
void Supply::Line::follow(const std::function<bool()>& change) {
    auto before = feed_.members();
    auto held_back = feed_.held_back();
    bool is_other = change();
    expiry_.reset();
    if (auto due = feed_.due())
        expiry_ = supply_.clock_.at(
            *due, [this] { follow([this] { return feed_.expire(supply_.clock_.now()); }); });
    if (!feed_.held_back().empty() && feed_.held_back() != held_back)
        tell(EventKind::source_held, "is not followed: " + feed_.held_back());
    if (!is_other) return;
    row_.changed_at = supply_.options_.wall_clock();
    tell(EventKind::source_changed,
         fmt::format("has {} backends: {}", feed_.members().size(), difference(before, feed_.members())));
    supply_.changed(*this);
}

void Supply::Line::found(discovery::Set set) {
    auto was = std::exchange(row_.state, SourceState::ok);
    row_.error.clear();
    row_.answered_at = supply_.options_.wall_clock();
    ++row_.sets_total;
    if (was == SourceState::failing) tell(EventKind::source_recovered, "answers again");
    auto count = set.refused.size();
    if (count > kMostRefused) {
        set.refused.resize(kMostRefused);
        set.refused.push_back(fmt::format("and {} more", count - kMostRefused));
    }
    if (set.refused != row_.refused && !set.refused.empty())
        spdlog::warn("pool {}: the {} source has what is no backend: {}", row_.pool, row_.kind,
                     set.refused.front());
    row_.refused = std::move(set.refused);
    follow([&] { return feed_.offer(set, supply_.clock_.now()); });
}

void Supply::Line::failed(const Error& why) {
    ++row_.failures_total;
    auto is_news = std::exchange(row_.error, why.message) != why.message;
    auto was = std::exchange(row_.state, SourceState::failing);
    if (was != SourceState::failing || is_news)
        tell(EventKind::source_failed, fmt::format("fails, and its {} backends stay as they are: {}",
                                                   feed_.members().size(), why.message));
}

Supply::Supply(boost::asio::any_io_executor executor, Clock& clock, Options options)
    : executor_(std::move(executor)), clock_(clock), options_(std::move(options)), file_(options_.file) {}

Supply::~Supply() = default;

std::unique_ptr<Supply::Line> Supply::open(const std::string& pool, const Supplied& begin,
                                           const Taking& taking, bool is_of_other) {
    auto line = std::make_unique<Line>(*this, pool, begin.by, taking);
    line->recall(begin.members, is_of_other);
    if (const auto* kind = kind_of(options_.kinds, begin.by)) line->start(*kind);
    return line;
}

void Supply::set(const model::Config& config) {
    const bool is_first = !std::exchange(has_begun_, true);
    auto former = is_first ? file_.load(config) : supplies();
    auto begin = carried_over(former, config);
    auto before = std::exchange(lines_, {});
    for (const auto& [name, supplied] : begin) {
        const auto& pool = config.pools.at(name);
        const Taking taking{pool.minimum, pool.damping};
        for (const auto& each : supplied) {
            auto& had = before[name];
            auto same =
                std::ranges::find_if(had, [&](const auto& line) { return line && line->spec() == each.by; });
            if (same == had.end()) {
                lines_[name].push_back(open(name, each, taking, !is_first));
                continue;
            }
            auto& kept = lines_[name].emplace_back(std::move(*same));
            kept->set(taking);
        }
    }
}

Supplies Supply::supplies() const {
    Supplies all;
    for (const auto& [pool, lines] : lines_)
        for (const auto& line : lines) all[pool].push_back(line->supplied());
    return all;
}

std::vector<SourceRow> Supply::rows() const {
    std::vector<SourceRow> rows;
    for (const auto& [pool, lines] : lines_)
        for (const auto& line : lines) rows.push_back(line->row());
    return rows;
}

void Supply::changed(const Line& line) {
    options_.on_change(line.row().pool);
    if (!next_save_) next_save_ = clock_.after(pause_, [this] { save(); });
}

void Supply::save() {
    if (!std::exchange(next_save_, nullptr)) return;
    auto began = clock_.now();
    if (auto saved = file_.save(supplies()); !saved)
        spdlog::warn("what sources have found is not kept for the next daemon: {}", saved.error().message);
    pause_ = std::max(kShortestPause, kSaveShare * (clock_.now() - began));
}

}  // namespace weir::control
