// Whose turn it is: tokens out of a list, without end. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "cli/token_list.h"

namespace weir::cli {

/// In turns, each as often as its weight says and as evenly as that goes; or by chance.
class Dealer {
  public:
    struct Order {
        bool by_chance = false;
        bool weighted = false;  // else all weigh the same; weight 0 gets none all the same
        uint64_t seed = 0;      // of chance
    };

    explicit Dealer(Order order) : order_(order), chance_(order.seed) {}

    /// In place of the former list. Who stays keeps its turn.
    void replace(const TokenList& list);

    /// `ADDRESS:PORT`; nothing while the list is empty.
    std::optional<std::string> next();

    size_t size() const { return entries_.size(); }

  private:
    using Time = uint64_t;  // kUnit: as long as somebody of weight 1 waits for its next turn
    static constexpr Time kUnit = Time{1} << 32;

    struct Entry {
        Time due;
        uint32_t rank;  // in the list: decides between equals
        uint32_t weight;
        net::Endpoint to;
        std::string text;
    };

    static bool is_later(const Entry& a, const Entry& b) {
        return a.due != b.due ? a.due > b.due : a.rank > b.rank;
    }
    std::string turn();
    std::string lot();
    void rebase();

    const Order order_;
    std::mt19937_64 chance_;
    Time now_ = 0;
    std::vector<Entry> entries_;     // in turns: a heap, the next first
    std::vector<uint64_t> weights_;  // by chance: of those up to each
};

}  // namespace weir::cli
