// The bodies of webhooks: weir's own object, and what Slack's incoming webhooks and Microsoft Teams'
// workflows take. Pure.
#pragma once

#include <string>

#include "alert/message.h"
#include "model/config.h"

namespace weir::alert {

/// JSON. Of one event its object as the API has it, else the `events`; around them who says it.
std::string body_of(const Message& message, const Sender& sender, model::WebhookFormat format);

}  // namespace weir::alert
