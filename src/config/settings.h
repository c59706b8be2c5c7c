// Every setting of the file, declared once: the reader takes limits and names from here, and a test holds
// weir.yaml(5) against it. A new setting is one row here, one line in its section's source, one item in the
// manual page.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::model {
enum class EngineKind : uint8_t;
}

namespace weir::config {

enum class Takes : uint8_t { mapping, list, text, number, milliseconds, seconds, choice };

/// A word that a setting takes. One with `instead` belongs to the format but not to this version.
struct Choice {
    std::string_view word;
    int value = 0;  // of the model's enumeration
    std::string_view instead{};
};

struct Setting {
    std::string_view name;
    Takes takes = Takes::text;
    std::string_view what{};  // of text, lists and mappings: what they hold
    int64_t least = 0;        // of numbers; of durations in milliseconds
    int64_t most = 0;
    std::span<const Choice> choices = {};
    std::string_view fallback{};  // in words; "" where there is none
    bool required = false;
};

/// A setting of the format that this version does not have, and what it has.
struct Unavailable {
    std::string_view name;
    std::string_view instead;
};

/// The settings of one kind of mapping.
struct Section {
    std::string_view name;  // "service", "pool", …; "" of the file as a whole
    std::span<const Setting> settings;
    std::span<const Unavailable> unavailable = {};
    const Section* around = nullptr;  // where a setting may have been meant to stand

    const Setting* find(std::string_view setting) const;
};

extern const Section kFile, kNode, kInterface, kAdmin, kAdminTls, kAdminToken, kFlows, kTimeouts, kIcmp,
    kAnnouncing, kBgp, kBgpPeer, kBfd, kSync, kIpvs, kIpvsSync, kIpvsTimeouts, kPool, kBackend, kService,
    kServiceIpvs, kNetmask, kDsr, kIpip, kGre, kFou, kGue, kDscp, kNat, kTable, kSticky, kQuic, kQuicConfig,
    kAnnounce, kAnnounceBgp, kCheck, kTcpCheck, kSynCheck, kHttpCheck, kHttpsCheck, kDnsCheck, kExecCheck,
    kUdpCheck, kIcmpCheck, kAlert, kWebhook, kWebhookTls, kSyslog, kJournal;

/// All of them, in the manual page's order.
std::span<const Section* const> all_sections();

/// The settings `forward` and `scheduler` of a service with the words that its engine knows.
const Setting& forward_of(model::EngineKind engine);
const Setting& scheduler_of(model::EngineKind engine);

/// "a number from 1 to 64", "30s to 1h", "drop or pass", … as the manual page and the messages say it.
std::string describe(const Setting& setting);

/// "drop or pass": what is available.
std::string list_words(std::span<const Choice> choices);

/// 90000 ms as "90s"; the largest unit that leaves no rest.
std::string duration_text(int64_t milliseconds);

}  // namespace weir::config
