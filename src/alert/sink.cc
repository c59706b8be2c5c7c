#include "alert/sink.h"

#include "alert/datagram.h"
#include "alert/webhook.h"

namespace weir::alert {
namespace {

std::unique_ptr<Sink> make(const model::Webhook& webhook, Sender sender, Clock& clock) {
    return webhook_sink(webhook, std::move(sender), clock);
}
std::unique_ptr<Sink> make(const model::Syslog& syslog, Sender sender, Clock&) {
    return syslog_sink(syslog, std::move(sender));
}
std::unique_ptr<Sink> make(const model::Journal&, Sender sender, Clock&) {
    return journal_sink(std::move(sender));
}

}  // namespace

std::unique_ptr<Sink> make_sink(const model::Alert& alert, Sender sender, Clock& clock) {
    return std::visit([&](const auto& to) { return make(to, std::move(sender), clock); }, alert.to);
}

}  // namespace weir::alert
