// The datagrams of syslog and of the journal. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "alert/message.h"

namespace weir::alert {

/// RFC 5424, with what the event is about as structured data; at most 2,048 bytes, which every receiver
/// should take (RFC 5426, 3.2).
std::string syslog_record(const Message& message, const Sender& sender, uint8_t facility);

/// As the C library's syslog() writes it to /dev/log: the time is local.
std::string local_syslog_record(const Message& message, const Sender& sender, uint8_t facility);

/// systemd's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL).
std::string journal_record(const Message& message, const Sender& sender);

}  // namespace weir::alert
