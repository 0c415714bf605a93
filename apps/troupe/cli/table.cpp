#include "apps/troupe/cli/table.h"

#include "runtime/base/assert.h"

#include <unistd.h>

#include <algorithm>

namespace troupe::cli {
namespace {

constexpr std::size_t gap = 2;               // blanks between columns
constexpr std::size_t last_column_min = 10;  // never cut below

}  // namespace

Layout layout_of_stdout() {
  return {.width = terminal_width(STDOUT_FILENO), .colour = colour_on(STDOUT_FILENO)};
}

Table::Table(std::vector<std::string> headers) {
  for (std::string& header : headers) {
    const bool right = header.starts_with('>');
    right_.push_back(right);
    headers_.emplace_back(right ? header.substr(1) : std::move(header), Colour::dim);
  }
}

void Table::add(std::vector<Cell> row) {
  TROUPE_EXPECTS(row.size() == headers_.size());
  for (Cell& cell : row) cell.text = harmless(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::render(const Layout& layout) const {
  std::vector<std::size_t> widths;
  for (const Cell& header : headers_) widths.push_back(text_width(header.text));
  for (const std::vector<Cell>& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], text_width(row[i].text));
    }
  }
  if (layout.width != 0 && !widths.empty()) {
    std::size_t before = 0;
    for (std::size_t i = 0; i + 1 < widths.size(); ++i) before += widths[i] + gap;
    const std::size_t room = layout.width > before ? layout.width - before : 0;
    widths.back() = std::min(widths.back(), std::max(room, last_column_min));
  }
  std::string text = render_row(headers_, widths, layout);
  for (const std::vector<Cell>& row : rows_) text += render_row(row, widths, layout);
  return text;
}

std::string Table::render_row(const std::vector<Cell>& row,
                              const std::vector<std::size_t>& widths,
                              const Layout& layout) const {
  std::string line;
  std::size_t owed = 0;  // blanks that come only if something follows
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string text = cut_text(row[i].text, widths[i]);
    const std::size_t padding = widths[i] - text_width(text);
    if (right_[i]) owed += padding;
    if (!text.empty()) {
      line.append(owed, ' ');
      owed = 0;
      line += layout.colour ? coloured(text, row[i].colour) : text;
    }
    owed += gap + (right_[i] ? 0 : padding);
  }
  return line + '\n';
}

}  // namespace troupe::cli
