#include "runtime/store/meta_row.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

namespace troupe {

const std::string& meta_key() {
  static const std::string key = KeyWriter().text("state").key();
  return key;
}

Bytes encode_meta(const MetaRow& meta) {
  return build<schema::StoreRow>([&meta](schema::StoreRow::Builder row) {
    row.setFormat(meta.format);
    row.setBatch(meta.state.batch);
    row.setSequence(meta.state.sequence);
    row.setLastEvent(meta.state.last_event);
    row.setNumbersReserved(meta.state.numbers_reserved);
    row.setShards(meta.shards);
    row.setShard(meta.shard);
  });
}

MetaRow decode_meta(WordSpan row) {
  Stored<schema::StoreRow> stored(row);
  const auto r = stored.get();
  return {r.getFormat(),
          r.getShard(),
          r.getShards(),
          {r.getBatch(), r.getSequence(), r.getLastEvent(), r.getNumbersReserved()}};
}

}  // namespace troupe
