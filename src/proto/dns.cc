#include "proto/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <cctype>
#include <map>

namespace weir::proto {
namespace {

constexpr std::string_view kTypes[] = {"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"};
constexpr ns_type kTypeNumbers[] = {ns_t_a,   ns_t_aaaa, ns_t_cname, ns_t_mx, ns_t_ns,
                                    ns_t_ptr, ns_t_soa,  ns_t_srv,   ns_t_txt};
static_assert(std::size(kTypes) == std::size(kTypeNumbers));
constexpr std::string_view kRcodes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};

ns_type number_of(std::string_view type) {
    auto found = std::ranges::find(kTypes, type);
    return found == std::end(kTypes) ? ns_t_invalid : kTypeNumbers[found - std::begin(kTypes)];
}

std::string canonical(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);
    std::string out(name);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// The data of one record, read from its front.
class Data {
  public:
    Data(const ns_msg& message, const ns_rr& record)
        : message_(message), at_(ns_rr_rdata(record)), end_(at_ + ns_rr_rdlen(record)) {}

    std::optional<std::string> address(int family) {
        char text[INET6_ADDRSTRLEN];
        if (end_ - at_ != (family == AF_INET ? 4 : 16)) return std::nullopt;
        return inet_ntop(family, at_, text, sizeof text);
    }

    /// So many numbers of 16 bits, a space behind each.
    std::optional<std::string> numbers(long count) {
        if (end_ - at_ < 2 * count) return std::nullopt;
        std::string text;
        for (long i = 0; i < count; i++, at_ += 2) text += fmt::format("{} ", ns_get16(at_));
        return text;
    }

    std::optional<std::string> name() {
        char text[NS_MAXDNAME];
        int size = ns_name_uncompress(ns_msg_base(message_), ns_msg_end(message_), at_, text, sizeof text);
        if (size < 0 || size > end_ - at_) return std::nullopt;
        at_ += size;
        return canonical(text);
    }

    std::optional<std::string> strings() {
        std::string text;
        while (at_ < end_) {
            size_t size = *at_++;
            if (size > static_cast<size_t>(end_ - at_)) return std::nullopt;
            text.append(reinterpret_cast<const char*>(at_), size);
            at_ += size;
        }
        return text;
    }

    /// Of an SOA, how long what it does not have is not there.
    std::optional<uint32_t> minimum() {
        if (!name() || !name() || end_ - at_ != 20) return std::nullopt;
        return static_cast<uint32_t>(ns_get32(at_ + 16));
    }

  private:
    const ns_msg& message_;
    const uint8_t* at_;
    const uint8_t* end_;
};

std::optional<std::string> numbers_and_name(Data& data, int count) {
    auto numbers = data.numbers(count);
    auto name = numbers ? data.name() : std::nullopt;
    return name ? std::optional(*numbers + *name) : std::nullopt;
}

std::optional<std::string> text_of(Data data, ns_type type) {
    switch (type) {
        case ns_t_a:
            return data.address(AF_INET);
        case ns_t_aaaa:
            return data.address(AF_INET6);
        case ns_t_mx:
            return numbers_and_name(data, 1);
        case ns_t_srv:
            return numbers_and_name(data, 3);
        case ns_t_txt:
            return data.strings();
        default:
            return data.name();
    }
}

std::string rcode_of(const ns_msg& message) {
    auto code = static_cast<size_t>(ns_msg_getflag(message, ns_f_rcode));
    return code < std::size(kRcodes) ? std::string(kRcodes[code]) : fmt::format("RCODE{}", code);
}

/// A server that refuses may leave the question out; one that is there must be the one asked.
bool is_question(ns_msg& message, const DnsQuestion& question) {
    if (ns_msg_count(message, ns_s_qd) == 0) return ns_msg_getflag(message, ns_f_rcode) != ns_r_noerror;
    ns_rr asked{};
    return ns_msg_count(message, ns_s_qd) == 1 && ns_parserr(&message, ns_s_qd, 0, &asked) == 0 &&
           ns_rr_type(asked) == number_of(question.type) && ns_rr_class(asked) == ns_c_in &&
           canonical(ns_rr_name(asked)) == canonical(question.name);
}

void hold(DnsAnswer& answer, uint32_t ttl) {
    constexpr uint32_t kMost = INT32_MAX;  // what is above counts as 0 (RFC 2181, 8)
    if (ttl > kMost) ttl = 0;
    answer.ttl = std::min(answer.ttl.value_or(ttl), ttl);
}

Status read_records(ns_msg& message, const DnsQuestion& question, DnsAnswer& answer) {
    auto type = number_of(question.type);
    std::map<std::string, std::string> aliases;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        ns_rr record{};
        if (ns_parserr(&message, ns_s_an, i, &record) != 0) return fail("record {} is broken", i + 1);
        if (ns_rr_class(record) != ns_c_in) continue;
        bool is_alias = ns_rr_type(record) == ns_t_cname;
        if (ns_rr_type(record) != type && !is_alias) continue;
        auto text = text_of(Data(message, record), ns_rr_type(record));
        if (!text) return fail("record {} is broken", i + 1);
        hold(answer, ns_rr_ttl(record));
        if (is_alias) aliases.emplace(canonical(ns_rr_name(record)), *text);
        if (ns_rr_type(record) == type) answer.records.push_back(*std::move(text));
    }
    auto name = canonical(question.name);
    for (size_t steps = 0; steps < aliases.size() && aliases.contains(name); steps++)
        answer.alias = name = aliases.at(name);
    return {};
}

