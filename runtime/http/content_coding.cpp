#include "runtime/http/content_coding.h"

#include "runtime/base/assert.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace troupe::http {

namespace {

// Of zlib: the window's size, and what is added to it for gzip's frame.
constexpr int window_bits = 15;
constexpr int gzip_frame = 16;
constexpr int zlib_memory_level = 8;
constexpr int brotli_quality = 1;
constexpr int brotli_window_bits = 18;
constexpr std::size_t piece_bytes = std::size_t{64} << 10;
constexpr int quality_max = 1000;

const Error malformed{Errc::invalid, "the body is not what its Content-Encoding says"};
const Error too_large{Errc::too_large, "the body is too large once it is decompressed"};

std::uint8_t* bytes_of(std::string_view text) {
  // zlib's input is not const, and is not written to.
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // NOLINT
}

/// Appends a piece; false if there would be too much.
bool append(std::string& out, const std::uint8_t* piece, std::size_t size, std::size_t bytes_max) {
  if (size > bytes_max - std::min(bytes_max, out.size())) return false;
  out.append(reinterpret_cast<const char*>(piece), size);
  return true;
}

class ZlibInflater final : public Inflater {
 public:
  explicit ZlibInflater(bool gzip) : gzip_(gzip) {
    const int status = inflateInit2(&stream_, window_bits + (gzip ? gzip_frame : 0));
    TROUPE_INVARIANT(status == Z_OK);
  }
  ~ZlibInflater() override { inflateEnd(&stream_); }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;

  Status feed(std::string_view bytes, std::string& out, std::size_t bytes_max) override {
    stream_.next_in = bytes_of(bytes);
    stream_.avail_in = static_cast<uInt>(bytes.size());
    bool full = false;  // there may be more to come of what was taken in
    while (stream_.avail_in > 0 || full) {
      if (complete_ && !gzip_) return malformed;
      // A gzip body may have several members, one behind the other.
      if (complete_ && inflateReset(&stream_) != Z_OK) return malformed;
      complete_ = false;
      stream_.next_out = piece_.data();
      stream_.avail_out = static_cast<uInt>(piece_.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return malformed;
      if (!append(out, piece_.data(), piece_.size() - stream_.avail_out, bytes_max)) {
        return too_large;
      }
      complete_ = status == Z_STREAM_END;
      full = !complete_ && stream_.avail_out == 0;
    }
    return Done{};
  }
  bool complete() const override { return complete_; }

 private:
  const bool gzip_;
  z_stream stream_{};
  bool complete_ = false;
  std::array<std::uint8_t, piece_bytes> piece_{};
};

class BrotliInflater final : public Inflater {
 public:
  BrotliInflater() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    TROUPE_INVARIANT(state_ != nullptr);
  }
  ~BrotliInflater() override { BrotliDecoderDestroyInstance(state_); }
  BrotliInflater(const BrotliInflater&) = delete;
  BrotliInflater& operator=(const BrotliInflater&) = delete;

  Status feed(std::string_view bytes, std::string& out, std::size_t bytes_max) override {
    const std::uint8_t* next_in = bytes_of(bytes);
    std::size_t left_in = bytes.size();
    for (;;) {
      if (BrotliDecoderIsFinished(state_) != BROTLI_FALSE) {
        if (left_in > 0) return malformed;
        return Done{};
      }
      std::uint8_t* next_out = piece_.data();
      std::size_t left_out = piece_.size();
      const auto result =
          BrotliDecoderDecompressStream(state_, &left_in, &next_in, &left_out, &next_out, nullptr);
      if (result == BROTLI_DECODER_RESULT_ERROR) return malformed;
      if (!append(out, piece_.data(), piece_.size() - left_out, bytes_max)) return too_large;
      if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) return Done{};
    }
  }
  bool complete() const override { return BrotliDecoderIsFinished(state_) != BROTLI_FALSE; }

 private:
  BrotliDecoderState* const state_;
  std::array<std::uint8_t, piece_bytes> piece_{};
};

