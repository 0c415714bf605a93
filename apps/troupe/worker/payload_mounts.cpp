#include "apps/troupe/worker/payload_mounts.h"

#include "runtime/base/random.h"

#include <array>
#include <string_view>

namespace troupe::worker {
namespace {

constexpr std::size_t inline_bytes_max = 65'536;
constexpr std::size_t artifact_name_bytes_max = 1'024;

struct PackingName {
  std::string_view name;
  Packing packing;
};
constexpr std::array archive_names = {
    PackingName{"tar", Packing::tar},         PackingName{"tar.gz", Packing::tar_gz},
    PackingName{"tar.bz2", Packing::tar_bz2}, PackingName{"tar.xz", Packing::tar_xz},
    PackingName{"tar.zst", Packing::tar_zst}, PackingName{"zip", Packing::zip}};
constexpr std::array compressed_names = {
    PackingName{"gz", Packing::gz}, PackingName{"bz2", Packing::bz2},
    PackingName{"xz", Packing::xz}, PackingName{"zst", Packing::zst}};

template <std::size_t N>
Packing packing_of(const std::array<PackingName, N>& names, JsonFields& fields) {
  const auto text = fields.text("format");
  if (!text) return Packing::none;
  std::string known;
  for (const auto& entry : names) {
    if (entry.name == *text) return entry.packing;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  fields.errors().add(fields.path_of("format"),
                      "`" + *text + "` is not supported by this worker, which reads " + known);
  return Packing::none;
}

Content read_artifact(JsonFields& fields, const TaskFacts& task) {
  ArtifactContent content;
  content.task_id = fields.required_text("taskId").value_or("");
  content.name = fields.required_text("artifact").value_or("");
  const auto hash = fields.text("sha256");
  if (content.name.size() > artifact_name_bytes_max) {
    fields.errors().add(fields.path_of("artifact"), "must have at most 1024 characters");
  }
  if (hash) {
    content.sha256 = sha256_from_hex(*hash);
    if (!content.sha256) {
      fields.errors().add(fields.path_of("sha256"), "must be 64 hexadecimal digits");
    }
  }
  if (content.task_id.empty()) return content;
  if (!is_slugid(content.task_id)) {
    fields.errors().add(fields.path_of("taskId"), "`" + content.task_id + "` is not a task id");
    return content;
  }
  for (const auto& dependency : task.dependencies) {
    if (dependency == content.task_id) return content;
  }
  fields.errors().add(
      fields.path_of("taskId"),
      "task " + content.task_id + " is not among the task's dependencies; add it there");
  return content;
}

Content read_inline(JsonFields& fields, bool encoded) {
  const char* name = encoded ? "base64" : "raw";
  const auto text = fields.text(name);
  if (!text) return InlineContent{};
  if (text->size() > inline_bytes_max) {
    fields.errors().add(fields.path_of(name), "must have at most 65536 bytes");
  }
  if (!encoded) return InlineContent{*text};
  auto bytes = from_base64(*text);
  if (!bytes || text->empty() || text->find_first_of("-_") != std::string::npos) {
    fields.errors().add(fields.path_of(name), "is not base64");
    return InlineContent{};
  }
  return InlineContent{std::move(*bytes)};
}

Content read_content(const rapidjson::Value& value,
                     const std::string& path,
                     const TaskFacts& task,
                     JsonErrors& errors) {
  Content content;
  JsonFields fields(value, path, errors);
  if (!value.IsObject()) return content;
  if (fields.take("url") != nullptr || value.HasMember("namespace")) {
    errors.add(path,
               "content from a URL or from the index is not supported by this worker; use `taskId` "
               "and `artifact`, `raw` or `base64`");
    return content;
  }
  if (value.HasMember("raw")) {
    content = read_inline(fields, false);
  } else if (value.HasMember("base64")) {
    content = read_inline(fields, true);
  } else {
    content = read_artifact(fields, task);
  }
  fields.finish();
  return content;
}

void read_cache_scope(const Mount& mount, JsonFields& fields, const TaskFacts& task) {
  const std::string scope = "generic-worker:cache:" + mount.cache_name;
  if (satisfies_scope(task.scopes, scope)) return;
  fields.errors().add(fields.path_of("cacheName"),
                      "the task needs the scope `" + scope +
                          "` among its `scopes` (those behind `assume:` are not seen here)");
}

Mount read_mount(const rapidjson::Value& value,
                 const std::string& path,
                 const TaskFacts& task,
                 JsonErrors& errors) {
  Mount mount;
  JsonFields fields(value, path, errors);
  if (!value.IsObject()) return mount;
  if (value.HasMember("cacheName")) {
    mount.kind = Mount::Kind::cache;
    mount.cache_name = fields.required_text("cacheName").value_or("");
    if (!mount.cache_name.empty()) read_cache_scope(mount, fields, task);
  } else if (value.HasMember("directory")) {
    mount.kind = Mount::Kind::directory;
  } else if (!value.HasMember("file")) {
    errors.add(path, "must have `file`, `directory`, or `cacheName` and `directory`");
    return mount;
  }
  const bool is_file = mount.kind == Mount::Kind::file;
  mount.path = fields.required_text(is_file ? "file" : "directory").value_or("");
  const auto* content = fields.take("content");
  if (content != nullptr) mount.content = read_content(*content, path + ".content", task, errors);
  mount.packing =
      is_file ? packing_of(compressed_names, fields) : packing_of(archive_names, fields);

  if (content == nullptr && mount.kind != Mount::Kind::cache) {
    errors.add(path + ".content", "is required");
  }
  if (!is_file && (content != nullptr) != value.HasMember("format")) {
    errors.add(path, "`content` and `format` go together");
  }
  fields.finish();
  return mount;
}

}  // namespace

std::vector<Mount> read_mounts(const rapidjson::Value& array,
                               const std::string& path,
                               const TaskFacts& task,
                               JsonErrors& errors) {
  std::vector<Mount> mounts;
  if (!array.IsArray()) {
    errors.add(path, "must be an array");
    return mounts;
  }
  for (rapidjson::SizeType i = 0; i < array.Size(); ++i) {
    mounts.push_back(read_mount(array[i], path + "[" + std::to_string(i) + "]", task, errors));
  }
  return mounts;
}

}  // namespace troupe::worker
