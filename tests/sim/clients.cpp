#include "tests/sim/clients.h"

#include "actors/kinds.h"

#include <algorithm>
#include <utility>

namespace troupe::sim {
namespace {

constexpr std::size_t open_tasks_max = 40;
constexpr std::uint64_t groups = 5;
const std::vector<std::string> queues{"local/default", "local/other", "far/away"};

Command to_task(Verb verb, const std::string& id, Bytes body) {
  Command command;
  command.verb = verb;
  command.to = task_id(id);
  command.body = std::move(body);
  return command;
}

// What holds some tasks back in their queues. All tasks of one key have the same limit.
std::string any_extra(Speaker& world) {
  const auto limit = 1 + below(world.random(), 2);
  const std::string concurrency = R"("concurrency": {"key": "k)" + std::to_string(limit) +
                                  R"(", "limit": )" + std::to_string(limit) + "}";
  const std::string resources =
      world.one_in(2) ? R"("resources": {"cpu": 1})" : R"("resources": {"cpu": 0.5, "token": 1})";
  switch (below(world.random(), 8)) {
    case 0:
    case 1: return "{" + concurrency + "}";
    case 2: return "{" + resources + "}";
    case 3: return "{" + concurrency + ", " + resources + "}";
    default: return "{}";
  }
}

}  // namespace

void Clients::act(Speaker& world) {
  if (!again_.empty() && world.one_in(2)) {
    Command command = std::move(again_.front());
    again_.pop_front();
    world.say(std::move(command), world.new_wire());
    return;
  }
  const auto what = below(world.random(), 16);
  if (what < 6) {
    if (world.model().open_tasks() < open_tasks_max) create_some(world);
  } else if (what < 8) {
    create_again(world);
  } else if (what < 14) {
    command_task(world);
  } else {
    command_group(world);
  }
}

