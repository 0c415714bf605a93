// Aligned columns for people.
#pragma once

#include "apps/troupe/cli/terminal.h"

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::cli {

struct Cell {
  Cell(std::string cell_text, Colour cell_colour = Colour::none)  // NOLINT: implicit
      : text(std::move(cell_text)), colour(cell_colour) {}
  Cell(const char* cell_text) : text(cell_text) {}  // NOLINT: implicit

  std::string text;  // as it is; `render` makes it harmless
  Colour colour = Colour::none;
};

struct Layout {
  std::size_t width = 0;  // the last column is cut to fit; 0: as wide as it needs
  bool colour = false;
};

/// For standard output as it is now.
Layout layout_of_stdout();

class Table {
 public:
  /// A header that starts with `>` is of a column aligned to the right, and shown without it.
  explicit Table(std::vector<std::string> headers);

  /// Requires as many cells as there are headers.
  void add(std::vector<Cell> row);

  std::size_t size() const { return rows_.size(); }

  /// All lines, the headers first, each ended; two blanks between columns, none at the end.
  std::string render(const Layout& layout) const;

 private:
  std::string render_row(const std::vector<Cell>& row,
                         const std::vector<std::size_t>& widths,
                         const Layout& layout) const;

  std::vector<Cell> headers_;
  std::vector<bool> right_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace troupe::cli
