// Any method of the API, from the schema.
#include "apps/troupe/cli/api_page.h"
#include "apps/troupe/cli/artifact_list.h"
#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/input_file.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/table.h"
#include "apps/troupe/group_file/json_reader.h"
#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/server/services.h"
#include "runtime/api/parameters.h"
#include "runtime/base/counted.h"
#include "runtime/base/random.h"
#include "runtime/transcode/faults.h"
#include "runtime/transcode/json.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <capnp/dynamic.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::cli {
namespace {

struct ApiOptions {
  std::string service;
  std::string method;
  std::vector<std::string> arguments;
  std::vector<std::string> query;  // `name=value` each
  std::string body;                // a file, `-`; empty: none
  bool markdown = false;
};

std::string nearest(std::string_view name, const std::vector<std::string_view>& known) {
  const auto found = transcode::nearest_name(name, known);
  return found.empty() ? "" : "; did you mean " + std::string(found) + "?";
}

Result<const api::Service*> find_service(const std::string& name) {
  std::vector<std::string_view> known;
  for (const auto& one : server::served_services()) {
    if (one.service.name == name && is_published(one.service)) return &one.service;
    if (is_published(one.service)) known.push_back(one.service.name);
  }
  return Error{Errc::invalid,
               "no service \"" + name + "\"" + nearest(name, known) + " (troupe api lists them)"};
}

Result<const api::Method*> find_method(const api::Service& service, const std::string& name) {
  const auto* method = service.find(name);
  if (method != nullptr && !method->route.empty()) return method;
  std::vector<std::string_view> known;
  for (const auto& one : service.methods) {
    if (!one.route.empty()) known.push_back(one.name);
  }
  return Error{Errc::invalid, "service " + service.name + " has no method \"" + name + "\"" +
                                  nearest(name, known) + " (troupe api " + service.name +
                                  " lists them)"};
}

Result<api::NamedTexts> route_values(const api::Method& method, const ApiOptions& options) {
  std::vector<std::string> names;
  for (const auto& parameter : method.parameters) {
    if (parameter.place == api::Place::route) names.push_back(parameter.name);
  }
  if (names.size() != options.arguments.size()) {
    std::string wanted;
    for (const auto& name : names) wanted += " <" + name + ">";
    return Error{Errc::invalid, method.name + " takes " + counted(names.size(), "argument") +
                                    ", not " + std::to_string(options.arguments.size()) +
                                    ": troupe api " + method.service + " " + method.name + wanted};
  }
  api::NamedTexts values;
  for (std::size_t i = 0; i < names.size(); ++i) {
    values.emplace_back(names[i], options.arguments[i]);
  }
  return values;
}

Result<api::NamedTexts> query_values(const ApiOptions& options) {
  api::NamedTexts values;
  for (const auto& text : options.query) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      return Error{Errc::invalid, "--query " + text + ": write NAME=VALUE"};
    }
    values.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return values;
}

// A line for each part that is wrong, with the method in front of it.
Error in_lines(const api::Method& method, const Error& error) {
  constexpr std::string_view title = "Invalid URL patterns:\n";
  std::string_view rest = error.detail;
  if (rest.starts_with(title)) rest.remove_prefix(title.size());
  std::string text = method.name + ": ";
  for (const char c : rest) {
    text += c;
    if (c == '\n') text += method.name + ": ";
  }
  return {error.code, text};
}

// The contract's words give an expression alone: what an id looks like, and which is none.
Error explained(const api::Method& method, const api::NamedTexts& route, Error error) {
  for (const auto& [name, value] : route) {
    if ((name != "taskId" && name != "taskGroupId") || is_slugid(value)) continue;
    return {error.code, method.name + ": " + name + " \"" + value +
                            "\" is no id: those have 22 characters that hold a random UUID (a "
                            "slugid), such as " +
                            new_slugid() + ", which is new"};
  }
  return in_lines(method, error);
}

Status fill_url(const api::Method& method,
                const ApiOptions& options,
                capnp::DynamicStruct::Builder params) {
  auto route = route_values(method, options);
  if (!route.ok()) return route.error();
  if (auto filled = api::fill_route(method, route.value(), params); !filled.ok()) {
    return explained(method, route.value(), filled.error());
  }
  auto query = query_values(options);
  if (!query.ok()) return query.error();
  auto filled = api::fill_query(method, query.value(), params);
  return filled.ok() ? filled : in_lines(method, filled.error());
}

// Where the body's faults are in its file. Duplicate keys are none here: the last one counts.
group_file::Problems place(const std::vector<FieldError>& faults,
                           const std::string& name,
                           std::string_view text) {
  group_file::Problems duplicates(name);
  const auto tree = group_file::read_json(text, duplicates);
  group_file::Problems problems(name);
  for (const FieldError& fault : faults) {
    problems.add(tree ? group_file::position_of(*tree, fault.path) : group_file::Position{1, 1},
                 fault.path.empty() ? fault.message : fault.path + ": " + fault.message);
  }
  return problems;
}

