#include "announce/bgp/received.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "net/reader.h"

namespace weir::announce::bgp {
namespace {

struct Attribute {
    uint8_t flags = 0;
    AttributeType type = AttributeType::origin;
    std::span<const uint8_t> value;
    std::span<const uint8_t> whole;  // with its header: what a NOTIFICATION shows
};

Bytes copy(std::span<const uint8_t> bytes) {
    return {bytes.begin(), bytes.end()};
}

/// How many prefixes these are; nothing where they are none.
std::optional<size_t> count_prefixes(std::span<const uint8_t> bytes, net::Family family) {
    net::Reader cursor(bytes);
    size_t count = 0;
    for (; cursor.left() > 0; ++count) {
        auto length = cursor.u8();
        if (length > net::bits(family)) return std::nullopt;
        cursor.take((length + 7u) / 8);
        if (cursor.failed()) return std::nullopt;
    }
    return count;
}

using Value = std::span<const uint8_t>;

constexpr uint8_t kSet = 1, kSequence = 2, kLastOfConfederations = 4;  // types of a path's segments

uint32_t read_asn(net::Reader& cursor, bool wide) {
    return wide ? cursor.u32() : cursor.u16();
}

/// No segment is empty, and nobody is AS 0 (RFC 7607).
bool is_as_path(Value value, bool wide, uint8_t last_type) {
    net::Reader cursor(value);
    while (cursor.left() > 0) {
        auto type = cursor.u8();
        auto count = cursor.u8();
        if (count == 0 || type < kSet || type > last_type) return false;
        for (; count > 0; --count)
            if (read_asn(cursor, wide) == 0) return false;
    }
    return !cursor.failed();
}

bool is_origin(Value value, const Dialect&) {
    return value.size() == 1 && value[0] <= 2;
}
/// The segments of a confederation never leave it, and weir is in none (RFC 5065 section 5.3).
bool is_path(Value value, const Dialect& dialect) {
    return is_as_path(value, dialect.four_byte_asn, dialect.external ? kSequence : kLastOfConfederations);
}
/// Those of a confederation would only be left out of it (RFC 6793 section 6).
bool is_wide_path(Value value, const Dialect&) {
    return !value.empty() && is_as_path(value, true, kLastOfConfederations);
}
bool is_aggregator(Value value, const Dialect& dialect) {
    net::Reader cursor(value);
    return value.size() == (dialect.four_byte_asn ? 8 : 6) && read_asn(cursor, dialect.four_byte_asn) != 0;
}
bool is_wide_aggregator(Value value, const Dialect&) {
    net::Reader cursor(value);
    return value.size() == 8 && cursor.u32() != 0;
}
template <size_t Size>
bool is_of(Value value, const Dialect&) {
    return value.size() == Size;
}
template <size_t Size>
bool is_list_of(Value value, const Dialect&) {
    return !value.empty() && value.size() % Size == 0;
}

enum class From : uint8_t { anybody, own_as, two_byte_speaker };

/// RFC 7606 section 7.
struct Rule {
    AttributeType type;
    std::string_view name;
    uint8_t flags;        // of kOptional and kTransitive
    Treatment otherwise;  // where the value is wrong
    bool (*is_right)(Value, const Dialect&);
    From from = From::anybody;  // whoever else sends it, it is to be passed over
};

constexpr Rule kRules[] = {
    {AttributeType::origin, "ORIGIN", kTransitive, Treatment::treat_as_withdraw, is_origin},
    {AttributeType::as_path, "AS_PATH", kTransitive, Treatment::treat_as_withdraw, is_path},
    {AttributeType::next_hop, "NEXT_HOP", kTransitive, Treatment::treat_as_withdraw, is_of<4>},
    {AttributeType::med, "MULTI_EXIT_DISC", kOptional, Treatment::treat_as_withdraw, is_of<4>},
    {AttributeType::local_pref, "LOCAL_PREF", kTransitive, Treatment::treat_as_withdraw, is_of<4>,
     From::own_as},
    {AttributeType::atomic_aggregate, "ATOMIC_AGGREGATE", kTransitive, Treatment::discard_attribute,
     is_of<0>},
    {AttributeType::aggregator, "AGGREGATOR", kOptional | kTransitive, Treatment::discard_attribute,
     is_aggregator},
    {AttributeType::communities, "COMMUNITIES", kOptional | kTransitive, Treatment::treat_as_withdraw,
     is_list_of<4>},
    {AttributeType::originator_id, "ORIGINATOR_ID", kOptional, Treatment::treat_as_withdraw, is_of<4>,
     From::own_as},
    {AttributeType::cluster_list, "CLUSTER_LIST", kOptional, Treatment::treat_as_withdraw, is_list_of<4>,
     From::own_as},
    {AttributeType::extended_communities, "EXTENDED_COMMUNITIES", kOptional | kTransitive,
     Treatment::treat_as_withdraw, is_list_of<8>},
    {AttributeType::as4_path, "AS4_PATH", kOptional | kTransitive, Treatment::discard_attribute, is_wide_path,
     From::two_byte_speaker},
    {AttributeType::as4_aggregator, "AS4_AGGREGATOR", kOptional | kTransitive, Treatment::discard_attribute,
     is_wide_aggregator, From::two_byte_speaker},
    {AttributeType::large_communities, "LARGE_COMMUNITIES", kOptional | kTransitive,
     Treatment::treat_as_withdraw, is_list_of<12>},
};

bool is_mp(AttributeType type) {
    return type == AttributeType::mp_reach || type == AttributeType::mp_unreach;
}

/// Reads one UPDATE. What ends the session is in refusal_.
class Reading {
  public:
    explicit Reading(const Dialect& dialect) : dialect_(dialect) {}

