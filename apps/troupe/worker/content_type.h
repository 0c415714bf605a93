// The content type of an artifact whose task did not say one.
#pragma once

#include <string>
#include <string_view>

namespace troupe::worker {

/// By the extension: `.log` is text, `.jsonl` lines of JSON, the rest by the system's table
/// (/etc/mime.types) or a small one of our own; `application/octet-stream` if unknown.
/// Source: spec/generic-worker.md, section 7.1.
std::string content_type_of(std::string_view path);

}  // namespace troupe::worker
