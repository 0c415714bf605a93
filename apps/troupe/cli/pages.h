// Lists that the server answers in pages, with requests of one kind.
#pragma once

#include "apps/troupe/cli/session.h"

#include <string>

namespace troupe::cli {

/// Reads a list to its end: `make()` gives a request, `visit` gets each page, which lives as long
/// as the visit. A refused call is thrown as a kj::Exception.
template <class Make, class Visit>
void for_each_page(Session& session, const Make& make, const Visit& visit) {
  read_pages([&](const std::string& token) {
    auto request = make();
    request.setContinuationToken(token);
    const auto page = session.wait(request.send());
    visit(page);
    return std::string(page.getContinuationToken().cStr());
  });
}

}  // namespace troupe::cli
