// Which keys a task may have, which of them say the same thing, and what `defaults` fill in.
#pragma once

#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/value.h"

#include <string>
#include <vector>

namespace troupe::group_file {

/// The fields of a task definition, under their own names.
const std::vector<std::string>& definition_fields();

/// Reports keys of `map` that are not among `known`, with the nearest one: the first few, and how
/// many more there are.
void check_keys(const Value& map, const std::vector<std::string>& known, Problems& problems);

/// Whether any key of `map` is among `known`, or near one of them.
bool resembles(const Value& map, const std::vector<std::string>& known);

/// Checks the keys of a task (or of `defaults`), and that no field is there in both forms; then
/// moves `env` to `payload.env`, so that both forms of it merge. False if it is no map.
bool normalise_fields(Value& task, const char* what, Problems& problems);

/// Fills in `defaults`; what the task says in one form hides the default's other form.
void apply_defaults(Value& task, Value defaults);

/// Makes every value of `payload.env` text, as it was written.
void make_env_text(Value& payload, Problems& problems);

/// Reports fields of a definition that have the wrong type; their limits are the server's to check.
void check_types(const Value& task, Problems& problems);

}  // namespace troupe::group_file