    Decoded<Received> read(std::span<const uint8_t> body);

  private:
    bool read_attributes(std::span<const uint8_t> bytes);
    bool read_attribute(const Attribute& attribute);
    bool cut_off(const Attribute& attribute);
    bool read_reach(const Attribute& attribute);
    bool read_unreach(const Attribute& attribute);
    bool is_next_hop(net::Family family, size_t length) const;
    bool may_have(const Rule& rule) const;
    void check_mandatory();
    /// Whether the routes that a fault is about have surely been found.
    bool knows_routes() const;
    void fault(Treatment treatment, std::string text);
    /// Ends the session; false.
    bool end(uint8_t subcode, std::string why, Bytes data = {});
    bool has(AttributeType type) const { return seen_.contains(type); }

    const Dialect& dialect_;
    Received received_;
    size_t plain_ = 0;      // prefixes that are announced outside of attributes
    bool foreign_ = false;  // routes of a family that weir does not have are announced as well
    std::set<AttributeType> seen_;
    std::optional<net::Family> unreach_;
    Refusal refusal_;
};

Decoded<Received> Reading::read(std::span<const uint8_t> body) {
    net::Reader cursor(body);
    auto withdrawn = cursor.take(cursor.u16());
    auto attributes = cursor.take(cursor.u16());
    if (cursor.failed())
        return refuse(ErrorCode::update, update_error::kMalformedList,
                      "the lengths within its UPDATE exceed the message");
    auto routes = cursor.rest();
    auto gone = count_prefixes(withdrawn, net::Family::v4), come = count_prefixes(routes, net::Family::v4);
    if (!gone || !come)
        return refuse(ErrorCode::update, update_error::kNetwork,
                      "its UPDATE has something in place of an IPv4 prefix that is none");
    received_.withdrawn = *gone;
    received_.announced = plain_ = *come;
    if (!read_attributes(attributes)) return std::unexpected(refusal_);
    if (received_.announced > 0) check_mandatory();
    if (received_.treatment == Treatment::treat_as_withdraw && !knows_routes())
        return refuse(ErrorCode::update, update_error::kMalformedList,
                      fmt::format("its UPDATE announces nothing, and {}", received_.fault));
    if (received_.treatment == Treatment::treat_as_withdraw)
        received_.withdrawn += std::exchange(received_.announced, 0);
    if (body.size() == 4)
        received_.end_of_rib = net::Family::v4;
    else if (unreach_ && seen_.size() == 1 && received_.announced + received_.withdrawn == 0)
        received_.end_of_rib = unreach_;
    return received_;
}

bool Reading::read_attributes(std::span<const uint8_t> bytes) {
    net::Reader cursor(bytes);
    while (cursor.left() > 0) {
        auto from = bytes.size() - cursor.left();
        Attribute attribute;
        attribute.flags = cursor.u8();
        attribute.type = static_cast<AttributeType>(cursor.u8());
        attribute.value = cursor.take(attribute.flags & kExtendedLength ? cursor.u16() : cursor.u8());
        if (cursor.failed()) return cut_off(attribute);
        attribute.whole = bytes.subspan(from, bytes.size() - cursor.left() - from);
        if (!read_attribute(attribute)) return false;
    }
    return true;
}

/// Where routes end is known all the same, but those in the attribute itself are lost.
bool Reading::cut_off(const Attribute& attribute) {
    if (is_mp(attribute.type))
        return end(update_error::kOptionalAttribute, "its UPDATE has a truncated attribute with routes");
    seen_.insert(attribute.type);
    fault(Treatment::treat_as_withdraw, "an attribute is longer than all of them together");
    return true;
}

bool Reading::read_attribute(const Attribute& attribute) {
    bool again = !seen_.insert(attribute.type).second;
    bool has_routes = is_mp(attribute.type);
    if (again && has_routes)
        return end(update_error::kMalformedList, "its UPDATE has MP_REACH_NLRI or MP_UNREACH_NLRI twice");
    if (again) {
        fault(Treatment::discard_attribute,
              fmt::format("attribute {} is there twice", static_cast<int>(attribute.type)));
        return true;
    }
    if (has_routes) {
        bool reach = attribute.type == AttributeType::mp_reach;
        if ((attribute.flags & (kOptional | kTransitive)) != kOptional)
            fault(Treatment::treat_as_withdraw,
                  fmt::format("{} has the flags {:#04x}", reach ? "MP_REACH_NLRI" : "MP_UNREACH_NLRI",
                              attribute.flags));
        return reach ? read_reach(attribute) : read_unreach(attribute);
    }
    auto rule = std::ranges::find(kRules, attribute.type, &Rule::type);
    if (rule == std::end(kRules)) {
        if (attribute.flags & kOptional) return true;
        return end(update_error::kUnknownWellKnown,
                   fmt::format("its UPDATE has the unknown attribute {}, which it calls well-known",
                               static_cast<int>(attribute.type)),
                   copy(attribute.whole));
    }
    if (!may_have(*rule)) {
        fault(Treatment::discard_attribute,
              fmt::format("{} comes from {}", rule->name,
                          rule->from == From::own_as ? "another AS" : "a peer that has ASNs of four bytes"));
        return true;
    }
    // RFC 4760 section 3: beside MP_REACH_NLRI alone it says nothing.
    if (rule->type == AttributeType::next_hop && plain_ == 0) return true;
    if ((attribute.flags & (kOptional | kTransitive)) != rule->flags)
        fault(Treatment::treat_as_withdraw,
              fmt::format("{} has the flags {:#04x}", rule->name, attribute.flags));
    else if (!rule->is_right(attribute.value, dialect_))
        fault(rule->otherwise, fmt::format("{} is malformed", rule->name));
    return true;
}

bool Reading::may_have(const Rule& rule) const {
    return !(rule.from == From::own_as && dialect_.external) &&
           !(rule.from == From::two_byte_speaker && dialect_.four_byte_asn);
}

/// RFC 7606 section 5.2.
bool Reading::knows_routes() const {
    auto is_unreach = [](AttributeType type) { return type == AttributeType::mp_unreach; };
    return received_.announced > 0 || foreign_ || std::ranges::all_of(seen_, is_unreach);
}

bool Reading::is_next_hop(net::Family family, size_t length) const {
    if (family == net::Family::v4 && length == 4) return true;
    return (family == net::Family::v6 || dialect_.v4_over_v6) && (length == 16 || length == 32);
}

bool Reading::read_reach(const Attribute& attribute) {
    net::Reader cursor(attribute.value);
    auto number = cursor.u16();
    auto family = family_of(number, cursor.u8());
    auto next_hop = cursor.take(cursor.u8());
    cursor.u8();  // reserved
    if (cursor.failed())
        return end(update_error::kOptionalAttribute, "its UPDATE has a truncated MP_REACH_NLRI",
                   copy(attribute.whole));
    if (!family) {  // has not been agreed on: it is to be passed over
        foreign_ = true;
        return true;
    }
    auto count = count_prefixes(cursor.rest(), *family);
    if (!count || !is_next_hop(*family, next_hop.size()))
        return end(update_error::kOptionalAttribute,
                   fmt::format("its UPDATE has an MP_REACH_NLRI with {}",
                               count ? fmt::format("a next hop of {} bytes", next_hop.size())
                                     : "something in place of a prefix that is none"),
                   copy(attribute.whole));
    received_.announced += *count;
    return true;
}

bool Reading::read_unreach(const Attribute& attribute) {
    net::Reader cursor(attribute.value);
    auto number = cursor.u16();
    auto family = family_of(number, cursor.u8());
    auto count = family ? count_prefixes(cursor.rest(), *family) : 0;
    if (cursor.failed() || !count)
        return end(update_error::kOptionalAttribute, "its UPDATE has a malformed MP_UNREACH_NLRI",
                   copy(attribute.whole));
    unreach_ = family;
    received_.withdrawn += *count;
    return true;
}

void Reading::check_mandatory() {
    std::pair<AttributeType, bool> wanted[] = {{AttributeType::origin, true},
                                               {AttributeType::as_path, true},
                                               {AttributeType::next_hop, plain_ > 0},
                                               {AttributeType::local_pref, !dialect_.external}};
    for (auto [type, is_mandatory] : wanted)
        if (is_mandatory && !has(type))
            fault(Treatment::treat_as_withdraw,
                  fmt::format("{} is missing", std::ranges::find(kRules, type, &Rule::type)->name));
}

void Reading::fault(Treatment treatment, std::string text) {
    if (treatment <= received_.treatment) return;
    received_.treatment = treatment;
    received_.fault = std::move(text);
}

bool Reading::end(uint8_t subcode, std::string why, Bytes data) {
    refusal_ = {{ErrorCode::update, subcode, std::move(data)}, std::move(why)};
    return false;
}

}  // namespace

Decoded<Received> read_update(std::span<const uint8_t> body, const Dialect& dialect) {
    return Reading(dialect).read(body);
}

}  // namespace weir::announce::bgp
