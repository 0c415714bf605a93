#include "apps/troupe/cli/listing.h"

#include "apps/troupe/cli/output.h"

namespace troupe::cli {

Listing::Listing(bool json, std::string name, std::vector<std::string> headers)
    : json_(json), name_(std::move(name)), table_(std::move(headers)) {}

void Listing::print(const std::string& none) const {
  if (json_) {
    std::string text = "{" + json_string(name_) + ":[";
    for (std::size_t i = 0; i < items_.size(); ++i) text += (i == 0 ? "" : ",") + items_[i];
    print_line(text + "]}");
  } else if (table_.size() == 0) {
    print_note(none);
  } else {
    print_out(table_.render(layout_of_stdout()));
  }
}

}  // namespace troupe::cli
