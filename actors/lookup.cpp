#include "actors/lookup.h"

#include "runtime/base/hash.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>

namespace troupe {

void scan_newest(const Snapshot& snapshot,
                 const TableSpec& table,
                 std::uint64_t before,
                 const std::function<bool(std::uint64_t number, WordSpan value)>& visit) {
  std::string end = before == 0 ? std::string(8, '\xff') : KeyWriter().u64(before).key();
  while (const auto key = snapshot.last_key_before(table.id, end)) {
    if (!visit(KeyReader(*key).u64(), *snapshot.get(table.id, *key))) return;
    end = *key;
  }
}

void scan_names(const Snapshot& snapshot,
                KindId kind,
                std::string_view prefix,
                const std::function<bool(std::string_view key, std::uint64_t number)>& visit) {
  const std::string own = KeyWriter().u16(kind.value).prefix() + std::string(prefix);
  snapshot.scan(tables::names.id, own, [&](std::string_view key, WordSpan value) {
    if (!key.starts_with(own)) return false;
    KeyReader reader(key);
    reader.u16();
    return visit(reader.text(), Stored<schema::NameRow>(value).get().getNumber());
  });
}

void page_own(const Snapshot& snapshot,
              const TableSpec& table,
              std::uint64_t number,
              std::string_view prefix,
              const Page& page,
              std::string& next,
              const std::function<void(std::string_view key, WordSpan value)>& visit) {
  std::size_t count = 0;
  std::string last;
  scan_own(snapshot, table, number, prefix, page.after, [&](std::string_view key, WordSpan value) {
    if (count == page.limit) {
      next = write_token(last);
      return false;
    }
    visit(key, value);
    last = key;
    ++count;
    return true;
  });
}

Page read_page(std::uint32_t limit, std::string_view token) {
  Page page;
  page.limit = limit == 0 ? 1000 : std::min<std::size_t>(limit, 1000);
  page.after = from_base64(token).value_or("");
  return page;
}

std::string write_token(std::string_view last_key) {
  return to_base64url(as_bytes(last_key));
}

}  // namespace troupe
