#include "cli/table.h"

#include <unistd.h>

#include <cstdlib>
#include <ostream>

namespace weir::cli {

std::string paint(const std::string& text, Colour colour, bool coloured) {
    if (!coloured || colour == Colour::none) return text;
    const char* code = colour == Colour::good ? "\033[32m" : colour == Colour::bad ? "\033[31m" : "\033[2m";
    return code + text + "\033[0m";
}

bool coloured_output() {
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) && !(no_colour && *no_colour);
}

Table::Table(std::vector<std::string> titles) {
    for (auto& title : titles) {
        right_.push_back(title.starts_with('>'));
        titles_.emplace_back(right_.back() ? title.substr(1) : std::move(title), Colour::dim);
    }
}

void Table::add(std::vector<Cell> row) {
    row.resize(titles_.size(), Cell(""));
    rows_.push_back(std::move(row));
}

void Table::print(std::ostream& out, bool coloured) const {
    std::vector<size_t> widths;
    for (size_t column = 0; column < titles_.size(); ++column) {
        widths.push_back(titles_[column].text.size());
        for (const auto& row : rows_) widths.back() = std::max(widths.back(), row[column].text.size());
    }
    auto line = [&](const std::vector<Cell>& cells) {
        std::string text;
        size_t gap = 0;  // kept back, so that no line ends in blanks
        for (size_t column = 0; column < cells.size(); ++column) {
            const auto& cell = cells[column];
            auto space = widths[column] - cell.text.size();
            text.append(cell.text.empty() ? 0 : gap + (right_[column] ? space : 0), ' ');
            text += paint(cell.text, cell.colour, coloured && !cell.text.empty());
            gap = cell.text.empty() ? gap + widths[column] + 2 : (right_[column] ? 0 : space) + 2;
        }
        out << text << '\n';
    };
    line(titles_);
    for (const auto& row : rows_) line(row);
}

}  // namespace weir::cli
