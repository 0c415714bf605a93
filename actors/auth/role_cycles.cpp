#include "actors/auth/role_cycles.h"

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <unordered_set>

namespace troupe {
namespace {

struct ReferenceHash {
  std::size_t operator()(const RoleReference& reference) const {
    return std::hash<std::string_view>()(reference.base) * 2 + (reference.star ? 1 : 0);
  }
};
using References = std::unordered_set<RoleReference, ReferenceHash>;

/// Roles that one scope leads to.
std::vector<const CompiledRole*> matches(const RoleIndex& roles, const RoleReference& reference) {
  std::vector<const CompiledRole*> found;
  roles.match(reference.base, reference.star,
              [&found](const RolePtr& role, std::size_t) { found.push_back(role.get()); });
  return found;
}

// A depth-first search of the whole graph.
class CycleSearch {
 public:
  explicit CycleSearch(const RoleIndex& roles) : roles_(roles) {}

  std::vector<const CompiledRole*> run() {
    roles_.for_each([this](const RolePtr& role) {
      if (marks_.count(role.get()) == 0) search_from(*role);
      return cycle_.empty();
    });
    return std::move(cycle_);
  }

 private:
  enum class Mark : std::uint8_t { on_path, done };

  // A role on the path from where the search began, and how far its scopes are followed.
  struct Frame {
    const CompiledRole* role;
    std::size_t scopes_begun = 0;
    RoleReference reference;  // of the scope that is being followed
    std::vector<const CompiledRole*> targets;
    std::size_t targets_taken = 0;
  };

  void search_from(const CompiledRole& start) {
    enter(start);
    while (!path_.empty() && cycle_.empty()) {
      const CompiledRole* target = next_target(path_.back());
      if (target == nullptr) {
        marks_[path_.back().role] = Mark::done;
        path_.pop_back();
        continue;
      }
      const auto mark = marks_.find(target);
      if (mark == marks_.end()) {
        enter(*target);
      } else if (mark->second == Mark::on_path) {
        note_cycle(*target);
      }
    }
  }

  void enter(const CompiledRole& role) {
    marks_[&role] = Mark::on_path;
    path_.push_back({&role, 0, {}, {}, 0});
  }

  /// Null once all scopes are followed. A scope whose roles are all done leads to no cycle: it is
  /// not followed again, for whichever role has it.
  const CompiledRole* next_target(Frame& frame) {
    while (frame.targets_taken == frame.targets.size()) {
      if (!frame.targets.empty()) done_.insert(frame.reference);
      frame.targets.clear();
      frame.targets_taken = 0;
      if (frame.scopes_begun == frame.role->size()) return nullptr;
      const auto reference = widest_reference((*frame.role)[frame.scopes_begun++]);
      if (!reference || done_.count(*reference) != 0) continue;
      frame.reference = *reference;
      frame.targets = matches(roles_, *reference);
    }
    return frame.targets[frame.targets_taken++];
  }

  void note_cycle(const CompiledRole& first) {
    for (const Frame& frame : path_) {
      if (frame.role == &first || !cycle_.empty()) cycle_.push_back(frame.role);
    }
  }

  const RoleIndex& roles_;
  std::unordered_map<const CompiledRole*, Mark> marks_;
  References done_;
  std::vector<Frame> path_;
  std::vector<const CompiledRole*> cycle_;
};

}  // namespace

std::vector<const CompiledRole*> find_cycle(const RoleIndex& roles) {
  return CycleSearch(roles).run();
}

bool is_on_cycle(const RoleIndex& roles, const CompiledRole& role) {
  References seen;
  std::unordered_set<const CompiledRole*> reached;
  std::vector<const CompiledRole*> waiting = {&role};
  while (!waiting.empty()) {
    const CompiledRole& from = *waiting.back();
    waiting.pop_back();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto reference = widest_reference(from[i]);
      if (!reference || !seen.insert(*reference).second) continue;
      for (const CompiledRole* target : matches(roles, *reference)) {
        if (target == &role) return true;
        if (reached.insert(target).second) waiting.push_back(target);
      }
    }
  }
  return false;
}

}  // namespace troupe
