// Moves a parsed JSON text into a message.
#pragma once

#include "runtime/transcode/faults.h"
#include "runtime/transcode/limits.h"
#include "runtime/transcode/rules.h"
#include "runtime/transcode/tape.h"

#include <capnp/dynamic.h>

#include <string_view>
#include <vector>

namespace troupe::transcode {

/// Where a value goes: a field of a struct, or an item of a list.
class Slot {
 public:
  Slot(capnp::DynamicStruct::Builder owner, capnp::StructSchema::Field field)
      : struct_(owner), field_(field) {}
  Slot(capnp::DynamicList::Builder owner, std::uint32_t index) : list_(owner), index_(index) {}

  void set(const capnp::DynamicValue::Reader& value);
  capnp::DynamicStruct::Builder structure();
  capnp::DynamicList::Builder list(std::uint32_t size);

 private:
  // Either a struct and a field of it, or a list and an index.
  capnp::DynamicStruct::Builder struct_;
  kj::Maybe<capnp::StructSchema::Field> field_;
  capnp::DynamicList::Builder list_;
  std::uint32_t index_ = 0;
};

/// Borrows both for its life.
class Decoder {
 public:
  Decoder(const Tape& tape, Faults& faults) : tape_(tape), faults_(faults) {}

  void structure(const StructRules& rules,
                 const Node& object,
                 capnp::DynamicStruct::Builder into,
                 const Path& path);

 private:
  void value(const ValueRules& rules, const Node& node, Slot slot, const Path& path);
  void list(const ValueRules& rules, const Node& array, Slot slot, const Path& path);
  void map(const ValueRules& rules, const Node& object, Slot slot, const Path& path);
  // A union that a property tells apart.
  void one_of(const StructRules& rules,
              const Node& object,
              capnp::DynamicStruct::Builder into,
              const Path& path);
  std::vector<std::uint32_t> last_of_each(const Node& object) const;
  void fill_absent(const StructRules& rules,
                   const std::vector<bool>& seen,
                   capnp::DynamicStruct::Builder into,
                   const Path& path);

  // Values without contents of their own (decode_scalar.cpp).
  void boolean(const Node& node, Slot slot, const Path& path);
  template <class T>
  void integer(const Bounds<T>& bounds, const Node& node, Slot slot, const Path& path);
  void real(const ValueRules& rules, const Node& node, Slot slot, const Path& path);
  void text(const ValueRules& rules, const Node& node, Slot slot, const Path& path);
  void bytes(const Node& node, Slot slot, const Path& path);
  void json_text(const Node& node, Slot slot, const Path& path);
  void any_json(const Node& node, Slot slot);
  void date_time(const ValueRules& rules, const Node& node, Slot slot, const Path& path);
  void enumerant(const EnumRules& rules, const Node& node, Slot slot, const Path& path);

  void wrong_type(std::string_view wanted, const Node& node, const Path& path);

  const Tape& tape_;
  Faults& faults_;
  std::string_view known_elsewhere_ = {};  // a property at the top that somebody else has read
};

/// `one of "a", "b", "c"`; those without a name are left out.
std::string choices(const std::vector<std::string_view>& names);

}  // namespace troupe::transcode
