#include "apps/troupe/cli/span.h"

#include "runtime/transcode/limits.h"

namespace troupe::cli {

Result<Instant> end_of_span(const std::string& flag,
                            const std::string& text,
                            const std::string& example,
                            Instant now) {
  const std::optional<Duration> span = parse_duration(text);
  const std::string what = flag + " " + text;
  if (!span || span->count() <= 0) {
    return Error{Errc::invalid, what + ": give a duration such as " + example};
  }
  if (span->count() > transcode::time_ms_max - now.ms) {
    return Error{Errc::invalid,
                 what + ": that ends after the year 9999: give a shorter one, such as " + example};
  }
  return now + *span;
}

}  // namespace troupe::cli
