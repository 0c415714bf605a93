// Lists: a table for people, or `{"NAME":[...]}` with the API's own items.
#pragma once

#include "apps/troupe/cli/table.h"

#include <cstddef>
#include <string>
#include <vector>

namespace troupe::cli {

class Listing {
 public:
  /// `name` is the list's in JSON; `headers` as Table's.
  Listing(bool json, std::string name, std::vector<std::string> headers);

  bool json() const { return json_; }

  /// One item: its JSON, or its row. Only the one that is wanted is kept.
  template <class Json, class Row>
  void add(const Json& item, const Row& row) {
    if (json_) {
      items_.push_back(item());
    } else {
      table_.add(row());
    }
  }

  std::size_t size() const { return json_ ? items_.size() : table_.size(); }

  /// Prints it to standard output; if there is nothing, people get `none` on standard error.
  void print(const std::string& none) const;

 private:
  bool json_;
  std::string name_;
  Table table_;
  std::vector<std::string> items_;
};

}  // namespace troupe::cli
