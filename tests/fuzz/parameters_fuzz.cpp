// Any bytes as a query string, whose names are also taken for a route's. What HTTP accepts as a
// call's parameters, RPC accepts too, and both mean the same scopes.
#include "runtime/api/local_context.h"
#include "runtime/api/parameters.h"
#include "runtime/base/assert.h"
#include "runtime/transcode/rules.h"
#include "schema/api/auth.capnp.h"
#include "schema/api/queue.capnp.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::api {
namespace {

struct Parts {
  NamedTexts route;
  NamedTexts query;
};

// A name that the method's route has belongs there, another to the query.
Parts distribute(const Method& method, const NamedTexts& texts) {
  Parts parts;
  for (const auto& text : texts) {
    const auto of_route = [&name = text.first](const Parameter& parameter) {
      return parameter.place == Place::route && parameter.name == name;
    };
    const bool route = std::ranges::any_of(method.parameters, of_route);
    (route ? parts.route : parts.query).push_back(text);
  }
  return parts;
}

bool is_complete(const Method& method, const NamedTexts& route) {
  return std::ranges::all_of(method.parameters, [&route](const Parameter& parameter) {
    return parameter.place != Place::route || find_text(route, parameter.name) != nullptr;
  });
}

bool is_of_texts(const Method& method) {
  return std::ranges::all_of(method.parameters, [](const Parameter& parameter) {
    return parameter.place != Place::route || parameter.rules->field.getType().isText();
  });
}

void compare_scopes(const Method& method,
                    const NamedTexts& route,
                    capnp::DynamicStruct::Reader params) {
  if (!method.scopes || !method.checked_first || !is_of_texts(method)) return;
  const auto of_http = method.scopes->render(scope_values(method, route));
  const auto of_rpc = method.scopes->render(scope_values(method, params));
  TROUPE_INVARIANT(of_http.ok() && of_rpc.ok());
  TROUPE_INVARIANT(of_http.value().has_value() == of_rpc.value().has_value());
  if (!of_http.value()) return;
  TROUPE_INVARIANT(of_http.value()->text() == of_rpc.value()->text());
}

void call(const Method& method, const NamedTexts& texts) {
  if (method.route.empty()) return;
  const Parts parts = distribute(method, texts);
  if (!is_complete(method, parts.route)) return;
  auto context = kj::refcounted<LocalContext>(method);
  const auto route = fill_route(method, parts.route, context->params());
  TROUPE_INVARIANT(route.ok() || route.error().code == Errc::bad_arguments);
  const auto query = fill_query(method, parts.query, context->params());
  TROUPE_INVARIANT(query.ok() || query.error().code == Errc::bad_arguments);
  if (!route.ok() || !query.ok()) return;
  if (!method.body) check_parameters(method, context->params().asReader());
  compare_scopes(method, parts.route, context->params().asReader());
}

void read(std::string_view text) {
  static const Service services[] = {read_service(capnp::Schema::from<schema::Auth>()),
                                     read_service(capnp::Schema::from<schema::Queue>())};
  static_cast<void>(is_json_type(text));
  const auto texts = read_query(text);
  if (!texts.ok()) {
    TROUPE_INVARIANT(texts.error().code == Errc::bad_arguments);
    return;
  }
  for (const Service& service : services) {
    for (const Method& method : service.methods) call(method, texts.value());
  }
}

}  // namespace
}  // namespace troupe::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troupe::api::read({reinterpret_cast<const char*>(data), size});
  return 0;
}
