#include "runtime/transcode/tape.h"

#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>

namespace troupe::transcode {

static_assert(json_bytes_max < std::numeric_limits<std::uint32_t>::max());

// RapidJSON's handler. It counts the depth before the parser recurses, which bounds the stack.
class TapeWriter {
 public:
  TapeWriter(std::string_view json,
             const rapidjson::MemoryStream& stream,
             const ValueRules& expected)
      : stream_(stream), next_(&expected) {
    tape_.source_ = json;
  }

  Tape take() { return std::move(tape_); }
  const std::string& refusal() const { return refusal_; }

  // What RapidJSON calls; the names are its own. Numbers come as text, for their exact digits.
  // NOLINTBEGIN(readability-identifier-naming)
  bool Null() { return literal(Node::Kind::null, 4); }
  bool Bool(bool value) { return value ? literal(Node::Kind::yes, 4) : literal(Node::Kind::no, 5); }
  bool RawNumber(const char*, rapidjson::SizeType size, bool) {
    return literal(Node::Kind::number, size);
  }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }
  bool String(const char* data, rapidjson::SizeType size, bool) {
    return skipping_ > 0 || push_string({data, size});
  }
  bool Key(const char* data, rapidjson::SizeType size, bool);
  bool StartObject() { return open(Node::Kind::object); }
  bool EndObject(rapidjson::SizeType members) { return close(members); }
  bool StartArray() { return open(Node::Kind::array); }
  bool EndArray(rapidjson::SizeType items) { return close(items); }
  // NOLINTEND(readability-identifier-naming)

 private:
  struct Frame {
    std::uint32_t node;
    const ValueRules* rules;
  };

  std::uint32_t position() const { return static_cast<std::uint32_t>(stream_.Tell()); }
  bool refuse(std::string why);
  bool push(Node node);
  bool push_string(std::string_view text);
  bool literal(Node::Kind kind, std::size_t size);
  bool open(Node::Kind kind);
  bool close(std::uint32_t count);
  void expect_next();

  const rapidjson::MemoryStream& stream_;
  Tape tape_;
  std::vector<Frame> frames_;  // the open containers whose contents are kept
  const ValueRules* next_;     // of the value that comes; null if nothing is known of it
  std::size_t depth_ = 0;
  std::size_t skipping_ = 0;  // open containers whose contents are not kept
  std::string refusal_;
};

bool TapeWriter::refuse(std::string why) {
  refusal_ = std::move(why);
  return false;
}

bool TapeWriter::push(Node node) {
  if (tape_.nodes_.size() >= json_values_max) {
    return refuse(fmt::format("holds more than {} values", json_values_max));
  }
  node.after = static_cast<std::uint32_t>(tape_.nodes_.size() + 1);
  tape_.nodes_.push_back(node);
  return true;
}

bool TapeWriter::push_string(std::string_view text) {
  Node node;
  node.kind = Node::Kind::string;
  node.begin = static_cast<std::uint32_t>(tape_.strings_.size());
  node.end = node.begin + static_cast<std::uint32_t>(text.size());
  tape_.strings_ += text;
  tape_.strings_ += '\0';  // as Cap'n Proto's Text wants it
  return push(node);
}

bool TapeWriter::literal(Node::Kind kind, std::size_t size) {
  if (skipping_ > 0) return true;
  Node node;
  node.kind = kind;
  node.end = position();
  node.begin = node.end - static_cast<std::uint32_t>(size);
  return push(node);
}

bool TapeWriter::Key(const char* data, rapidjson::SizeType size, bool) {
  if (skipping_ > 0) return true;
  const std::string_view name(data, size);
  if (!push_string(name)) return false;
  const ValueRules& rules = *frames_.back().rules;
  if (rules.shape == Shape::map) {
    next_ = rules.item.get();
    return true;
  }
  const auto field = rules.structure->find(name);
  next_ = field ? &rules.structure->fields[*field].value : nullptr;
  if (field) tape_.nodes_.back().field = *field;
  return true;
}

