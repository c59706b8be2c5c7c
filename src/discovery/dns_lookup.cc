#include "discovery/dns_lookup.h"

#include <algorithm>

#include "discovery/srv.h"
#include "discovery/value.h"

namespace weir::discovery {

namespace asio = boost::asio;

namespace {

using proto::DnsAnswer;
using proto::DnsQuestion;
using Answers = Result<std::vector<DnsAnswer>>;

constexpr int kLongestChain = 8;  // of aliases that the server leaves to us

void lower(std::optional<uint32_t>& ttl, const std::optional<uint32_t>& other) {
    if (other) ttl = std::min(ttl.value_or(*other), *other);
}

/// One round: where a name is another's alias, of which the server has not said more, its question becomes
/// one for that name. `open` has the places that are asked for, and then those that are to be asked again.
asio::awaitable<Status> ask_once(DnsChannel& channel, std::vector<DnsQuestion>& questions,
                                 std::vector<DnsAnswer>& answers, std::vector<size_t>& open) {
    std::vector<DnsQuestion> now;
    now.reserve(open.size());
    for (auto place : open) now.push_back(questions[place]);
    auto got = co_await channel.ask(now);
    if (!got) co_return propagate(got);
    std::vector<size_t> again;
    for (size_t i = 0; i < open.size(); i++) {
        auto place = open[i];
        auto ttl = answers[place].ttl;
        answers[place] = std::move((*got)[i]);
        auto& answer = answers[place];
        lower(answer.ttl, ttl);
        if (answer.final) continue;
        if (answer.alias.empty())
            co_return fail(
                "{} {} from {}: it does not answer for this name itself, nor asks others; name a server that "
                "does",
                now[i].type, excerpt(now[i].name), channel.server().text());
        questions[place].name = answer.alias;
        again.push_back(place);
    }
    open = std::move(again);
    co_return Status();
}

/// Final answers to all of them.
asio::awaitable<Answers> ask(DnsChannel& channel, std::vector<DnsQuestion> questions) {
    std::vector<DnsAnswer> answers(questions.size());
    std::vector<size_t> open(questions.size());
    for (size_t i = 0; i < open.size(); i++) open[i] = i;
    for (int i = 0; i <= kLongestChain && !open.empty(); i++)
        if (auto asked = co_await ask_once(channel, questions, answers, open); !asked)
            co_return propagate(asked);
    if (!open.empty())
        co_return fail("{} {} from {}: more than {} aliases, one behind the other", questions[open[0]].type,
                       excerpt(questions[open[0]].name), channel.server().text(), kLongestChain);
    co_return answers;
}

std::vector<DnsQuestion> questions_for(const std::string& name, DnsType type) {
    switch (type) {
        case DnsType::a:
            return {{name, "A"}};
        case DnsType::aaaa:
            return {{name, "AAAA"}};
        case DnsType::srv:
            return {{name, "SRV"}};
        case DnsType::any:
            break;
    }
    return {{name, "A"}, {name, "AAAA"}};
}

/// Those of a target are asked for once, however many records name it.
asio::awaitable<Result<DnsFound>> follow(DnsChannel& channel, const DnsAnswer& answer) {
    DnsFound found{.set = {}, .ttl = answer.ttl};
    std::vector<Srv> records;
    std::map<std::string, std::vector<net::Ip>> addresses;
    for (const auto& text : answer.records) {
        auto record = read_srv(text);
        if (!record) co_return propagate(record);
        if (!record->target.empty()) addresses[record->target];
        records.push_back(*std::move(record));
    }
    std::vector<DnsQuestion> questions;
    for (const auto& [target, none] : addresses)
        for (auto& question : questions_for(target, DnsType::any)) questions.push_back(std::move(question));
    auto answers = co_await ask(channel, questions);
    if (!answers) co_return propagate(answers);
    for (size_t i = 0; i < questions.size(); i++) {
        lower(found.ttl, (*answers)[i].ttl);
        for (const auto& text : (*answers)[i].records)
            if (auto address = net::Ip::parse(text)) addresses[questions[i].name].push_back(*address);
    }
    found.set = spread(records, addresses);
    co_return found;
}

DnsFound addresses_of(const std::vector<DnsAnswer>& answers, const std::string& name,
                      std::optional<net::Port> port) {
    DnsFound found;
    for (const auto& answer : answers) {
        lower(found.ttl, answer.ttl);
        for (const auto& text : answer.records) {
            auto address = net::Ip::parse(text);
            auto good = address ? check_address(*address) : propagate(address);
            if (good)
                found.set.members.push_back({.address = *address, .port = port});
            else
                found.set.refused.push_back(fmt::format("{}: {}", name, good.error().message));
        }
    }
    return found;
}

}  // namespace

std::vector<std::string> candidates(const DnsWanted& wanted) {
    if (wanted.name.ends_with('.')) return {wanted.name};
    std::vector<std::string> names;
    names.reserve(wanted.search.size() + 1);
    for (const auto& domain : wanted.search) names.push_back(wanted.name + "." + domain);
    bool first = wanted.name.find('.') != std::string::npos;
    names.insert(first ? names.begin() : names.end(), wanted.name);
    return names;
}

asio::awaitable<Result<DnsFound>> look_up(DnsChannel& channel, const DnsWanted& wanted) {
    std::optional<uint32_t> ttl;
    for (const auto& name : candidates(wanted)) {
        auto answers = co_await ask(channel, questions_for(name, wanted.type));
        if (!answers) co_return propagate(answers);
        bool has_some = std::ranges::any_of(*answers, [](const auto& one) { return !one.records.empty(); });
        for (const auto& answer : *answers) lower(ttl, answer.ttl);
        if (!has_some) continue;
        Result<DnsFound> found = addresses_of(*answers, name, wanted.port);
        if (wanted.type == DnsType::srv) found = co_await follow(channel, answers->front());
        if (found) lower(found->ttl, ttl);
        co_return found;
    }
    co_return DnsFound{.set = {}, .ttl = ttl};
}

}  // namespace weir::discovery
