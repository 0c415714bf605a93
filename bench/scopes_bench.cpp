// What it costs to know what a caller may do, with 10,000 roles: 6,000 repositories of 300
// organisations (half of them prefix roles), 2,000 projects, 949 teams that assume projects and
// repositories, 51 prefix roles with parameters, and two chains of 500.
//
//   create          all roles one after the other, each checked against those before it
//   load, check     all at once: what a start does, and the search for cycles in it
//   expand_cold     what a caller's roles give, computed
//   expand_kept     the same, asked for again
//   satisfies       whether a caller's expanded scopes have one
//   authorize       a method's template is filled in and checked
//   granting        which roles would help who lacks a scope
//
// Prints one JSON object a line; `ns` is the median of the runs. Repeat it with: scripts/bench
// scopes
#include "actors/auth/role_cycles.h"
#include "actors/auth/role_set.h"
#include "actors/auth/scope_expander.h"
#include "runtime/scopes/scope_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace troupe {
namespace {

constexpr std::size_t projects = 2'000;
constexpr std::size_t repositories = 6'000;
constexpr std::size_t organisations = 300;
constexpr std::size_t teams = 949;
constexpr std::size_t parameterised = 51;
constexpr std::size_t chains = 2;
constexpr std::size_t chain_length = 500;
constexpr int runs = 5;
constexpr double run_seconds = 0.2;

[[noreturn]] void fail(const std::string& why) {
  fmt::print(stderr, "scopes_bench: {}\n", why);
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result.ok()) fail(result.error().detail);
  return std::move(result).value();
}

std::string repository(std::size_t i) {
  return fmt::format("repo:github.com/organisation-{}/repository-{}:", i % organisations, i);
}

Role repository_role(std::size_t i) {
  const std::size_t project = i % projects;
  return {repository(i) + (i % 2 == 0 ? "branch:main" : "*"),
          {fmt::format("queue:create-task:highest:project-{}/linux-*", project),
           fmt::format("queue:route:index.project.project-{}.*", project),
           fmt::format("queue:scheduler-id:project-{}-level-{}", project, i % 3 + 1),
           fmt::format("secrets:get:project/project-{}/deploy-{}", project, i),
           fmt::format("assume:project:project-{}:release", project),
           "queue:create-task:lowest:shared/decision", "docker-worker:feature:taskclusterProxy"}};
}

Role project_role(std::size_t i) {
  return {fmt::format("project:project-{}:release", i),
          {fmt::format("auth:aws-s3:read-write:builds/project-{}/*", i),
           fmt::format("docker-worker:cache:project-{}-*", i),
           fmt::format("generic-worker:cache:project-{}-*", i),
           fmt::format("hooks:trigger-hook:project-{}/*", i),
           fmt::format("object:upload:releases:project-{}/*", i),
           fmt::format("worker-manager:manage-worker-pool:project-{}/*", i),
           fmt::format("assume:area-{}:project-{}", i % parameterised, i), "notify:email:*"}};
}

Role team_role(std::size_t i) {
  return {fmt::format("team:{}", i),
          {fmt::format("assume:project:project-{}:release", i * 2),
           fmt::format("assume:project:project-{}:release", i * 2 + 1),
           "assume:" + repository(i * 5) + "*", fmt::format("queue:rerun-task:team-{}/*", i),
           "auth:current-scopes", "queue:get-artifact:private/*"}};
}

Role parameterised_role(std::size_t i) {
  return {fmt::format("area-{}:*", i),
          {fmt::format("index:insert-task:area-{}.<..>.*", i), "secrets:get:area/<..>/shared",
           "queue:pending-count:<..>/*", "auth:get-client:project/<..>/*",
           fmt::format("queue:quarantine-worker:area-{}/<..>", i)}};
}

Role link_role(std::size_t chain, std::size_t i) {
  return {fmt::format("chain-{}:link-{}", chain, i),
          {fmt::format("chained:{}:{}", chain, i),
           fmt::format("assume:chain-{}:link-{}", chain, i + 1)}};
}

