#include "cli/printed_list.h"

#include <algorithm>
#include <map>

namespace weir::cli {

PrintedList::News PrintedList::update(const discovery::Set& set) {
    auto left_out = set.refused;
    uint16_t first = UINT16_MAX;
    std::map<net::Endpoint, discovery::Found> members;
    for (const auto& member : set.members) {
        auto port = member.port ? member.port : order_.default_port;
        if (!port)
            left_out.push_back(member.address.text() + " has no port; give --default-port");
        else if (member.weight > 0)
            if (auto [at, is_new] = members.try_emplace({member.address, *port}, member);
                !is_new && member.priority < at->second.priority)
                at->second = member;
    }
    for (const auto& [endpoint, member] : members) first = std::min(first, member.priority);
    std::string text;
    for (const auto& [endpoint, member] : members) {
        if (member.priority != first) continue;
        text += endpoint.text();
        if (order_.weighted) text += fmt::format(" weight={}", member.weight);
        text += '\n';
    }
    text += '\n';
    News news;
    if (text != last_) news.text = last_ = text;
    if (left_out != left_out_) news.left_out = left_out_ = std::move(left_out);
    return news;
}

}  // namespace weir::cli
