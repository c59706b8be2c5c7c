// The sink that posts messages to an HTTP server: a connection and a request (HTTP/1.1, RFC 9112) a message.
#pragma once

#include "alert/sink.h"
#include "model/config.h"

namespace weir::alert {

/// Ten seconds for a message, from the name's lookup to the end of the answer.
std::unique_ptr<Sink> webhook_sink(const model::Webhook& webhook, Sender sender, Clock& clock);

}  // namespace weir::alert
