#include "engine/ipvs/agreement.h"

#include <spdlog/spdlog.h>

namespace weir::engine::ipvs {

Agreement::Agreement(Clock& clock, std::unique_ptr<Kernel> kernel, Record record)
    : clock_(clock), kernel_(std::move(kernel)), record_(std::move(record)) {
    auto loaded = record_.load();
    if (loaded)
        owned_ = std::move(*loaded);
    else
        spdlog::error("IPVS: what weir has made is not known: {}", loaded.error().message);
}

Status Agreement::read() {
    former_complaints_ = std::exchange(complaints_, {});
    auto contents = kernel_->read();
    if (!contents) {
        complain("reading", contents.error().message);
        read_at_.reset();
        return propagate(contents);
    }
    contents_ = std::move(*contents);
    read_at_ = clock_.now();
    ++readings_;
    return {};
}

void Agreement::read_if_older(Clock::Duration age) {
    if (read_at_ && clock_.now() - *read_at_ < age) return;
    if (auto contents = kernel_->read()) {
        contents_ = std::move(*contents);
        read_at_ = clock_.now();
        ++readings_;
    }
}

Status Agreement::reach(const Wanted& wanted, Occasion occasion) {
    const auto former = owned_;
    auto made = difference(wanted, contents_, owned_, drains_, clock_.now());
    // On record before it is there: what weir made and knows nothing of would be somebody else's for ever.
    if (auto kept = keep(with_added(without_missing(owned_, wanted, contents_), made.changes)); !kept)
        return kept;
    refusals_ = {};
    foreign_ = std::move(made.foreign);
    for (const auto& key : foreign_)
        complain(key.text(),
                 fmt::format("IPVS: {} is there, and weir did not make it; it stays as it is", key.text()));
    for (auto role : made.foreign_daemons)
        complain(text_of(StopDaemon{role}),
                 fmt::format("IPVS: a sync daemon ({}) that weir did not start runs with other settings; it "
                             "stays as it is",
                             role == Role::master ? "master" : "backup"));
    carry_out(made.changes, occasion, former);
    drains_ = std::move(made.drains);
    return {};
}

Status Agreement::keep(Owned owned) {
    if (owned == owned_) return {};
    auto saved = owned.empty() ? record_.remove() : record_.save(owned);
    if (!saved) return propagate(saved, "IPVS: nothing is changed, because it cannot be put on record");
    owned_ = std::move(owned);
    return {};
}

/// Where a service cannot be made, its destinations are not tried. What could not be made is not ours; but
/// what was ours before stays so: the kernel's list may have missed it.
void Agreement::carry_out(const std::vector<Change>& changes, Occasion occasion, const Owned& former) {
    auto owned = owned_;
    for (const auto& change : changes) {
        if (const auto* destination = std::get_if<AddDestination>(&change);
            destination && refusals_.services.contains(destination->key))
            continue;
        auto done = kernel_->make(change);
        if (done) {
            say(change, occasion);
            continue;
        }
        complain(text_of(change), done.error().message);
        refusals_.note(change, done.error().message);
        if (const auto* service = std::get_if<AddService>(&change);
            service && !former.services.contains(service->key))
            owned.services.erase(service->key);
        if (const auto* daemon = std::get_if<StartDaemon>(&change);
            daemon && !former.daemons.contains(daemon->role))
            owned.daemons.erase(daemon->role);
    }
    if (changes.empty()) return;
    read_at_.reset();
    if (auto kept = keep(std::move(owned)); !kept) spdlog::error("{}", kept.error().message);
}

/// What is made again without a new plan has been undone by somebody, if it is not the end of a drain or the
/// next try of what failed.
void Agreement::say(const Change& change, Occasion occasion) const {
    const auto text = text_of(change);
    if (occasion == Occasion::plan) return spdlog::debug("IPVS: weir {}", text);
    const auto* removed = std::get_if<RemoveDestination>(&change);
    if (removed && drains_.contains({removed->key, removed->at}))
        return spdlog::info("IPVS: weir {}: it has drained", text);
    if (former_complaints_.contains(text) || former_complaints_.contains("reading"))
        return spdlog::info("IPVS: weir {}: now it can", text);
    spdlog::warn("IPVS: somebody has changed what weir made; weir {}", text);
}

void Agreement::complain(const std::string& about, const std::string& why) {
    auto former = former_complaints_.find(about);
    if (former == former_complaints_.end() || former->second != why) spdlog::error("{}", why);
    complaints_[about] = why;
}

}  // namespace weir::engine::ipvs
