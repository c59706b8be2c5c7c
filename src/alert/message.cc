#include "alert/message.h"

#include <algorithm>

namespace weir::alert {

const control::Event& Message::worst() const {
    return *std::ranges::max_element(
        events, {}, [](const control::Event& event) { return model::severity_of(event.kind); });
}

Message message_of(std::vector<control::Event> events) {
    Message message{{}, std::move(events)};
    message.text = message.is_gathered() ? fmt::format("{} events, the worst: {}", message.events.size(),
                                                       message.worst().message)
                                         : message.events.front().message;
    return message;
}

}  // namespace weir::alert
