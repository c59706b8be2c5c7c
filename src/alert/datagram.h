// What takes each message as one datagram.
#pragma once

#include "alert/sink.h"
#include "model/config.h"

namespace weir::alert {

std::unique_ptr<Sink> syslog_sink(const model::Syslog& syslog, Sender sender,
                                  const std::string& local = "/dev/log");

/// Not libsystemd's sd_journal_sendv(): that waits while the journal is busy.
std::unique_ptr<Sink> journal_sink(Sender sender, const std::string& socket = "/run/systemd/journal/socket");

}  // namespace weir::alert
