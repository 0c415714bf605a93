// Measures the base library on this machine: how fast it hashes, and how fast it makes ids.
// The demo's task `measure` builds and runs it; results go to the file named as argument, as JSON.
#include "runtime/base/hash.h"
#include "runtime/base/random.h"
#include "runtime/clock/clock.h"

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <string>

namespace {

using troupe::Duration;

constexpr Duration measure_for{1'000};

struct Measurement {
  std::uint64_t count = 0;
  Duration time{0};

  double per_second() const {
    return static_cast<double>(count) * 1'000.0 / static_cast<double>(time.count());
  }
};

/// Repeats `step` in blocks of `block` until `measure_for` has passed.
template <class Step>
Measurement measure(std::uint64_t block, Step step) {
  Measurement m;
  const Duration start = troupe::elapsed_now();
  while (m.time < measure_for) {
    for (std::uint64_t i = 0; i < block; ++i) step();
    m.count += block;
    m.time = troupe::elapsed_now() - start;
  }
  return m;
}

double measure_hash(std::size_t size_bytes) {
  const std::string bytes(size_bytes, 'x');
  const Measurement m = measure(16, [&bytes] { troupe::sha256(bytes); });
  const double mib_per_second = m.per_second() * static_cast<double>(size_bytes) / (1 << 20);
  std::printf("sha256 of %zu bytes: %.1f MiB/s\n", size_bytes, mib_per_second);
  std::fflush(stdout);
  return mib_per_second;
}

double measure_ids() {
  std::uint64_t valid = 0;
  const Measurement m =
      measure(256, [&valid] { valid += troupe::is_slugid(troupe::new_slugid()) ? 1U : 0U; });
  std::printf("ids: %.0f/s, %" PRIu64 " of %" PRIu64 " valid\n", m.per_second(), valid, m.count);
  std::fflush(stdout);
  return valid == m.count ? m.per_second() : 0.0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  const double small = measure_hash(1 << 10);
  const double large = measure_hash(1 << 20);
  const double ids = measure_ids();
  if (ids == 0.0) {
    std::fprintf(stderr, "%s: new_slugid made an id that is_slugid refuses\n", argv[0]);
    return 1;
  }

  std::FILE* file = std::fopen(argv[1], "w");
  if (file == nullptr) {
    std::perror(argv[1]);
    return 1;
  }
  std::fprintf(file,
               "{\"sha256_1KiB_MiB_per_s\": %.1f, \"sha256_1MiB_MiB_per_s\": %.1f, "
               "\"slugids_per_s\": %.0f}\n",
               small, large, ids);
  return std::fclose(file) == 0 ? 0 : 1;
}
