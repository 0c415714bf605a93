#include "apps/troupe/group_file/order.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace troupe::group_file {
namespace {

enum class Mark : std::uint8_t { unseen, open, done };

// A depth-first walk without recursion: a chain may be as long as the file.
class Walk {
 public:
  Walk(const std::vector<TaskPlan>& tasks, Problems& problems)
      : tasks_(tasks), problems_(problems), marks_(tasks.size(), Mark::unseen) {}

  void visit(std::size_t root) {
    if (marks_[root] != Mark::unseen) return;
    open(root);
    while (!path_.empty()) {
      Step& step = path_.back();
      const auto& needs = tasks_[step.task].needs;
      if (step.next_need == needs.size()) {
        marks_[step.task] = Mark::done;
        order_.push_back(step.task);
        path_.pop_back();
        continue;
      }
      const std::size_t need = needs[step.next_need++];
      if (marks_[need] == Mark::unseen) {
        open(need);
      } else if (marks_[need] == Mark::open) {
        report_cycle(need);
      }
    }
  }

  const std::vector<std::size_t>& order() const { return order_; }
  bool found_cycle() const { return found_cycle_; }

 private:
  struct Step {
    std::size_t task;
    std::size_t next_need;
  };

  void open(std::size_t task) {
    marks_[task] = Mark::open;
    path_.push_back({task, 0});
  }

  void report_cycle(std::size_t first) {
    found_cycle_ = true;
    const auto start = std::find_if(path_.begin(), path_.end(),
                                    [first](const Step& s) { return s.task == first; });
    std::string text;
    for (auto step = start; step != path_.end(); ++step) {
      text += fmt::format("`{}` needs ", tasks_[step->task].key);
    }
    problems_.add(tasks_[first].at, fmt::format("a cycle: {}`{}`", text, tasks_[first].key));
  }

  const std::vector<TaskPlan>& tasks_;
  Problems& problems_;
  std::vector<Mark> marks_;
  std::vector<Step> path_;
  std::vector<std::size_t> order_;
  bool found_cycle_ = false;
};

void renumber(Value& value, const std::vector<std::size_t>& new_index) {
  if (value.kind == Value::Kind::task_id) value.task = new_index[value.task];
  for (Value& item : value.items) renumber(item, new_index);
  for (Member& member : value.members) renumber(member.value, new_index);
}

}  // namespace

void sort_by_dependencies(std::vector<TaskPlan>& tasks, Problems& problems) {
  Walk walk(tasks, problems);
  for (std::size_t i = 0; i < tasks.size(); ++i) walk.visit(i);
  if (walk.found_cycle()) return;

  std::vector<std::size_t> new_index(tasks.size());
  std::vector<TaskPlan> sorted;
  sorted.reserve(tasks.size());
  for (const std::size_t old : walk.order()) {
    new_index[old] = sorted.size();
    sorted.push_back(std::move(tasks[old]));
  }
  for (TaskPlan& task : sorted) {
    for (std::size_t& need : task.needs) need = new_index[need];
    renumber(task.definition, new_index);
  }
  tasks = std::move(sorted);
}

}  // namespace troupe::group_file
