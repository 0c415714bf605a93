// How the values of the configuration are written: `20m`, `64MiB`, `10000`, `true`, `json`.
#pragma once

#include "apps/troupe/server/config.h"
#include "runtime/base/result.h"
#include "runtime/base/size.h"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::server {

/// `5%`, up to 50%, or a size.
std::optional<DiskShare> parse_disk_share(std::string_view text);

/// Of a disk of `disk_bytes`; a share is no less than 2 GiB.
std::uint64_t bytes_of(const DiskShare& share, std::uint64_t disk_bytes);

/// `20m`, `1h30m`: reads back as the same duration.
std::string duration_text(Duration d);

/// Reads `text` into the key's field; `invalid` says what was expected.
Status set_value(const Key& key, std::string_view text, Settings& settings);

/// The field as it would be written in a file, without quotes.
std::string value_text(const Key& key, const Settings& settings);

/// `a duration such as 20m, from 1s to 30d`.
std::string expectation(const Key& key);

/// What the key's values are called in tables: `duration`, `size`, `count`, `true|false`, choices.
std::string type_name(const Key& key);

/// Which of TOML's types this key is written in; a size is text or a number of bytes.
bool takes_text(const Key& key);
bool takes_integer(const Key& key);
bool takes_boolean(const Key& key);

/// Whether the key's value is the path of a file.
bool takes_path(const Key& key);

}  // namespace troupe::server
