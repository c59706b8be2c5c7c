// A source for tests: it finds what it is told to.
#pragma once

#include <map>

#include "discovery/source.h"

namespace weir::discovery {

/// Kind "fake", with the setting `name`, by which a test finds it. One at a time of a name.
class Fake final : public Source {
  public:
    Fake(std::string name, Listener& listener) : name_(std::move(name)), listener_(listener) {
        alive()[name_] = this;
    }
    ~Fake() override {
        if (alive()[name_] == this) alive().erase(name_);
    }

    /// Those that there are, by name.
    static std::map<std::string, Fake*>& alive() {
        static std::map<std::string, Fake*> all;
        return all;
    }

    void find(Set set) { listener_.found(std::move(set)); }
    void fail(std::string why) { listener_.failed(Error{std::move(why)}); }

  private:
    std::string name_;
    Listener& listener_;
};

inline const Kind& fake_kind() {
    static constexpr Setting kSettings[] = {required({"name", Takes::text, "a name"})};
    static const Section section{"fake", kSettings};
    static const Kind kind{{&section, [](const model::SourceSpec&) { return Status(); }},
                           [](const Surroundings&, const model::SourceSpec& spec,
                              Listener& listener) -> std::unique_ptr<Source> {
                               return std::make_unique<Fake>(spec.text("name"), listener);
                           }};
    return kind;
}

}  // namespace weir::discovery
