// Small steps that every RPC method is made of: throw an Error, ask an actor, copy an answer.
#pragma once

#include "actors/kinds.h"
#include "actors/lookup.h"
#include "apps/troupe/server/site.h"
#include "runtime/rpc/errors.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::server {

/// The value, or the Error as an exception that the caller of the method sees.
template <class T>
T take(Result<T> result) {
  if (!result.ok()) throw_error(std::move(result).error());
  return std::move(result).value();
}

/// Asks an actor; the promise is rejected with the Error of a refusal.
inline kj::Promise<Bytes> ask(Site& site,
                              ActorId to,
                              Bytes command,
                              Admission admission = Admission::work) {
  return site.edge.ask(std::move(to), std::move(command), admission).then([](Result<Bytes> answer) {
    return take(std::move(answer));
  });
}

/// Asks the actor of a task.
template <class Fill>
kj::Promise<Bytes> ask_task(Site& site, std::string id, Fill&& fill) {
  return ask(site, task_id(std::move(id)), build<schema::TaskMessage>(std::forward<Fill>(fill)));
}

inline std::string data(capnp::Data::Reader bytes) {
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}
inline capnp::Data::Reader data_of(const std::string& bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}

/// The id, if it is well formed; else an `invalid` exception naming the parameter.
std::string checked_id(capnp::Text::Reader id, const char* parameter);
std::string checked_queue(capnp::Text::Reader id);

/// Throws `invalid` if it has characters that no continuationToken has.
void check_token(std::string_view token);

/// The page that the parameters ask for, if `check_token` lets its token pass.
template <class Params>
Page checked_page(const Params& params) {
  check_token(view(params.getContinuationToken()));
  return read_page(params.getLimit(), view(params.getContinuationToken()));
}

}  // namespace troupe::server
