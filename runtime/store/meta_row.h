// The meta table's one row: the version of the data, its place among the shards, its state.
#pragma once

#include "runtime/store/batch.h"

#include <cstdint>
#include <string>

namespace troupe {

struct MetaRow {
  std::uint32_t format = format_version;
  std::uint32_t shard = 0;
  std::uint32_t shards = 1;
  StoreState state;
};

const std::string& meta_key();
Bytes encode_meta(const MetaRow& meta);

/// Throws kj::Exception if it does not decode.
MetaRow decode_meta(WordSpan row);

}  // namespace troupe