/// Of an answer without records, how long it holds and whether it is one (RFC 2308, 2).
Status read_absence(ns_msg& message, DnsAnswer& answer) {
    bool refers = false, has_authority = false;
    for (int i = 0; i < ns_msg_count(message, ns_s_ns); i++) {
        ns_rr record{};
        if (ns_parserr(&message, ns_s_ns, i, &record) != 0) return fail("authority {} is broken", i + 1);
        refers |= ns_rr_type(record) == ns_t_ns;
        if (ns_rr_type(record) != ns_t_soa) continue;
        auto minimum = Data(message, record).minimum();
        if (!minimum) return fail("authority {} is broken", i + 1);
        hold(answer, std::min<uint32_t>(*minimum, ns_rr_ttl(record)));
        has_authority = true;
    }
    bool knows = ns_msg_getflag(message, ns_f_aa) || ns_msg_getflag(message, ns_f_ra);
    bool leaves_open = answer.rcode == "NOERROR" && (refers || !answer.alias.empty());
    answer.final = knows && (has_authority || !leaves_open);
    return {};
}

}  // namespace

std::span<const std::string_view> dns_types() {
    return kTypes;
}

Result<std::vector<uint8_t>> write_dns_question(const DnsQuestion& question, uint16_t id) {
    struct __res_state state{};  // its servers and search list are not used: nothing is sent with it
    state.options = RES_INIT | RES_RECURSE;
    std::vector<uint8_t> message(NS_PACKETSZ);
    auto type = number_of(question.type);
    int size = question.name.empty() || type == ns_t_invalid
                   ? -1
                   : res_nmkquery(&state, ns_o_query, question.name.c_str(), ns_c_in, type, nullptr, 0,
                                  nullptr, message.data(), static_cast<int>(message.size()));
    if (size < 0) return fail("'{}' is not a name that DNS can be asked for", question.name);
    message.resize(static_cast<size_t>(size));
    message[0] = static_cast<uint8_t>(id >> 8);
    message[1] = static_cast<uint8_t>(id);
    return message;
}

Result<DnsAnswer> read_dns_answer(std::span<const uint8_t> bytes, const DnsQuestion& question, uint16_t id) {
    if (bytes.size() < NS_HFIXEDSZ || bytes.size() > NS_MAXMSG)
        return fail("{} bytes are not a DNS message", bytes.size());
    if (ns_get16(bytes.data()) != id) return fail("an answer with another id");
    constexpr uint8_t kIsAnswer = 0x80, kIsTruncated = 0x02;
    if (!(bytes[2] & kIsAnswer)) return fail("a question and not an answer");
    // The sections of a truncated message may be cut anywhere: they are not looked at.
    DnsAnswer answer{.rcode = "", .truncated = (bytes[2] & kIsTruncated) != 0, .records = {}};
    if (answer.truncated) return answer;
    ns_msg message{};
    if (ns_initparse(bytes.data(), static_cast<int>(bytes.size()), &message) != 0)
        return fail("not a DNS message");
    if (!is_question(message, question)) return fail("the answer to another question");
    answer.rcode = rcode_of(message);
    if (auto read = read_records(message, question, answer); !read) return propagate(read);
    answer.final = !answer.records.empty();
    if (answer.final) return answer;
    if (auto read = read_absence(message, answer); !read) return propagate(read);
    return answer;
}

}  // namespace weir::proto