test::NewTask Clients::new_task(Speaker& world) {
  Random& random = world.random();
  test::NewTask task;
  task.queue = world.any_of(queues);
  if (!world.one_in(4)) task.group = "G" + std::to_string(below(random, groups));
  if (world.one_in(40)) task.scheduler = "other";
  task.requirement = world.one_in(3) ? Requires::ALL_RESOLVED : Requires::ALL_COMPLETED;
  task.priority = static_cast<Priority>(below(random, 7));
  task.retries = static_cast<int>(below(random, 4));
  task.created = world.now();
  // Some end in seconds, most in minutes.
  const auto seconds = world.one_in(4) ? 5 + below(random, 60) : 60 + below(random, 1'200);
  task.deadline = task.created + Duration{static_cast<std::int64_t>(seconds) * 1'000};
  // Some are gone while the world still turns, all before long.
  const std::uint64_t lives_ms = world.one_in(6) ? 10'000 : world.one_in(2) ? 600'000 : 36'000'000;
  task.expires = task.deadline + Duration{static_cast<std::int64_t>(below(random, lives_ms))};
  task.hold = world.one_in(8);
  task.extra = any_extra(world);
  return task;
}

// A task, or a small graph in which each needs some of those before it.
void Clients::create_some(Speaker& world) {
  std::vector<std::string> graph;
  const auto count = world.one_in(3) ? 2 + below(world.random(), 4) : 1;
  const bool in_order = !world.one_in(4);
  const WireId wire = world.new_wire();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string id = "T" + std::to_string(++ids_);
    test::NewTask task = new_task(world);
    for (const std::string& before : graph) {
      if (world.one_in(2)) task.needs.push_back(before);
    }
    for (auto old = below(world.random(), 3); old > 0 && !acknowledged_.empty(); --old) {
      const std::string& need = world.any_of(acknowledged_);
      if (std::ranges::find(task.needs, need) == task.needs.end()) task.needs.push_back(need);
    }
    if (world.one_in(60)) task.needs.push_back(id);         // blocked until told by hand
    if (world.one_in(60)) task.needs.push_back("nowhere");  // refused
    graph.push_back(id);
    create(world, id, std::move(task), in_order ? wire : world.new_wire());
  }
}

void Clients::create(Speaker& world, const std::string& id, test::NewTask task, WireId wire) {
  const int variant = world.model().define(id, task);
  task.tags.emplace_back(variant_tag, std::to_string(variant));
  Command command = to_task(Verb::create, id, test::create_task(id, task));
  command.variant = variant;
  world.say(std::move(command), wire);
}

// What was created is created again: the same, or under the same id something else.
void Clients::create_again(Speaker& world) {
  const auto& tasks = world.model().tasks();
  if (tasks.empty()) return;
  const TaskModel& known = *tasks[below(world.random(), tasks.size())];
  if (known.variants.empty()) return;
  if (world.one_in(4)) {
    create(world, known.id, new_task(world), world.new_wire());
    return;
  }
  const auto variant = below(world.random(), known.variants.size());
  test::NewTask task = known.variants[variant];
  task.tags.emplace_back(variant_tag, std::to_string(variant));
  Command command = to_task(Verb::create, known.id, test::create_task(known.id, task));
  command.variant = static_cast<int>(variant);
  world.say(std::move(command), world.new_wire());
}

void Clients::command_task(Speaker& world) {
  const auto& tasks = world.model().tasks();
  if (tasks.empty()) return;
  // Mostly those of late: there is more to be spoiled.
  const auto late = std::min<std::size_t>(tasks.size(), world.one_in(4) ? tasks.size() : 30);
  const std::string& id = tasks[tasks.size() - 1 - below(world.random(), late)]->id;
  const auto what = below(world.random(), 10);
  if (what > 7) {
    const auto priority = static_cast<Priority>(below(world.random(), 7));
    Command command = to_task(Verb::change_priority, id, test::change_priority(priority));
    command.priority = priority;
    world.say(std::move(command), world.new_wire());
    return;
  }
  Command command = what < 3   ? to_task(Verb::schedule, id, test::schedule())
                    : what < 6 ? to_task(Verb::rerun, id, test::rerun())
                               : to_task(Verb::cancel, id, test::cancel());
  world.say(std::move(command), world.new_wire());
}

void Clients::command_group(Speaker& world) {
  Command command;
  command.to = task_group_id("G" + std::to_string(below(world.random(), groups)));
  // A sealed group takes no more tasks: rarely, or nothing would happen in groups.
  const auto what = below(world.random(), 12);
  if (what == 0) {
    command.verb = Verb::seal;
    command.body = test::seal();
  } else if (what < 4) {
    command.verb = Verb::cancel_group;
    command.body = test::cancel_group();
  } else if (what < 7) {
    command.verb = Verb::change_group_priority;
    command.priority = static_cast<Priority>(below(world.random(), 7));
    command.body = test::change_group_priority(command.priority);
  } else {
    command.verb = Verb::release;
    command.body = test::release();
  }
  world.say(std::move(command), world.new_wire());
}

bool Clients::wind_up(Speaker& world) {
  const bool busy = !again_.empty() || !released_;
  for (Command& command : std::exchange(again_, {})) {
    world.say(std::move(command), world.new_wire());
  }
  if (std::exchange(released_, true)) return busy;
  for (const auto& [id, group] : world.model().groups()) {
    if (group.members.empty()) continue;
    Command command;
    command.verb = Verb::release;
    command.to = task_group_id(id);
    command.body = test::release();
    world.say(std::move(command), world.new_wire());
  }
  return busy;
}

void Clients::answered(Speaker& world, const Command& command, const Result<Bytes>& answer) {
  const bool again = !answer.ok() && is_retryable(answer.error().code);
  // A client whose connection went down in that moment has heard nothing.
  const bool unheard = world.faulty() && world.one_in(12);
  if (again || unheard) return lost(world, command);
  if (answer.ok() && command.verb == Verb::create) acknowledged_.push_back(command.to.key);
}

void Clients::lost(Speaker& world, Command command) {
  // Some give up.
  if (world.faulty() && world.one_in(5)) return;
  again_.push_back(std::move(command));
}

}  // namespace troupe::sim
