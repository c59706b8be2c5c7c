// What Consul answers to a question for a service's healthy instances. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "discovery/source.h"

namespace weir::discovery::consul {

/// What is asked for, without the index to wait for.
struct Question {
    std::string base{};  // the path in front of the API's, without a slash at its end
    std::string service;
    std::vector<std::string> tags{};  // that an instance has, all of them
    std::string datacenter{};
};
std::string target_of(const Question& question);

/// The instances of /v1/health/service: an instance's own address, else its node's, its port if it has one,
/// its weight while it passes its checks, and its tags.
Result<Set> read_instances(std::string_view answer);

/// The index to wait for next, by the rules that Consul's documentation has for clients: one that goes back
/// says that the server's state was replaced, so all is asked for anew; and one that is no number, or none
/// above 0, would never wait.
uint64_t next_index(uint64_t former, std::string_view header);

}  // namespace weir::discovery::consul
