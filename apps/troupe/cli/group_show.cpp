#include "apps/troupe/cli/group_show.h"

#include "apps/troupe/cli/figures.h"
#include "apps/troupe/cli/members.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/table.h"
#include "apps/troupe/cli/task_views.h"
#include "runtime/base/json_writer.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <vector>

namespace troupe::cli {
namespace {

struct Node {
  std::string task_id;
  std::string name;
  std::string queue;
  schema::TaskState state = schema::TaskState::UNSCHEDULED;
  std::vector<std::string> needs;  // ids, of other groups too
};

using Nodes = std::vector<Node>;

Nodes nodes_of(Session& session, const std::string& group_id) {
  Nodes nodes;
  for_each_member(session, group_id, [&nodes](schema::TaskAndStatus::Reader one) {
    const auto status = one.getStatus();
    Node node{.task_id = status.getTaskId().cStr(),
              .name = one.getTask().getMetadata().getName().cStr(),
              .queue = status.getTaskQueueId().cStr(),
              .state = status.getState(),
              .needs = {}};
    for (const auto id : one.getTask().getDependencies()) node.needs.emplace_back(id.cStr());
    nodes.push_back(std::move(node));
  });
  return nodes;
}

std::map<schema::TaskState, std::size_t> count_states(const Nodes& nodes) {
  std::map<schema::TaskState, std::size_t> counts;
  for (const Node& node : nodes) counts[node.state] += 1;
  return counts;
}

// Each after what it needs; what needs each other in a circle, or itself, comes last.
Nodes in_order(const Nodes& nodes) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < nodes.size(); ++i) index[nodes[i].task_id] = i;
  std::vector<std::size_t> open(nodes.size(), 0);
  std::vector<std::vector<std::size_t>> dependents(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& id : nodes[i].needs) {
      const auto needed = index.find(id);
      if (needed == index.end()) continue;
      open[i] += 1;
      dependents[needed->second].push_back(i);
    }
  }
  std::vector<std::size_t> order;
  const auto take_free = [&](std::size_t i) {
    if (open[i] == 0) order.push_back(i);
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) take_free(i);
  for (std::size_t at = 0; at < order.size(); ++at) {
    for (const std::size_t i : dependents[order[at]]) {
      open[i] -= 1;
      take_free(i);
    }
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (open[i] > 0) order.push_back(i);
  }
  Nodes sorted;
  for (const std::size_t i : order) sorted.push_back(nodes[i]);
  return sorted;
}

// By name within the group, by id elsewhere.
std::vector<std::string> names_of_needs(const Node& node,
                                        const std::map<std::string, std::string>& names) {
  std::vector<std::string> needs;
  for (const std::string& id : node.needs) {
    const auto known = names.find(id);
    needs.push_back(known == names.end() ? id : known->second);
  }
  return needs;
}

std::map<std::string, std::string> names_by_id(const Nodes& nodes) {
  std::map<std::string, std::string> names;
  for (const Node& node : nodes) names[node.task_id] = node.name;
  return names;
}

std::string dot_text(const Nodes& nodes) {
  std::string text = "digraph group {\n";
  for (const Node& node : nodes) {
    text += fmt::format("  {} [label={}];\n", json_string(node.task_id),
                        json_string(node.name + " (" + enum_name(node.state) + ")"));
    for (const std::string& id : node.needs) {
      text += fmt::format("  {} -> {};\n", json_string(id), json_string(node.task_id));
    }
  }
  return text + "}\n";
}

std::string graph_json(const std::string& group_id, const Nodes& nodes) {
  JsonWriter json;
  json.begin_object().key("taskGroupId").string(group_id).key("tasks").begin_array();
  for (const Node& node : nodes) {
    json.begin_object().key("taskId").string(node.task_id).key("name").string(node.name);
    json.key("state").string(enum_name(node.state)).key("dependencies").begin_array();
    for (const std::string& id : node.needs) json.string(id);
    json.end_array().end_object();
  }
  return json.end_array().end_object().take();
}

std::string group_json(schema::TaskGroup::Reader group, const Nodes& nodes) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [state, count] : count_states(nodes)) json.key(enum_name(state)).uint64(count);
  const std::string states = json.end_object().take();
  JsonWriter members;
  members.begin_array();
  for (const Node& node : nodes) {
    members.begin_object().key("taskId").string(node.task_id).key("name").string(node.name);
    members.key("state").string(enum_name(node.state));
    members.key("taskQueueId").string(node.queue).end_object();
  }
  std::string text = to_json(group);
  text.pop_back();  // the end of the object, which has members that are required
  return fmt::format("{},\"tasks\":{},\"states\":{},\"members\":{}}}", text, nodes.size(), states,
                     members.end_array().take());
}

std::string group_text(schema::TaskGroup::Reader group, const Nodes& nodes, const Layout& layout) {
  const Instant now = wall_now();
  const auto when = [now](std::int64_t ms) {
    return format_time(Instant{ms}) + " (" + relative_time(Instant{ms}, now) + ")";
  };
  std::vector<std::string> counts;
  for (const auto& [state, count] : count_states(nodes)) {
    counts.push_back(fmt::format("{} {}", count, enum_name(state)));
  }
  std::string text = fmt::format(
      "group      {}\nscheduler  {}\nsealed     {}\nexpires    {}\n"
      "tasks      {}{}\n",
      group.getTaskGroupId().cStr(), harmless(group.getSchedulerId().cStr()),
      group.getSealed() == 0 ? "no" : when(group.getSealed()), when(group.getExpires()),
      nodes.size(), nodes.empty() ? "" : fmt::format(": {}", fmt::join(counts, ", ")));
  Table table({"TASK", "STATE", "QUEUE", "NAME"});
  for (const Node& node : nodes) {
    table.add({node.task_id, state_cell(node.state), node.queue, node.name});
  }
  return nodes.empty() ? text : text + "\n" + table.render(layout);
}

}  // namespace

int group_show(const GlobalOptions& global, const std::string& group) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> group_id = resolve_group(session, group);
    if (!group_id.ok()) return group_id.error();
    auto request = session.queue().getTaskGroupRequest();
    request.setTaskGroupId(group_id.value());
    const auto answer = session.wait(request.send());
    const schema::TaskGroup::Reader found = answer;
    const Nodes nodes = in_order(nodes_of(session, group_id.value()));
    if (global.json) {
      print_line(group_json(found, nodes));
    } else {
      print_out(group_text(found, nodes, layout_of_stdout()));
    }
    return int{exit_done};
  });
}

int group_graph(const GlobalOptions& global, const std::string& group, bool dot) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<std::string> group_id = resolve_group(session, group);
    if (!group_id.ok()) return group_id.error();
    const Nodes nodes = in_order(nodes_of(session, group_id.value()));
    if (global.json) {
      print_line(graph_json(group_id.value(), nodes));
      return int{exit_done};
    }
    if (dot) {
      print_out(dot_text(nodes));
      return int{exit_done};
    }
    const auto names = names_by_id(nodes);
    Table table({"TASK", "STATE", "NAME", "NEEDS"});
    for (const Node& node : nodes) {
      const auto needs = names_of_needs(node, names);
      table.add({node.task_id, state_cell(node.state), node.name,
                 needs.empty() ? "-" : fmt::format("{}", fmt::join(needs, ", "))});
    }
    print_out(table.render(layout_of_stdout()));
    return int{exit_done};
  });
}

}  // namespace troupe::cli
