#include "runtime/process/log.h"

#include "runtime/base/json_writer.h"
#include "runtime/clock/clock.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <errno.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

namespace troupe {

namespace {

/// Writes whole lines to a descriptor.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    std::string line(message.payload.data(), message.payload.size());
    line += '\n';
    std::string_view rest = line;
    while (!rest.empty()) {
      const auto n = write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return;
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void flush_() override {}

 private:
  const int fd_;
};

struct Destination {
  LogFormat format;
  spdlog::logger logger;
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<Destination> make_destination(const LogOptions& options) {
  auto format = options.format;
  if (format == LogFormat::automatic) {
    format = isatty(options.fd) == 1 ? LogFormat::text : LogFormat::json;
  }
  auto out = std::make_shared<Destination>(
      Destination{format, spdlog::logger("troupe", std::make_shared<DescriptorSink>(options.fd))});
  out->logger.set_level(spdlog_level(options.level));
  return out;
}

/// The process's one destination: log lines come from everywhere, so it is not handed around.
std::atomic<std::shared_ptr<Destination>>& destination() {
  static std::atomic<std::shared_ptr<Destination>> current =
      make_destination({.format = LogFormat::text});
  return current;
}

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
  }
  return "error";
}

/// Whether a text can stand after `key=` as it is.
bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

/// In quotes, with nothing that could act on a terminal.
std::string quoted(std::string_view text) {
  const std::string json = JsonWriter().string(text).take();
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto next = i + 1 < json.size() ? static_cast<unsigned char>(json[i + 1]) : 0U;
    if (byte == 0x7F) {
      out += "\\u007f";
    } else if (byte == 0xC2 && next < 0xA0) {  // U+0080 to U+009F: controls too
      out += fmt::format("\\u{:04x}", next);
      ++i;
    } else {
      out += json[i];
    }
  }
  return out;
}

std::string text_value(const LogValue& value) {
  const auto& v = value.get();
  if (const auto* text = std::get_if<std::string_view>(&v)) {
    return is_plain(*text) ? std::string(*text) : quoted(*text);
  }
  if (const auto* truth = std::get_if<bool>(&v)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<double>(&v)) return fmt::format("{}", *number);
  if (const auto* integer = std::get_if<std::int64_t>(&v)) return fmt::format("{}", *integer);
  return fmt::format("{}", std::get<std::uint64_t>(v));
}

void write_json_value(JsonWriter& json, const LogValue& value) {
  const auto& v = value.get();
  if (const auto* text = std::get_if<std::string_view>(&v)) {
    json.string(*text);
  } else if (const auto* truth = std::get_if<bool>(&v)) {
    json.boolean(*truth);
  } else if (const auto* number = std::get_if<double>(&v)) {
    json.number(*number);
  } else if (const auto* integer = std::get_if<std::int64_t>(&v)) {
    json.int64(*integer);
  } else {
    json.uint64(std::get<std::uint64_t>(v));
  }
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
    if (text == name_of(level)) return level;
  }
  return std::nullopt;
}

std::optional<LogFormat> parse_log_format(std::string_view text) {
  if (text == "text") return LogFormat::text;
  if (text == "json") return LogFormat::json;
  if (text == "auto") return LogFormat::automatic;
  return std::nullopt;
}

void configure_logging(const LogOptions& options) {
  destination().store(make_destination(options));
}

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const auto target = destination().load();
  if (!target->logger.should_log(spdlog_level(level))) return;
  const auto line = render_log_line(target->format, wall_now(), level, event, fields);
  target->logger.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

bool would_log(LogLevel level) {
  const auto target = destination().load();
  return target->logger.should_log(spdlog_level(level));
}

std::string render_log_line(LogFormat format,
                            Instant time,
                            LogLevel level,
                            std::string_view event,
                            std::initializer_list<LogField> fields) {
  if (format == LogFormat::json) {
    JsonWriter json;
    json.begin_object();
    json.key("time").string(format_time(time)).key("level").string(name_of(level));
    json.key("event").string(event);
    for (const auto& field : fields) {
      json.key(field.key);
      write_json_value(json, field.value);
    }
    json.end_object();
    return json.take();
  }
  auto out = fmt::format("{} {} {}", format_time(time), name_of(level), event);
  for (const auto& field : fields) {
    out += fmt::format(" {}={}", field.key, text_value(field.value));
  }
  return out;
}

}  // namespace troupe
