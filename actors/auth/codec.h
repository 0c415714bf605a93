// Small pieces that the codecs of this folder share.
#pragma once

#include "runtime/store/message.h"

#include <capnp/list.h>

#include <string>
#include <vector>

namespace troupe::auth {

inline std::string data(capnp::Data::Reader bytes) {
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}
inline capnp::Data::Reader data_of(const std::string& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

inline std::vector<std::string> texts(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> all;
  all.reserve(list.size());
  for (const auto item : list) all.push_back(str(item));
  return all;
}

inline void fill_texts(const std::vector<std::string>& texts,
                       capnp::List<capnp::Text>::Builder list) {
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, text(texts[i]));
}

}  // namespace troupe::auth