std::vector<Role> all_roles() {
  std::vector<Role> roles;
  for (std::size_t i = 0; i < repositories; ++i) roles.push_back(repository_role(i));
  for (std::size_t i = 0; i < projects; ++i) roles.push_back(project_role(i));
  for (std::size_t i = 0; i < teams; ++i) roles.push_back(team_role(i));
  for (std::size_t i = 0; i < parameterised; ++i) roles.push_back(parameterised_role(i));
  for (std::size_t chain = 0; chain < chains; ++chain) {
    for (std::size_t i = 0; i < chain_length; ++i) roles.push_back(link_role(chain, i));
  }
  return roles;
}

/// Seconds of processor time since construction: nothing here waits.
class ProcessorWatch {
 public:
  double seconds() const {
    return static_cast<double>(std::clock() - start_) / static_cast<double>(CLOCKS_PER_SEC);
  }

 private:
  std::clock_t start_ = std::clock();
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Nanoseconds that one call of `work(i)` takes, for rising i.
template <class Work>
double ns_of(Work work) {
  std::vector<double> results;
  std::size_t i = 0;
  for (int run = 0; run < runs; ++run) {
    const ProcessorWatch watch;
    std::size_t calls = 0;
    std::size_t batch = 1;
    while (watch.seconds() < run_seconds) {
      for (std::size_t call = 0; call < batch; ++call) work(i++);
      calls += batch;
      batch = std::min<std::size_t>(batch * 2, 1'000);
    }
    results.push_back(watch.seconds() * 1e9 / static_cast<double>(calls));
  }
  return median(results);
}

void print(const std::string& what, const std::string& of, double ns, const std::string& more) {
  fmt::print(R"({{"benchmark":"scopes","what":"{}","of":"{}","ns":{:.0f}{},"runs":{}}})"
             "\n",
             what, of, ns, more, runs);
  std::fflush(stdout);
}

// Creating, loading and checking; returns the set.
RoleSet measure_making(const std::vector<Role>& roles) {
  std::vector<double> created;
  std::vector<double> loaded;
  std::vector<double> checked;
  RoleSet set;
  for (int run = 0; run < runs; ++run) {
    const ProcessorWatch one_by_one;
    set = RoleSet();
    for (const Role& role : roles) set = must(set.with(role));
    created.push_back(one_by_one.seconds() * 1e9);
    const ProcessorWatch all_at_once;
    set = must(RoleSet::of(roles));
    loaded.push_back(all_at_once.seconds() * 1e9);
    RoleIndex index;
    for (const Role& role : roles) {
      index = index.with(role.role_id, std::make_shared<CompiledRole>(role));
    }
    const ProcessorWatch search;
    if (!find_cycle(index).empty()) fail("there is a cycle");
    checked.push_back(search.seconds() * 1e9);
  }
  std::size_t text = 0;
  for (const Role& role : roles) {
    text += role.role_id.size();
    for (const std::string& scope : role.scopes) text += scope.size();
  }
  const auto each = median(created) / static_cast<double>(roles.size());
  print("create", "10,000 roles", median(created), fmt::format(R"(,"ns_each":{:.0f})", each));
  print("load", "10,000 roles", median(loaded),
        fmt::format(R"(,"memory_bytes":{},"text_bytes":{})", set.memory_bytes(), text));
  print("check", "10,000 roles", median(checked), "");
  const double changed =
      ns_of([&set](std::size_t i) { must(set.with(repository_role(i * 7 % repositories))); });
  print("change", "a repository's role", changed, "");
  return set;
}

void measure_expansion(const RoleSet& set) {
  struct Input {
    const char* name;
    std::vector<ScopeSet> scopes;
  };
  std::vector<Input> inputs = {{"a repository", {}},
                               {"a team", {}},
                               {"a client", {}},
                               {"a chain of 500", {}},
                               {"all roles", {}}};
  for (std::size_t i = 0; i < 500; ++i) {
    const std::string pushed =
        "assume:" + repository(i * 7) + (i % 2 == 0 ? "branch:main" : "pull-request");
    const std::string team = fmt::format("assume:team:{}", i);
    inputs[0].scopes.push_back(ScopeSet::of({pushed}));
    inputs[1].scopes.push_back(ScopeSet::of({team, "assume:anonymous"}));
    inputs[2].scopes.push_back(ScopeSet::of(
        {pushed, team, "assume:anonymous", "queue:create-task:low:x/*", "index:find-task:*"}));
  }
  inputs[3].scopes.push_back(ScopeSet::of({"assume:chain-0:link-0"}));
  inputs[4].scopes.push_back(ScopeSet::of({"assume:*"}));

  ScopeExpander expander(set);
  for (const Input& input : inputs) {
    const auto& scopes = input.scopes;
    const std::size_t size = must(set.expand(scopes[0])).size();
    const std::string more = fmt::format(R"(,"scopes":{})", size);
    print("expand_cold", input.name,
          ns_of([&set, &scopes](std::size_t i) { must(set.expand(scopes[i % scopes.size()])); }),
          more);
    for (const ScopeSet& each : scopes) must(expander.expand(each));
    print("expand_kept", input.name, ns_of([&expander, &scopes](std::size_t i) {
            must(expander.expand(scopes[i % scopes.size()]));
          }),
          more);
  }
}

void measure_checks(const RoleSet& set) {
  const ScopeSet team = must(set.expand(ScopeSet::of({"assume:team:7", "assume:anonymous"})));
  const ScopeSet all = must(set.expand(ScopeSet::of({"assume:*"})));
  const std::vector<std::string> wanted = {
      "queue:rerun-task:team-7/a/b", "auth:current-scopes", "hooks:trigger-hook:project-15/x",
      "hooks:trigger-hook:project-9999/x", "worker-manager:provider:none"};
  for (const auto* held : {&team, &all}) {
    std::size_t satisfied = 0;
    const double ns = ns_of([held, &wanted, &satisfied](std::size_t i) {
      satisfied += held->satisfies(wanted[i % wanted.size()]) ? 1U : 0U;
    });
    if (satisfied == 0) fail("nothing was satisfied");
    print("satisfies", held == &team ? "a team" : "all roles", ns,
          fmt::format(R"(,"scopes":{})", held->size()));
  }

  const ScopeTemplate one = must(ScopeTemplate::parse("queue:rerun-task:<group>/<taskId>"));
  const ScopeTemplate several = must(ScopeTemplate::parse(
      R"({"AnyOf":["queue:rerun-in-project:<group>",{"AllOf":["auth:current-scopes",)"
      R"({"for":"x","in":"names","each":"queue:get-artifact:<x>"}]}]})"));
  for (const auto* method : {&one, &several}) {
    const double ns = ns_of([method, &team](std::size_t) {
      ScopeParameters parameters;
      parameters.text("group", "team-7").text("taskId", "KBEAceo4RwWS2NdDj-eSVQ");
      parameters.list("names", {"private/a", "private/b"});
      const auto expression = must(method->render(parameters));
      if (!expression->satisfied_by(team)) fail("a method is refused");
    });
    print("authorize", method == &one ? "one scope" : "AnyOf, AllOf and a list of two", ns, "");
  }
  print("granting", "a scope of one role", ns_of([&set](std::size_t i) {
          const std::size_t number = i % repositories;
          const auto roles = set.roles_granting(
              fmt::format("secrets:get:project/project-{}/deploy-{}", number % projects, number));
          if (roles.size() != 1) fail("not one role grants it");
        }),
        "");
}

}  // namespace
}  // namespace troupe

int main() {
  const auto roles = troupe::all_roles();
  if (roles.size() != 10'000) troupe::fail("not 10,000 roles");
  const troupe::RoleSet set = troupe::measure_making(roles);
  troupe::measure_expansion(set);
  troupe::measure_checks(set);
}
