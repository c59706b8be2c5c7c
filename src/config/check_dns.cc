// The settings of the check that asks a name server.
#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>

#include "config/check_kinds.h"

namespace weir::config {
namespace {

bool is_label(std::string_view label) {
    auto allowed = [](char c) { return c > ' ' && c < 0x7f && c != '\\'; };
    return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, allowed);
}

Result<std::string> read_name(std::string_view text) {
    std::string_view rest = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
    bool good = text == "." || (!rest.empty() && rest.size() <= 253);
    while (good && !rest.empty()) {
        auto label = rest.substr(0, rest.find('.'));
        rest.remove_prefix(std::min(label.size() + 1, rest.size()));
        good = is_label(label);
    }
    if (!good) return fail("'{}' is not a name to ask for; write one such as www.example.com", text);
    return std::string(text);
}

/// As the answer's records are read: addresses in their usual form, names in lower case without the last dot.
Result<std::string> read_record(const std::string& type, std::string_view text) {
    if (type == "A" || type == "AAAA") {
        auto address = net::Ip::parse(text);
        if (!address || address->is_v4() != (type == "A"))
            return fail("'{}' is not what {} records hold; write an {} address", text, type,
                        type == "A" ? "IPv4" : "IPv6");
        return address->text();
    }
    if (text.empty()) return fail("the text is empty; leave the setting out or write a record's text");
    if (type == "TXT") return std::string(text);
    if (text.ends_with('.')) text.remove_suffix(1);
    return boost::algorithm::to_lower_copy(std::string(text));
}

/// One of the setting's words, as it is.
void read_word(const Fields& fields, std::string_view name, std::string& out) {
    int which = 0;
    if (fields.choice(name, which)) out = fields.find(name)->text;
}

}  // namespace

model::Check::Kind read_dns_check(const Fields& fields, Mistakes& mistakes) {
    model::DnsCheck dns;
    fields.parsed("name", read_name, dns.name);
    read_word(fields, "type", dns.type);
    read_word(fields, "rcode", dns.rcode);
    fields.choice("carrier", dns.over_tcp);
    auto read = [&dns](std::string_view text) { return read_record(dns.type, text); };
    if (fields.parsed("expect", read, dns.expect) && dns.rcode != "NOERROR")
        mistakes.add(fields.place_of("expect"), "there are no records with {}; leave one of the two out",
                     dns.rcode);
    return dns;
}

}  // namespace weir::config
