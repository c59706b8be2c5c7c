#include "alert/sink.h"

#include "alert/datagram.h"
#include "alert/webhook.h"

namespace weir::alert {
namespace {

std::unique_ptr<Sink> make(const model::Webhook& webhook, Sender sender) {
    return webhook_sink(webhook, std::move(sender));
}
std::unique_ptr<Sink> make(const model::Syslog& syslog, Sender sender) {
    return syslog_sink(syslog, std::move(sender));
}
std::unique_ptr<Sink> make(const model::Journal&, Sender sender) {
    return journal_sink(std::move(sender));
}

}  // namespace

std::unique_ptr<Sink> make_sink(const model::Alert& alert, Sender sender) {
    return std::visit([&](const auto& to) { return make(to, std::move(sender)); }, alert.to);
}

}  // namespace weir::alert
