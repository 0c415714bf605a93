// What the tests of transcoding share.
#pragma once

#include "runtime/transcode/json.h"

#include <capnp/message.h>

#include <string>
#include <string_view>
#include <vector>

namespace troupe {

using Errors = std::vector<FieldError>;

/// A message of one struct, and what went wrong when it was read.
template <class T>
struct Message {
  Message() : root(builder.initRoot<T>()) {}
  explicit Message(std::string_view json) : Message() { errors = from_json(json, root); }

  std::string json() { return to_json(root.asReader()); }

  capnp::MallocMessageBuilder builder;
  typename T::Builder root;
  Errors errors;
};

/// What is wrong with `json`, as text.
template <class T>
std::string faults(std::string_view json) {
  return describe(Message<T>(json).errors);
}

/// Reads `json` and writes it again.
template <class T>
std::string rewritten(std::string_view json) {
  Message<T> message(json);
  return message.errors.empty() ? message.json() : describe(message.errors);
}

}  // namespace troupe
