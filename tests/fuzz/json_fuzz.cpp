// Any bytes as JSON of each of some structs. What is accepted is written as what reads the same,
// and keeps all limits; what is refused says why. Any value keeps its meaning without white space.
#include "runtime/api/error_body.h"
#include "runtime/base/assert.h"
#include "runtime/transcode/json.h"
#include "runtime/transcode/tape.h"
#include "schema/api/auth.capnp.h"
#include "schema/api/queue.capnp.h"
#include "schema/api/troupe.capnp.h"

#include <capnp/message.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {
namespace {

template <class T>
class Message {
 public:
  capnp::DynamicStruct::Builder root() { return root_; }
  std::string json() { return to_json(root_.asReader()); }

 private:
  capnp::MallocMessageBuilder builder_;
  capnp::DynamicStruct::Builder root_{builder_.initRoot<T>()};
};

template <class T>
void read_write_read(std::string_view text) {
  Message<T> first;
  const auto faults = read_json(text, first.root());
  if (!faults.ok()) {
    TROUPE_INVARIANT(faults.error().code == Errc::malformed);
    // The same, for those who want all faults in one list.
    TROUPE_INVARIANT(!from_json(text, first.root()).empty());
    return;
  }
  // A field at fault holds anything that fits its type: it can be written all the same.
  const std::string written = first.json();
  std::string problem;
  TROUPE_INVARIANT(transcode::is_json_object(written, problem));
  if (!faults.value().empty()) {
    TROUPE_INVARIANT(faults.value().size() <= field_errors_max + 1);
    TROUPE_INVARIANT(!describe(faults.value()).empty());
    return;
  }
  TROUPE_INVARIANT(validate(first.root().asReader()).empty());
  Message<T> second;
  TROUPE_INVARIANT(from_json(written, second.root()).empty());
  TROUPE_INVARIANT(second.json() == written);
  TROUPE_INVARIANT(validate(second.root().asReader()).empty());
}

const api::Service& auth() {
  static const api::Service service = api::read_service(capnp::Schema::from<schema::Auth>());
  return service;
}

// As the answer to a refused request repeats it.
void repeat(std::string_view text) {
  std::string problem;
  const bool any = transcode::is_json(text, problem);
  TROUPE_INVARIANT(any == problem.empty());
  std::string no_object;
  TROUPE_INVARIANT(any || !transcode::is_json_object(text, no_object));
  if (!any) return;
  const std::string compact = transcode::compact_json(text);
  TROUPE_INVARIANT(compact.size() <= text.size());
  TROUPE_INVARIANT(transcode::is_json(compact, problem));
  TROUPE_INVARIANT(transcode::compact_json(compact) == compact);
  for (const char* name : {"createClient", "authenticateHawk", "testAuthenticate"}) {
    const std::string filled = api::with_defaults(*auth().find(name), text);
    TROUPE_INVARIANT(transcode::is_json(filled, problem));
  }
}

}  // namespace
}  // namespace troupe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_write_read<schema::TaskDefinition>(text);  // a map, free-form parts, defaults
  read_write_read<schema::TaskStatus>(text);
  read_write_read<schema::ClientRequest>(text);
  read_write_read<schema::HawkRequest>(text);
  read_write_read<schema::HawkResponse>(text);  // a union that a property tells apart
  read_write_read<schema::TestRequest>(text);
  repeat(text);
  return 0;
}