bool TapeWriter::open(Node::Kind kind) {
  if (++depth_ > json_depth_max) {
    return refuse(fmt::format("nests more than {} objects and arrays", json_depth_max));
  }
  if (skipping_ > 0) {
    ++skipping_;
    return true;
  }
  Node node;
  node.kind = kind;
  node.begin = position() - 1;
  const auto index = static_cast<std::uint32_t>(tape_.nodes_.size());
  if (!push(node)) return false;

  const ValueRules* rules = next_;
  // Which struct of a union it is shows when all of it has been read.
  const bool known_struct = rules != nullptr && rules->shape == Shape::structure &&
                            rules->structure->discriminator.empty();
  const bool known_object = known_struct || (rules != nullptr && rules->shape == Shape::map);
  const bool known_list = rules != nullptr && rules->shape == Shape::list;
  frames_.push_back({index, rules});
  if (kind == Node::Kind::object ? !known_object : !known_list) {
    skipping_ = 1;
    return true;
  }
  if (known_list) next_ = rules->item.get();
  return true;
}

bool TapeWriter::close(std::uint32_t count) {
  --depth_;
  const bool kept = skipping_ == 0;
  if (!kept && --skipping_ > 0) return true;
  Node& node = tape_.nodes_[frames_.back().node];
  node.end = position();
  node.after = static_cast<std::uint32_t>(tape_.nodes_.size());
  node.count = kept ? count : 0;
  frames_.pop_back();
  // The next item of a list around this; in an object its key says what comes.
  if (!frames_.empty()) next_ = frames_.back().rules->item.get();
  return true;
}

namespace {

constexpr unsigned parse_flags =
    rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;

// `line 3, column 7` of a byte; columns count characters.
std::string place(std::string_view json, std::size_t offset) {
  const std::string_view before = json.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t line_begin =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  std::size_t column = 1;
  for (const char c : before.substr(line_begin)) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++column;
  }
  return fmt::format("line {}, column {}", line, column);
}

Error malformed(std::string_view json, std::size_t offset, std::string_view why) {
  if (why.ends_with('.')) why.remove_suffix(1);
  return {Errc::invalid, fmt::format("malformed JSON at {}: {}", place(json, offset), why)};
}

}  // namespace

Result<Tape> parse_json(std::string_view json, const ValueRules& expected) {
  if (json.size() > json_bytes_max) {
    return Error{Errc::invalid,
                 fmt::format("larger than {} MiB: {} bytes", json_bytes_max >> 20U, json.size())};
  }
  rapidjson::MemoryStream stream(json.data(), json.size());
  TapeWriter writer(json, stream, expected);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<parse_flags>(stream, writer);
  if (result.IsError()) {
    if (result.Code() != rapidjson::kParseErrorTermination) {
      return malformed(json, result.Offset(), rapidjson::GetParseError_En(result.Code()));
    }
    return Error{Errc::invalid,
                 fmt::format("{} ({})", writer.refusal(), place(json, result.Offset()))};
  }
  // The stream ends at a zero byte as well.
  if (stream.Tell() != json.size()) return malformed(json, stream.Tell(), "a zero byte");
  return writer.take();
}

namespace {

Result<Tape> parse_any(std::string_view json) {
  ValueRules any;
  any.shape = Shape::json_text;
  return parse_json(json, any);
}

}  // namespace

bool is_json(std::string_view json, std::string& problem) {
  const Result<Tape> tape = parse_any(json);
  if (!tape.ok()) problem = tape.error().detail;
  return tape.ok();
}

bool is_json_object(std::string_view json, std::string& problem) {
  const Result<Tape> tape = parse_any(json);
  if (!tape.ok()) {
    problem = tape.error().detail;
    return false;
  }
  if (tape.value().node(0).kind == Node::Kind::object) return true;
  problem = "must be a JSON object";
  return false;
}

std::string compact_json(std::string_view json) {
  std::string result;
  result.reserve(json.size());
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) continue;
    result += c;
    if (c == '"') in_string = !in_string;
    if (c == '\\') result += json[++i];  // only strings have them, and something follows
  }
  return result;
}

}  // namespace troupe::transcode
