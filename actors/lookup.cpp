#include "actors/lookup.h"

#include "runtime/base/hash.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

// A token ends in these bytes, so that what was made up is not taken for the key of some page: the
// list would end there without a word.
constexpr std::size_t token_check_bytes = 2;

std::string token_check(std::string_view key) {
  const Sha256 hash = sha256(key);
  return {hash.begin(), hash.begin() + token_check_bytes};
}

}  // namespace

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
                std::string_view after,
                const std::function<bool(std::string_view key, std::uint64_t number)>& visit) {
  const std::string of_kind = KeyWriter().u16(kind.value).prefix();
  const std::string own = of_kind + std::string(prefix);
  const std::string from = of_kind + std::string(std::max(prefix, after));
  snapshot.scan(tables::names.id, from, [&](std::string_view key, WordSpan value) {
    if (!key.starts_with(own)) return false;
    KeyReader reader(key);
    reader.u16();
    const std::string_view name = reader.text();
    if (!after.empty() && name <= after) return true;
    return visit(name, Stored<schema::NameRow>(value).get().getNumber());
  });
}

void page_own(const Snapshot& snapshot,
              const TableSpec& table,
              std::uint64_t number,
              std::string_view prefix,
              const Page& page,
              std::string& next,
              const std::function<void(std::string_view key, WordSpan value)>& visit) {
  if (page.limit == 0) return;
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
  page.limit = std::min<std::size_t>(limit, 1000);
  const std::string bytes = from_base64(token).value_or("");
  if (bytes.size() < token_check_bytes) return page;
  std::string key = bytes.substr(0, bytes.size() - token_check_bytes);
  if (key + token_check(key) == bytes) page.after = std::move(key);
  return page;
}

std::string write_token(std::string_view last_key) {
  if (last_key.empty()) return "";  // a page of 0
  return to_base64url(as_bytes(std::string(last_key) + token_check(last_key)));
}

}  // namespace troupe
