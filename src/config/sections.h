// The sections of the file, each read by its own source, and what they are read into before it is known to
// fit together.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/reader.h"
#include "model/config.h"

namespace weir::config {

/// A value and where it stands, for mistakes that show only beside other values.
template <class T>
struct Placed {
    T value;
    Place at;
};

struct PoolDraft {
    Place at;
    std::vector<Placed<model::Backend>> backends;
    bool whole = false;  // every backend could be read: counting them makes sense
};

struct ServiceDraft {
    std::string name;
    Place at;
    std::vector<Placed<net::Ip>> vips;
    std::vector<Placed<model::ServicePort>> ports;
    Placed<std::string> pool;  // "" where it is missing
    Placed<unsigned> need;
    Placed<model::Scheduler> scheduler;
    model::Forward forward;
    std::vector<model::Check> checks;
};

struct Draft {
    model::Config config;  // all but pools and services
    std::map<std::string, PoolDraft> pools;
    std::vector<ServiceDraft> services;  // in the order of the text
    bool interfaces_whole = false;
};

void read_file(const Node& root, Draft& draft,
               Mistakes& mistakes);  // top.cc: all of it, with the functions below
PoolDraft read_pool(const Node& node, std::string_view name, Place at, Mistakes& mistakes);
ServiceDraft read_service(const Node& node, const std::string& name, Place at, Mistakes& mistakes);
std::optional<model::Check> read_check(const Node& node, Mistakes& mistakes);

/// An address that packets can be sent to from outside: a VIP or a backend.
Result<net::Ip> read_unicast(std::string_view text);

/// What no section can see alone: names that must exist, addresses that must differ, sums.
void cross_check(const Draft& draft, Mistakes& mistakes);

/// The draft as the model has it. Of a draft without mistakes.
model::Config finish(Draft draft);

}  // namespace weir::config