// Adds to `problems` what the file says wrongly; an error is about the file as a whole.
Status fill_body(const api::Method& method,
                 const ApiOptions& options,
                 capnp::DynamicStruct::Builder params,
                 std::optional<group_file::Problems>& problems) {
  if (!method.body) {
    if (options.body.empty()) return Done{};
    return Error{Errc::invalid, method.name + " takes no --body"};
  }
  if (options.body.empty()) return Error{Errc::invalid, method.name + " needs --body FILE, or -"};
  auto text = read_input(options.body);
  if (!text.ok()) return text.error();
  const std::string name = input_name(options.body);
  const auto field =
      method.schema.getParamType().getFieldByName(method.parameters[*method.body].name.c_str());
  const auto faults = read_json(text.value(), params.init(field).as<capnp::DynamicStruct>());
  if (!faults.ok()) return Error{faults.error().code, name + ": " + faults.error().detail};
  if (!faults.value().empty()) problems = place(faults.value(), name, text.value());
  return Done{};
}

// A published service that is missing here is a fault of this program.
Result<capnp::DynamicCapability::Client> capability(Session& session, const std::string& service) {
  using Client = capnp::DynamicCapability::Client;
  client::Connection& connection = session.connection();
  if (service == "auth") return Client(connection.auth());
  if (service == "object") return Client(connection.object());
  if (service == "queue") return Client(connection.queue());
  if (service == "troupe") return Client(connection.troupe());
  return Error{Errc::internal, "service " + service + " cannot be called from here"};
}

std::optional<std::uint32_t> run_of(capnp::DynamicStruct::Reader params) {
  KJ_IF_MAYBE (field, params.getSchema().findFieldByName("runId")) {
    return params.get(*field).as<std::uint32_t>();
  }
  return std::nullopt;
}

// An error artifact is a refusal over HTTP, which says why there is nothing: so it is here.
std::optional<Error> refused_artifact(Session& session,
                                      capnp::DynamicStruct::Reader answer,
                                      const std::vector<std::string>& arguments,
                                      std::optional<std::uint32_t> run) {
  if (answer.getSchema() != capnp::Schema::from<schema::ArtifactLocation>()) return std::nullopt;
  if (answer.as<schema::ArtifactLocation>().getUrl().size() > 0) return std::nullopt;
  const auto fault = ask_fault(session, arguments.front(), run, arguments.back());
  if (!fault) return std::nullopt;
  return not_made(arguments.back(), *fault);
}

int call(const GlobalOptions& global, const ApiOptions& options) {
  return with_session(global, [&](Session& session) -> Result<int> {
    auto service = find_service(options.service);
    if (!service.ok()) return service.error();
    auto method = find_method(*service.value(), options.method);
    if (!method.ok()) return method.error();
    auto target = capability(session, service.value()->name);
    if (!target.ok()) return target.error();
    auto request = target.value().newRequest(method.value()->schema);
    if (auto filled = fill_url(*method.value(), options, request); !filled.ok()) {
      return report_refusal(filled.error());
    }
    std::optional<group_file::Problems> problems;
    if (auto filled = fill_body(*method.value(), options, request, problems); !filled.ok()) {
      return filled.error();
    }
    if (problems) return report_file(problems->error());
    const auto run = run_of(request.asReader());
    const auto answer = session.wait(request.send());
    if (auto refused = refused_artifact(session, answer, options.arguments, run)) {
      return *std::move(refused);
    }
    if (method.value()->answers_nothing) return int{exit_done};
    const auto& part = method.value()->answer;
    print_line(part ? to_json(answer, *part) : to_json(answer));
    return int{exit_done};
  });
}

int list_services() {
  Table table({"SERVICE", "TITLE", "WHAT IT IS"});
  for (const auto& one : server::served_services()) {
    if (!is_published(one.service)) continue;
    table.add({one.service.name, one.service.title, one.service.description});
  }
  print_out(table.render(layout_of_stdout()));
  return exit_done;
}

int list_methods(const std::string& name) {
  auto service = find_service(name);
  if (!service.ok()) return report(service.error());
  Table table({"METHOD", "ROUTE", "TITLE"});
  for (const auto& method : service.value()->methods) {
    if (method.route.empty()) continue;
    table.add({method.name, method.verb + " " + method.route, method.title});
  }
  print_out(table.render(layout_of_stdout()));
  return exit_done;
}

int run_api(const GlobalOptions& global, const ApiOptions& options) {
  if (options.markdown) {
    print_line(api_page());
    return exit_done;
  }
  if (options.service.empty()) return list_services();
  if (options.method.empty()) return list_methods(options.service);
  return call(global, options);
}

}  // namespace

void add_api_commands(Commands& commands) {
  CLI::App& command = add_command(commands.app, "api", "Call any method of the API, or list them",
                                  "troupe api auth listClients --query prefix=static/");
  auto options = std::make_shared<ApiOptions>();
  command.add_option("SERVICE", options->service, "Such as auth or queue; without it: all of them");
  command.add_option("METHOD", options->method, "Without it: all of the service");
  command.add_option("ARG", options->arguments, "The parameters of its route, in order");
  command.add_option("--query", options->query, "NAME=VALUE, for the query string");
  command.add_option("--body", options->body, "A file with the body in JSON; - for standard input");
  command.add_flag("--markdown", options->markdown, "Print all methods as a page of docs");
  set_action(commands, command,
             [&global = commands.global, options] { return run_api(global, *options); });
}

}  // namespace troupe::cli