std::string compress_zlib(bool gzip, std::string_view body) {
  z_stream stream{};
  const int started =
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window_bits + (gzip ? gzip_frame : 0),
                   zlib_memory_level, Z_DEFAULT_STRATEGY);
  TROUPE_INVARIANT(started == Z_OK);
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = bytes_of(body);
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  TROUPE_INVARIANT(status == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string compress_brotli(std::string_view body) {
  std::size_t size = BrotliEncoderMaxCompressedSize(body.size());
  TROUPE_INVARIANT(size > 0);
  std::string out(size, '\0');
  const auto done = BrotliEncoderCompress(brotli_quality, brotli_window_bits, BROTLI_MODE_TEXT,
                                          body.size(), bytes_of(body), &size, bytes_of(out));
  TROUPE_INVARIANT(done != BROTLI_FALSE);
  out.resize(size);
  return out;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// `q=0.5` in thousandths; 0 if it is malformed: what is not understood is not used.
int quality_of(std::string_view parameter) {
  parameter = trim(parameter);
  if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return quality_max;
  parameter.remove_prefix(2);
  if (parameter.starts_with('1')) return quality_max;
  if (!parameter.starts_with("0.")) return 0;
  std::string digits(parameter.substr(2, 3));
  digits.resize(3, '0');
  int value = 0;
  const char* const end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, value);
  return parsed.ec == std::errc{} && parsed.ptr == end && value > 0 ? value : 0;
}

}  // namespace

const char* name_of(Coding coding) {
  switch (coding) {
    case Coding::identity: return "";
    case Coding::deflate: return "deflate";
    case Coding::gzip: return "gzip";
    case Coding::br: return "br";
  }
  return "";
}

std::optional<Coding> parse_coding(std::string_view name) {
  const std::string wanted = lower(trim(name));
  if (wanted == "x-gzip") return Coding::gzip;
  for (const auto coding : {Coding::deflate, Coding::gzip, Coding::br}) {
    if (wanted == name_of(coding)) return coding;
  }
  if (wanted.empty() || wanted == "identity") return Coding::identity;
  return std::nullopt;
}

Coding choose_coding(std::string_view accepted) {
  // Each in its place of the enumeration, by quality; -1: not named.
  std::array<int, 4> qualities{-1, -1, -1, -1};
  int others = -1;
  while (!accepted.empty()) {
    const auto comma = accepted.find(',');
    const auto item = accepted.substr(0, comma);
    accepted.remove_prefix(comma == std::string_view::npos ? accepted.size() : comma + 1);
    const auto semicolon = item.find(';');
    const auto name = trim(item.substr(0, semicolon));
    const int quality =
        semicolon == std::string_view::npos ? quality_max : quality_of(item.substr(semicolon + 1));
    if (name == "*") others = quality;
    const auto coding = parse_coding(name);
    if (coding && !name.empty()) qualities.at(static_cast<std::size_t>(*coding)) = quality;
  }
  Coding best = Coding::identity;
  int best_quality = 0;
  for (const auto coding : {Coding::br, Coding::gzip, Coding::deflate}) {
    int quality = qualities.at(static_cast<std::size_t>(coding));
    if (quality < 0) quality = others;
    if (quality <= best_quality) continue;
    best = coding;
    best_quality = quality;
  }
  const bool plain_is_better = qualities[0] > best_quality;
  return plain_is_better ? Coding::identity : best;
}

std::string compress(Coding coding, std::string_view body) {
  switch (coding) {
    case Coding::identity: return std::string(body);
    case Coding::deflate: return compress_zlib(false, body);
    case Coding::gzip: return compress_zlib(true, body);
    case Coding::br: return compress_brotli(body);
  }
  return std::string(body);
}

std::unique_ptr<Inflater> make_inflater(Coding coding) {
  TROUPE_EXPECTS(coding != Coding::identity);
  if (coding == Coding::br) return std::make_unique<BrotliInflater>();
  return std::make_unique<ZlibInflater>(coding == Coding::gzip);
}

}  // namespace troupe::http
