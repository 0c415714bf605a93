#include "apps/troupe/server/data_check.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "runtime/base/data.h"
#include "runtime/blob/blob_store.h"
#include "runtime/blob/stream_store.h"
#include "schema/store/rows.capnp.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace troupe::server {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

Result<Sha256> hash_of(const BlobReader& reader) {
  Sha256Stream hash;
  std::vector<std::uint8_t> piece(piece_bytes);
  for (std::uint64_t offset = 0; offset < reader.size();) {
    const auto got = reader.read(offset, piece);
    if (!got.ok()) return got.error();
    if (got.value() == 0) break;
    hash.update({piece.data(), got.value()});
    offset += got.value();
  }
  return hash.finish();
}

void check_blob(const BlobStore& store, const NamedBlob& blob, BlobCheck how, Findings& findings) {
  findings.count("blobs named", 1);
  const auto hash = sha256_of(as_bytes(blob.sha256));
  if (!hash) {
    findings.add(blob.where, "names no blob: its hash is not 32 bytes long");
    return;
  }
  const std::string name = "blob " + to_hex(*hash);
  const auto reader = store.open_reader(*hash);
  if (!reader.ok()) {
    findings.add(blob.where, name + " is missing: " + reader.error().detail);
    return;
  }
  if (reader.value()->size() != blob.size) {
    findings.add(blob.where, name + " has " + std::to_string(reader.value()->size()) +
                                 " bytes, not " + std::to_string(blob.size));
    return;
  }
  if (how != BlobCheck::bytes) return;
  const auto found = hash_of(*reader.value());
  if (!found.ok() || found.value() != *hash) {
    findings.add(blob.where, name + " is damaged: its bytes have another hash");
  }
}

// A stream is named TASK/RUN.
void check_log(const CheckView& view, const std::string& key) {
  view.findings().count("log streams", 1);
  const auto slash = key.find('/');
  const std::string task = key.substr(0, slash);
  const std::string run = key.substr(std::min(slash, key.size() - 1) + 1);
  const std::string where = "log " + key;
  const auto row = view.row(view.locate(task_id(task)), tables::task_state);
  if (!row) {
    view.findings().add(where, "there is no such task");
    return;
  }
  view.findings().guard(where, [&] {
    const auto runs = Stored<schema::TaskRow>(*row).get().getRuns().size();
    const bool number =
        !run.empty() && run.size() < 10 && run.find_first_not_of("0123456789") == std::string::npos;
    view.findings().expect(number && std::stoul(run) < runs, where, "the task has no such run");
  });
}

}  // namespace

Status check_data(const OpenShards& shards,
                  const std::string& data_dir,
                  BlobCheck how,
                  Instant now,
                  Findings& findings) {
  for (const char* folder : {"/blobs", "/logs"}) {
    std::error_code error;
    if (std::filesystem::is_directory(data_dir + folder, error)) continue;
    findings.add(data_dir + folder, "the folder is missing");
    return Done{};
  }
  auto blobs = BlobStore::open({.dir = data_dir + "/blobs"}, now);
  if (!blobs.ok()) return blobs.error();
  const CheckView view(shards.views(), now, findings);
  check_store(view, [&](const NamedBlob& blob) {
    if (how != BlobCheck::none) check_blob(*blobs.value(), blob, how, findings);
  });
  auto logs = StreamStore::open({.dir = data_dir + "/logs"}, *blobs.value());
  if (!logs.ok()) return logs.error();
  const auto streams = logs.value()->list();
  if (!streams.ok()) return streams.error();
  for (const auto& stream : streams.value()) check_log(view, stream.key);
  return Done{};
}

}  // namespace troupe::server
