// Whether all that the platform's actors have stored holds together. The checks of each kind live
// beside it (`actors/KIND/check.h`).
#pragma once

#include "runtime/actor/check.h"
#include "runtime/store/message.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe {

/// A blob that a row names: whether its file is there is for others to look.
struct NamedBlob {
  std::string where;   // the row
  std::string sha256;  // 32 bytes, or the row is damaged
  std::uint64_t size = 0;
};
using BlobVisitor = std::function<void(const NamedBlob&)>;

/// Throws if a row or message is malformed anywhere.
template <class Struct>
void decode_whole(WordSpan words) {
  Stored<Struct>(words).get().totalSize();
}

/// The tables of all kinds.
std::vector<TableSpec> stored_tables();

/// Checks every row of every table; nothing may write to the store meanwhile.
void check_store(const CheckView& view, const BlobVisitor& visit_blob);

}  // namespace troupe
