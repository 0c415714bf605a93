#include "tests/tidy/source_tree.h"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace troupe::tidy {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// What Git tracks; nothing if Git does not answer.
std::vector<std::string> tracked_files(const std::string& root) {
  // The source may belong to another user, which Git refuses by default.
  const std::string command = "git -c safe.directory='*' -C '" + root + "' ls-files -z 2>/dev/null";
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string output;
  std::array<char, 4'096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), size);
  }
  if (pclose(pipe) != 0) return {};
  std::vector<std::string> paths;
  std::istringstream stream(output);
  for (std::string path; std::getline(stream, path, '\0');) paths.push_back(path);
  return paths;
}

/// Everything there is: for a source that was unpacked from an archive.
std::vector<std::string> all_files(const fs::path& root) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().lexically_relative(root).string());
  }
  return paths;
}

Tree load_tree(const std::string& root) {
  const bool has_git = fs::exists(fs::path(root) / ".git");
  Tree tree;
  for (const std::string& path : has_git ? tracked_files(root) : all_files(root)) {
    const fs::path full = fs::path(root) / path;
    if (fs::is_regular_file(full)) tree[path] = read_text(full);
  }
  return tree;
}

}  // namespace

const Tree& source_tree() {
  static const Tree tree = load_tree(TROUPE_SOURCE_ROOT);
  return tree;
}

bool is_source(std::string_view path) {
  return path.ends_with(".cpp") || path.ends_with(".h");
}

std::string top_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

std::string at_line(const std::string& path, std::size_t index, const std::string& what) {
  return path + ":" + std::to_string(index + 1) + ": " + what;
}

void require_none(const Findings& findings) {
  std::string lines;
  for (const std::string& finding : findings) lines += finding + "\n";
  INFO(lines);
  REQUIRE(findings.empty());
}

}  // namespace troupe::tidy
