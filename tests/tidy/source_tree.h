// The source as the rules of the house see it. A rule is a function from a tree (paths and texts)
// to findings. Each is applied to the real tree and to a planted one, so that a rule which no
// longer finds anything fails too. Formatting is clang-format's, functions clang-tidy's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::tidy {

using Tree = std::map<std::string, std::string>;  // path from the root -> text
using Findings = std::vector<std::string>;

/// What Git tracks; all there is, where the source was unpacked from an archive.
const Tree& source_tree();

/// The folders of the source: none includes from one with a greater number.
inline const std::map<std::string, int> layers = {{"schema", 0}, {"runtime", 1}, {"actors", 2},
                                                  {"apps", 3},   {"bench", 4},   {"tests", 4}};

bool is_source(std::string_view path);

/// The first part of a path.
std::string top_of(const std::string& path);

/// `path:LINE: what`; `index` counts from 0.
std::string at_line(const std::string& path, std::size_t index, const std::string& what);

/// Fails the test with the findings, if there are any.
void require_none(const Findings& findings);

}  // namespace troupe::tidy
