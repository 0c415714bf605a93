// Stage files: one writer each, known by a lock that ends with its process.
#pragma once

#include "runtime/base/result.h"
#include "runtime/blob/file.h"

#include <string>

namespace troupe {

/// Opens or makes a stage file and locks it; an empty File if another writer holds it.
Result<File> open_stage(const std::string& path);

/// Removes a stage file unless somebody writes it.
Status remove_stale_stage(const std::string& path);

}  // namespace troupe
