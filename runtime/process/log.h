// Log lines like database rows: a fixed event name, then key=value.
//
//   2026-01-31T08:00:00.000Z info lease_expired id=VjOhy... late_ms=12
//   {"time":"2026-01-31T08:00:00.000Z","level":"info","event":"lease_expired","id":"VjOhy..."}
#pragma once

#include "runtime/base/time.h"

#include <unistd.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace troupe {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
enum class LogFormat : std::uint8_t { text, json, automatic };  // automatic: text on a terminal

struct LogOptions {
  LogFormat format = LogFormat::automatic;
  LogLevel level = LogLevel::info;  // lower ones are dropped
  int fd = STDERR_FILENO;           // borrowed
};

/// Reads `debug`, `info`, `warning`, `error`; nothing if it is none of them.
std::optional<LogLevel> parse_log_level(std::string_view text);

/// Reads `text`, `json`, `auto`; nothing if it is none of them.
std::optional<LogFormat> parse_log_format(std::string_view text);

/// Call it at start, before other threads log; without it lines are text on standard error.
void configure_logging(const LogOptions& options);

/// A number, a truth value or a text; texts are borrowed for the call.
class LogValue {
 public:
  LogValue(std::string_view text) : value_(text) {}                      // NOLINT: implicit
  LogValue(const std::string& text) : value_(std::string_view(text)) {}  // NOLINT: implicit
  LogValue(const char* text) : value_(std::string_view(text)) {}         // NOLINT: implicit
  LogValue(bool truth) : value_(truth) {}                                // NOLINT: implicit
  LogValue(double number) : value_(number) {}                            // NOLINT: implicit
  LogValue(Duration d) : value_(std::int64_t{d.count()}) {}              // NOLINT: implicit
  template <class T>
  // NOLINTNEXTLINE(google-explicit-constructor)
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) LogValue(T number)
      : value_(widened(number)) {}

  using Variant = std::variant<std::string_view, bool, double, std::int64_t, std::uint64_t>;
  const Variant& get() const { return value_; }

 private:
  template <class T>
  static auto widened(T number) {
    if constexpr (std::is_signed_v<T>)
      return static_cast<std::int64_t>(number);
    else
      return static_cast<std::uint64_t>(number);
  }

  Variant value_;
};

struct LogField {
  std::string_view key;  // lower case with underscores, the unit last: `late_ms`
  LogValue value;
};

/// Writes one line, whole, whatever its values hold. Thread: any.
///
/// A destination that fails or is full loses the line: logging never stops the program.
void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

/// Whether a line of this level would be written: for fields that take work.
bool would_log(LogLevel level);

/// One line as `log_event` writes it, without its end; `format` is text or json.
std::string render_log_line(LogFormat format,
                            Instant time,
                            LogLevel level,
                            std::string_view event,
                            std::initializer_list<LogField> fields);

}  // namespace troupe
