#include "apps/troupe/cli/api_page.h"

#include "apps/troupe/server/services.h"

#include <algorithm>

namespace troupe::cli {
namespace {

std::string code(const std::string& text) {
  return "`" + text + "`";
}

// Pipes would end a cell.
std::string cell(std::string text) {
  for (auto at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) {
    text.insert(at, "\\");
  }
  return text;
}

std::string query_of(const api::Method& method) {
  std::string names;
  for (const auto& parameter : method.parameters) {
    if (parameter.place != api::Place::query) continue;
    names += (names.empty() ? "" : ", ") + code(parameter.name);
  }
  return names.empty() ? "" : " Query: " + names + ".";
}

std::string bodies_of(const api::Method& method) {
  std::string text;
  if (!method.input.empty()) text += " Takes " + code(method.input) + ".";
  if (!method.output.empty()) text += " Answers " + code(method.output) + ".";
  return text;
}

std::string row(const api::Method& method) {
  const std::string scopes = method.scopes ? code(method.scopes->text()) : "public";
  const std::string stability = method.stability == "stable" ? "" : " (" + method.stability + ")";
  return "| " + code(method.name) + stability + " | " + code(method.verb + " " + method.route) +
         " | " + cell(scopes) + " | " +
         cell(method.description + query_of(method) + bodies_of(method)) + " |\n";
}

std::string rpc_row(const api::Method& method) {
  return "| " + code(method.name) + " | " + cell(code(method.scopes->text())) + " | " +
         cell(method.description) + " |\n";
}

std::string section(const api::Service& service) {
  std::string text = "\n## " + service.title + " (" + code(service.name) + ")\n\n" +
                     service.description + " Routes are below " + code(service.prefix()) +
                     ".\n\n| method | route | needs | |\n|---|---|---|---|\n";
  std::string rpc;
  for (const auto& method : service.methods) {
    if (method.route.empty()) {
      rpc += rpc_row(method);
    } else {
      text += row(method);
    }
  }
  if (!rpc.empty())
    text += "\nOver Cap'n Proto RPC alone:\n\n| method | needs | |\n|---|---|---|\n" + rpc;
  return text;
}

}  // namespace

bool is_published(const api::Service& service) {
  return std::any_of(service.methods.begin(), service.methods.end(),
                     [](const auto& method) { return !method.route.empty(); });
}

std::string api_page() {
  std::string page =
      "# The API\n\nEvery method, as `schema/api/` defines it; `troupe api --markdown` prints this "
      "page.\nOver HTTP each is at its route, over Cap'n Proto RPC a method of the service's "
      "interface.\nA running server tells the same in `/references/manifest.json`, with a JSON "
      "schema of each\nbody under `/schemas/`. How to call it from a program: "
      "[clients.md](clients.md).\n";
  for (const auto& one : server::served_services()) {
    if (is_published(one.service)) page += section(one.service);
  }
  page.pop_back();
  return page;
}

}  // namespace troupe::cli
