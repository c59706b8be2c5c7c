// Every setting of the file, declared once: the reader takes limits and names from here, and a test holds
// weir.yaml(5) against it. A new setting is one row here, one line in its section's source, one item in the
// manual page.
#pragma once

#include <span>

#include "base/setting.h"

namespace weir::model {
enum class EngineKind : uint8_t;
}

namespace weir::config {

extern const Section kFile, kNode, kInterface, kAdmin, kAdminTls, kAdminToken, kFlows, kTimeouts, kIcmp,
    kAnnouncing, kBgp, kBgpPeer, kBfd, kSync, kIpvs, kIpvsSync, kIpvsTimeouts, kProxy, kPool, kSourceTls,
    kBackend, kService, kServiceIpvs, kNetmask, kServiceProxy, kDsr, kIpip, kGre, kFou, kGue, kDscp, kNat,
    kTable, kSticky, kQuic, kQuicConfig, kAnnounce, kAnnounceBgp, kCheck, kTcpCheck, kSynCheck, kHttpCheck,
    kHttpsCheck, kDnsCheck, kExecCheck, kUdpCheck, kIcmpCheck, kAlert, kWebhook, kWebhookTls, kSyslog,
    kJournal;

/// All of them, in the manual page's order.
std::span<const Section* const> all_sections();

/// The settings `forward` and `scheduler` of a service with the words that its engine knows.
const Setting& forward_of(model::EngineKind engine);
const Setting& scheduler_of(model::EngineKind engine);

}  // namespace weir::config
