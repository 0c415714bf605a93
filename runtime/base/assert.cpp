#include "runtime/base/assert.h"

#include <string>

namespace troupe {

void assertion_failed(const char* kind, const char* text, const char* file, int line) {
  throw AssertionError(std::string(kind) + " failed: " + text + " (" + file + ":" +
                       std::to_string(line) + ")");
}

}  // namespace troupe
