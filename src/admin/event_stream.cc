#include "admin/event_stream.h"

#include <boost/json.hpp>

#include "admin/query.h"
#include "control/json.h"

namespace weir::admin {
namespace {

namespace json = boost::json;
using control::Event;

constexpr auto kQuiet = std::chrono::seconds(15);  // then a comment
constexpr size_t kAtOnce = 100;

std::string sse(const Event& event) {
    return fmt::format("id: {}\ndata: {}\n\n", event.id, json::serialize(control::event_json(event)));
}

}  // namespace

EventStream::EventStream(std::weak_ptr<control::Events> events, std::shared_ptr<void> seat, uint64_t after,
                         Clock now)
    : events_(std::move(events)), seat_(std::move(seat)), last_(after), now_(std::move(now)), said_(now_()) {}

std::optional<std::string> EventStream::take() {
    auto events = events_.lock();
    if (!events || ended_) return std::nullopt;
    bool gap = events->has_gap_after(last_);
    if (gap && begun_) {
        cut_off();
        return std::nullopt;
    }
    std::string text;
    if (!begun_) text = gap ? ": earlier events are forgotten\n\n" : ": what happens from here on\n\n";
    begun_ = true;
    for (const auto& event : events->after(last_, kAtOnce)) {
        text += sse(event);
        last_ = event.id;
        ++sent_;
    }
    if (text.empty() && now_() - said_ >= kQuiet) text = ": still here\n\n";
    if (!text.empty()) said_ = now_();
    return text;
}

void EventStream::cut_off() {
    ended_ = true;
    if (auto events = events_.lock()) events->count_dropped_reader();
}

std::string EventStream::summary() const {
    return fmt::format("{} events", sent_);
}

Response list_events(const control::Events& events, const Request& request) {
    auto after = number_parameter(request, "after", 0, kLastId, 0);
    auto limit = number_parameter(request, "limit", 1, kMostListed, kMostListed);
    for (const auto& read : {after, limit})
        if (!read) return error(400, read.error().message);
    json::array list;
    for (const auto& event : events.after(*after, *limit)) list.push_back(control::event_json(event));
    return {200, json::serialize(list) + "\n"};
}

Response stream_events(const std::shared_ptr<control::Events>& events, const Request& request) {
    auto after = request.last_event_id.empty()
                     ? number_parameter(request, "after", 0, kLastId, events->last_id())
                     : read_number("Last-Event-ID", request.last_event_id, 0, kLastId);
    if (!after) return error(400, after.error().message);
    auto seat = events->seat();
    if (!seat)
        return error(503, fmt::format("{} clients follow the events already", control::Events::kSeats));
    Response response{200, "", "text/event-stream"};
    response.source = std::make_shared<EventStream>(events, std::move(seat), *after);
    return response;
}

}  // namespace weir::admin
