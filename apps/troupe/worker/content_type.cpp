#include "apps/troupe/worker/content_type.h"

#include "apps/troupe/worker/files.h"

#include <array>
#include <map>
#include <sstream>
#include <utility>

namespace troupe::worker {
namespace {

constexpr std::size_t table_bytes_max = 4 * 1024 * 1024;

using Pair = std::pair<std::string_view, std::string_view>;
constexpr std::array built_in = {
    Pair{"css", "text/css"},          Pair{"csv", "text/csv"},
    Pair{"gz", "application/gzip"},   Pair{"html", "text/html"},
    Pair{"jpg", "image/jpeg"},        Pair{"js", "text/javascript"},
    Pair{"json", "application/json"}, Pair{"md", "text/markdown"},
    Pair{"pdf", "application/pdf"},   Pair{"png", "image/png"},
    Pair{"svg", "image/svg+xml"},     Pair{"tar", "application/x-tar"},
    Pair{"txt", "text/plain"},        Pair{"wasm", "application/wasm"},
    Pair{"xml", "application/xml"},   Pair{"xz", "application/x-xz"},
    Pair{"yaml", "application/yaml"}, Pair{"yml", "application/yaml"},
    Pair{"zip", "application/zip"},   Pair{"zst", "application/zstd"},
};

// Lines `type extension...`; `#` begins a comment.
std::map<std::string, std::string, std::less<>> read_table() {
  std::map<std::string, std::string, std::less<>> table;
  for (const auto& [extension, type] : built_in) table.emplace(extension, type);
  const auto text = read_small_file("/etc/mime.types", table_bytes_max);
  if (!text.ok()) return table;
  std::istringstream lines(text.value());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string type;
    words >> type;
    for (std::string extension; words >> extension;) table.insert_or_assign(extension, type);
  }
  return table;
}

}  // namespace

std::string content_type_of(std::string_view path) {
  static const auto table = read_table();
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  const auto extension = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  if (extension == "log") return "text/plain";
  if (extension == "jsonl") return "application/jsonl";
  const auto found = table.find(extension);
  return found == table.end() ? "application/octet-stream" : found->second;
}

}  // namespace troupe::worker
