// Listings for people: aligned columns, and colour where a terminal shows it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace weir::cli {

enum class Colour { none, good, bad, dim };

struct Cell {
    std::string text;
    Colour colour = Colour::none;

    Cell(std::string t, Colour c = Colour::none) : text(std::move(t)), colour(c) {}
    Cell(const char* t) : text(t) {}
    Cell(uint64_t number) : text(std::to_string(number)) {}
};

class Table {
  public:
    /// A title that starts with '>' makes its column right-aligned.
    explicit Table(std::vector<std::string> titles);

    void add(std::vector<Cell> row);

    void print(std::ostream& out, bool coloured) const;

  private:
    std::vector<Cell> titles_;
    std::vector<bool> right_;
    std::vector<std::vector<Cell>> rows_;
};

/// Whether standard output is a terminal that may be coloured (NO_COLOR is unset).
bool coloured_output();

std::string paint(const std::string& text, Colour colour, bool coloured);

}  // namespace weir::cli
