#include "runtime/store/batch.h"

#include "runtime/base/assert.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/batch.capnp.h"

#include <capnp/message.h>
#include <kj/exception.h>

#include <algorithm>
#include <cstring>

namespace troupe {
namespace {

// Words that Cap'n Proto spends around the rows: root pointer, struct, tag of the list.
constexpr std::size_t head_words = 1 + capnp::_::structSize<schema::Batch>().total() + 1;
constexpr std::size_t row_words = capnp::_::structSize<schema::RowChange>().total();
constexpr std::size_t batch_words_max = (1ULL << 29) - 1;  // of one segment

std::size_t data_words(const std::vector<RowOp>& rows) {
  std::size_t words = 0;
  for (const RowOp& row : rows) {
    TROUPE_EXPECTS(is_key(row.key));
    words += row.key.size() / 8;
    if (row.value) words += row.value->words().size();
  }
  return words;
}

capnp::Data::Reader as_data(std::string_view bytes) {
  return {reinterpret_cast<const capnp::byte*>(bytes.data()), bytes.size()};
}

capnp::Data::Reader as_data(WordSpan words) {
  return {reinterpret_cast<const capnp::byte*>(words.data()), words.size_bytes()};
}

void fill(schema::Batch::Builder out,
          const std::vector<RowOp>& rows,
          const StoreState& state,
          std::uint32_t shard) {
  out.setFormat(format_version);
  out.setShard(shard);
  out.setBatch(state.batch);
  out.setSequence(state.sequence);
  out.setLastEvent(state.last_event);
  out.setNumbersReserved(state.numbers_reserved);
  auto changes = out.initRows(static_cast<unsigned>(rows.size()));
  for (unsigned i = 0; i < rows.size(); ++i) {
    const RowOp& row = rows[i];
    auto change = changes[i];
    change.setTable(row.table.value);
    change.setKey(as_data(row.key));
    if (row.value) {
      change.setValue(as_data(row.value->words()));
    } else {
      change.setDeleted();
    }
  }
}

Error not_a_batch(const std::string& why) {
  return Error{Errc::corrupt, "a batch does not decode: " + why};
}

Result<RowView> view_of(schema::RowChange::Reader change) {
  const auto key = change.getKey();
  RowView row{
      {change.getTable()}, {reinterpret_cast<const char*>(key.begin()), key.size()}, std::nullopt};
  if (!is_key(row.key)) return not_a_batch(key_rule(row.key.size()));
  if (change.isValue()) {
    const auto value = change.getValue();
    if (value.size() % 8 != 0) {
      return not_a_batch("a value of " + std::to_string(value.size()) +
                         " bytes, not a multiple of 8");
    }
    row.value = as_word_span(value);
  } else if (!change.isDeleted()) {
    return not_a_batch("a change that this program does not know");
  }
  return row;
}

}  // namespace

Bytes encode_batch(const std::vector<RowOp>& rows, const StoreState& state, std::uint32_t shard) {
  const std::size_t words = head_words + rows.size() * row_words + data_words(rows);
  TROUPE_EXPECTS(words <= batch_words_max);
  // One segment of exactly that size behind its header: nothing grows, nothing is copied twice.
  return Bytes::make(1 + words, [&](std::span<std::uint64_t> out) {
    std::ranges::fill(out, 0);
    out[0] = static_cast<std::uint64_t>(words) << 32;
    capnp::FlatMessageBuilder message({reinterpret_cast<capnp::word*>(out.data() + 1), words});
    fill(message.initRoot<schema::Batch>(), rows, state, shard);
    message.requireFilled();
  });
}

Result<BatchHead> read_batch_head(const Bytes& batch) {
  try {
    Stored<schema::Batch> stored(batch);
    const auto b = stored.get();
    return BatchHead{b.getFormat(),
                     b.getShard(),
                     {b.getBatch(), b.getSequence(), b.getLastEvent(), b.getNumbersReserved()},
                     b.getRows().size()};
  } catch (const kj::Exception& e) {
    return not_a_batch(e.getDescription().cStr());
  }
}

Status read_batch_rows(const Bytes& batch, const std::function<Status(const RowView&)>& visit) {
  try {
    Stored<schema::Batch> stored(batch);
    for (const auto change : stored.get().getRows()) {
      const auto row = view_of(change);
      if (!row.ok()) return row.error();
      if (auto visited = visit(row.value()); !visited.ok()) return visited;
    }
    return Done{};
  } catch (const kj::Exception& e) {
    return not_a_batch(e.getDescription().cStr());
  }
}

Result<std::vector<RowOp>> decode_batch_rows(const Bytes& batch) {
  std::vector<RowOp> rows;
  const auto read = read_batch_rows(batch, [&rows](const RowView& row) -> Status {
    rows.push_back({row.table, std::string(row.key), std::nullopt});
    if (row.value) rows.back().value = Bytes(*row.value);
    return Done{};
  });
  if (!read.ok()) return read.error();
  return rows;
}

}  // namespace troupe
