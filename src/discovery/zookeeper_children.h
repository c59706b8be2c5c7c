// What is known of a node's children in ZooKeeper: who there is, and what backend each is. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "discovery/source.h"

namespace weir::discovery {

class ZookeeperChildren {
  public:
    /// `path`: of the node.
    explicit ZookeeperChildren(std::string path) : path_(std::move(path)) {}

    /// These there are now. Gives those that are new and to be read.
    std::vector<std::string> list(std::vector<std::string> names);
    /// What is in a child: a value, or nothing where its name is one. Nothing comes of a child that is not
    /// there.
    void read(const std::string& name, std::string_view data);
    /// Until it is in a list again.
    void remove(const std::string& name) { children_.erase(name); }

    /// Whether every child has been read.
    bool is_whole() const;
    Set set() const;

    std::string path_of(std::string_view name) const;
    /// The child with this path, if it would be one.
    std::optional<std::string> name_of(std::string_view path) const;

  private:
    using Child = std::optional<Result<Found>>;  // nothing: not yet read

    std::string path_;
    std::map<std::string, Child> children_;
    bool listed_ = false;
    size_t left_out_ = 0;  // above what a set takes
};

}  // namespace weir::discovery
