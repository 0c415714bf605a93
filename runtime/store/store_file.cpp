#include "runtime/store/store_file.h"

#include "runtime/store/lmdb_values.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

namespace troupe {
namespace {

// LMDB's file format 1 on a 64-bit little-endian machine.
constexpr std::uint32_t lmdb_magic = 0xBEEFC0DE;
constexpr std::uint32_t lmdb_format = 1;
constexpr std::size_t page_head_bytes = 16;
constexpr std::size_t node_head_bytes = 8;
constexpr std::size_t tree_bytes = 48;
constexpr std::uint64_t first_data_page = 2;  // after the two meta pages
constexpr unsigned depth_max = 32;

enum PageFlags : std::uint16_t {
  page_branch = 0x01,
  page_leaf = 0x02,
  page_overflow = 0x04,
  page_meta = 0x08
};
enum NodeFlags : std::uint16_t { node_big = 0x01, node_table = 0x02 };

using Buffer = std::vector<char>;

template <class Number>
Number number_at(const char* at) {
  Number value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// LMDB's MDB_db: one tree, and what it says of itself.
struct Tree {
  std::uint32_t pad = 0;
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branch_pages = 0;
  std::uint64_t leaf_pages = 0;
  std::uint64_t overflow_pages = 0;
  std::uint64_t entries = 0;
  std::uint64_t root = no_page;
};

Tree tree_at(const char* at) {
  return {number_at<std::uint32_t>(at),      number_at<std::uint16_t>(at + 4),
          number_at<std::uint16_t>(at + 6),  number_at<std::uint64_t>(at + 8),
          number_at<std::uint64_t>(at + 16), number_at<std::uint64_t>(at + 24),
          number_at<std::uint64_t>(at + 32), number_at<std::uint64_t>(at + 40)};
}

struct Meta {
  Tree free;
  Tree main;
  std::uint64_t last_page = 0;
  std::uint64_t txn = 0;
};

class File {
 public:
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  /// 0, or why not.
  int open(const std::string& path) {
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (fd_ < 0 || fstat(fd_, &info) != 0) return errno;
    size_ = static_cast<std::uint64_t>(info.st_size);
    return 0;
  }
  std::uint64_t size() const { return size_; }

  bool read(std::uint64_t offset, char* to, std::size_t size) const {
    while (size > 0) {
      const ssize_t got = pread(fd_, to, size, static_cast<off_t>(offset));
      if (got <= 0) return false;
      offset += static_cast<std::uint64_t>(got);
      to += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

struct Damage {
  std::string found;
};

[[noreturn]] void damaged(const std::string& found) {
  throw Damage{found};
}

[[noreturn]] void damaged_page(std::uint64_t page, const std::string& found) {
  damaged("page " + std::to_string(page) + ": " + found);
}

void need(bool holds, std::uint64_t page, const char* found) {
  if (!holds) damaged_page(page, found);
}

Meta read_meta(const File& file, std::uint64_t offset) {
  std::array<char, page_head_bytes + 24 + 2 * tree_bytes + 16> page{};
  if (!file.read(offset, page.data(), page.size())) damaged("it ends within its head");
  const char* meta = page.data() + page_head_bytes;
  if (!(number_at<std::uint16_t>(page.data() + 10) & page_meta) ||
      number_at<std::uint32_t>(meta) != lmdb_magic ||
      number_at<std::uint32_t>(meta + 4) != lmdb_format) {
    damaged("no LMDB meta page at byte " + std::to_string(offset));
  }
  const char* trees = meta + 24;
  return {tree_at(trees), tree_at(trees + tree_bytes),
          number_at<std::uint64_t>(trees + 2 * tree_bytes),
          number_at<std::uint64_t>(trees + 2 * tree_bytes + 8)};
}

struct Head {
  StoreFileHead head;
  Meta meta;
};

Head read_head(const File& file) {
  const Meta first = read_meta(file, 0);
  const std::uint64_t page_bytes = first.free.pad;
  if (page_bytes < 512 || page_bytes > 65'536 || (page_bytes & (page_bytes - 1)) != 0) {
    damaged("pages of " + std::to_string(page_bytes) + " bytes");
  }
  const Meta second = read_meta(file, page_bytes);
  // Transactions write the two in turn: even numbers the first, odd ones the second.
  const bool fresh = first.txn == 0 && second.txn == 0;
  const bool in_turn = first.txn % 2 == 0 && second.txn % 2 == 1 &&
                       (first.txn + 1 == second.txn || second.txn + 1 == first.txn);
  if (!fresh && !in_turn) {
    damaged("its meta pages are of transactions " + std::to_string(first.txn) + " and " +
            std::to_string(second.txn));
  }
  if (second.free.pad != page_bytes) damaged("its meta pages disagree on the size of a page");
  const bool first_newer = first.txn >= second.txn;
  const Meta& newer = first_newer ? first : second;
  const Meta& older = first_newer ? second : first;
  if (newer.last_page < older.last_page || newer.last_page > (1ULL << 48)) {
    damaged("its last page is said to be " + std::to_string(newer.last_page));
  }
  return {
      {page_bytes, newer.last_page + 1, file.size(), newer.txn, newer.free.root, newer.main.root},
      newer};
}

// One walk over all trees. Throws Damage.
class Walk {
 public:
  Walk(const File& file, const Head& head)
      : file_(file),
        page_bytes_(head.head.page_bytes),
        pages_(head.head.pages),
        file_pages_(std::min(pages_, file.size() / page_bytes_)),
        seen_(file_pages_) {
    walk_tree(head.meta.free, Kind::free_pages);
    walk_tree(head.meta.main, Kind::tables);
    check_free_pages();
  }

  StoreFileCounts counts() const { return counts_; }

 private:
  enum class Kind { free_pages, tables, rows };

  // What a walk over one tree finds, to be held against what the tree says.
  struct Found {
    Tree tree;
    Kind kind;
    std::uint64_t branch_pages = 0;
    std::uint64_t leaf_pages = 0;
    std::uint64_t overflow_pages = 0;
    std::uint64_t entries = 0;
    std::string last_key;
    bool any_key = false;
  };

  struct Node {
    std::uint16_t low, high, flags, key_bytes;
    std::string_view key;
    const char* data;
    std::size_t room;  // from `data` to the page's end
  };

  void walk_tree(const Tree& tree, Kind kind) {
    if (tree.root == no_page) {
      if (tree.entries != 0) damaged("a tree without a root has entries");
      return;
    }
    Found found{tree, kind, 0, 0, 0, 0, {}, false};
    walk_page(tree.root, 1, nullptr, found);
    if (found.branch_pages != tree.branch_pages || found.leaf_pages != tree.leaf_pages ||
        found.overflow_pages != tree.overflow_pages || found.entries != tree.entries) {
      damaged_page(tree.root, "its tree has other counts of pages or rows than it says");
    }
    if (kind == Kind::rows) counts_.rows += found.entries;
  }

  void take_page(std::uint64_t page) {
    need(page >= first_data_page && page < pages_, page, "a link leads out of the file");
    need(page < file_pages_, page, "the file ends before it");
    need(!seen_[page], page, "it is linked twice");
    seen_[page] = true;
    counts_.pages += 1;
  }

  Buffer read_page(std::uint64_t page) const {
    Buffer bytes(page_bytes_);
    need(file_.read(page * page_bytes_, bytes.data(), bytes.size()), page, "it cannot be read");
    need(number_at<std::uint64_t>(bytes.data()) == page, page, "it bears another number");
    return bytes;
  }

  void walk_page(std::uint64_t page, unsigned depth, const std::string* separator, Found& found) {
    need(depth <= std::min<unsigned>(found.tree.depth, depth_max), page, "it is too deep");
    take_page(page);
    const Buffer bytes = read_page(page);
    const auto flags = number_at<std::uint16_t>(bytes.data() + 10);
    const bool branch = flags == page_branch;
    need(branch || flags == page_leaf, page, "it is neither branch nor leaf");
    need(branch == (depth < found.tree.depth), page, "it is not as deep as its tree");
    (branch ? found.branch_pages : found.leaf_pages) += 1;

    const auto lower = number_at<std::uint16_t>(bytes.data() + 12);
    const auto upper = number_at<std::uint16_t>(bytes.data() + 14);
    need(lower >= page_head_bytes && lower <= upper && upper <= page_bytes_ && lower % 2 == 0, page,
         "its bounds make no sense");
    const std::size_t count = (lower - page_head_bytes) / 2;
    need(count >= (branch ? 2U : 1U), page, "it is empty");
    for (std::size_t i = 0; i < count; ++i) {
      const Node node = node_at(bytes, page, i, upper);
      if (branch) {
        walk_branch_node(page, i, node, depth, separator, found);
      } else {
        walk_leaf_node(page, i, node, separator, found);
      }
    }
  }

  Node node_at(const Buffer& bytes, std::uint64_t page, std::size_t index, std::size_t upper) {
    const std::size_t at = number_at<std::uint16_t>(bytes.data() + page_head_bytes + 2 * index);
    need(at >= upper && at + node_head_bytes <= page_bytes_ && at % 2 == 0, page,
         "an entry leads out of it");
    const char* node = bytes.data() + at;
    const auto key_bytes = number_at<std::uint16_t>(node + 6);
    need(at + node_head_bytes + key_bytes <= page_bytes_, page, "a key leads out of it");
    return {number_at<std::uint16_t>(node),
            number_at<std::uint16_t>(node + 2),
            number_at<std::uint16_t>(node + 4),
            key_bytes,
            {node + node_head_bytes, key_bytes},
            node + node_head_bytes + key_bytes,
            page_bytes_ - at - node_head_bytes - key_bytes};
  }

  // The first branch entry has no key of its own: all that sorts before the second.
  void walk_branch_node(std::uint64_t page,
                        std::size_t index,
                        const Node& node,
                        unsigned depth,
                        const std::string* separator,
                        Found& found) {
    const std::uint64_t child = node.low | static_cast<std::uint64_t>(node.high) << 16 |
                                static_cast<std::uint64_t>(node.flags) << 32;
    if (index == 0) {
      walk_page(child, depth + 1, separator, found);
      return;
    }
    const std::string key(node.key);
    need(!found.any_key || sorts_before(found.last_key, key, found.kind), page,
         "its keys are out of order");
    walk_page(child, depth + 1, &key, found);
  }

  void walk_leaf_node(std::uint64_t page,
                      std::size_t index,
                      const Node& node,
                      const std::string* separator,
                      Found& found) {
    need(node.key_bytes > 0, page, "a key is empty");
    need(found.kind != Kind::free_pages || node.key_bytes == 8, page, "a key has a wrong size");
    if (index == 0 && separator) {
      need(*separator == node.key || sorts_before(*separator, node.key, found.kind), page,
           "it holds keys of its neighbour");
    }
    need(!found.any_key || sorts_before(found.last_key, node.key, found.kind), page,
         "its keys are out of order");
    found.last_key = node.key;
    found.any_key = true;
    found.entries += 1;
    walk_value(page, node, found);
  }

  void walk_value(std::uint64_t page, const Node& node, Found& found) {
    const std::uint64_t size = node.low | static_cast<std::uint64_t>(node.high) << 16;
    const bool table = found.kind == Kind::tables;
    need(node.flags == (table ? std::uint16_t{node_table} : node.flags & node_big), page,
         "an entry is of a wrong kind");
    if (table) {
      need(size == tree_bytes && size <= node.room, page, "a table's entry has a wrong size");
      const Tree tree = tree_at(node.data);
      need(tree.flags == 0, page, "a table is of a kind that is not ours");
      walk_tree(tree, Kind::rows);
      return;
    }
    if (found.kind == Kind::rows) {
      need(node.key_bytes % 8 == 0 && size % 8 == 0, page, "a row is not padded to 8 bytes");
    }
    if (!(node.flags & node_big)) {
      need(size <= node.room, page, "a value leads out of it");
      if (found.kind == Kind::free_pages) read_free_pages(page, node.data, size);
      return;
    }
    need(node.room >= 8, page, "a value leads out of it");
    const Buffer value = read_overflow(number_at<std::uint64_t>(node.data), size, found);
    if (found.kind == Kind::free_pages) read_free_pages(page, value.data(), size);
  }

  Buffer read_overflow(std::uint64_t first, std::uint64_t size, Found& found) {
    take_page(first);
    const Buffer head = read_page(first);
    need(number_at<std::uint16_t>(head.data() + 10) == page_overflow, first,
         "it is no overflow page");
    const auto count = number_at<std::uint32_t>(head.data() + 12);
    const std::uint64_t least = (page_head_bytes + size + page_bytes_ - 1) / page_bytes_;
    need(count >= least && count <= pages_, first, "its value is longer than its pages");
    for (std::uint64_t page = first + 1; page < first + count; ++page) take_page(page);
    found.overflow_pages += count;
    if (found.kind != Kind::free_pages) return {};
    Buffer value(size);
    need(file_.read(first * page_bytes_ + page_head_bytes, value.data(), value.size()), first,
         "it cannot be read");
    return value;
  }

  void read_free_pages(std::uint64_t page, const char* list, std::uint64_t size) {
    need(size >= 8, page, "a list of free pages has no count");
    const auto count = number_at<std::uint64_t>(list);
    need(count <= size / 8 - 1, page, "a list of free pages is cut short");
    for (std::uint64_t i = 1; i <= count; ++i) {
      free_.push_back(number_at<std::uint64_t>(list + 8 * i));
    }
  }

  void check_free_pages() {
    std::sort(free_.begin(), free_.end());
    for (std::size_t i = 0; i < free_.size(); ++i) {
      const auto page = free_[i];
      need(page >= first_data_page && page < pages_, page,
           "it is said to be free, out of the file");
      need(i == 0 || free_[i - 1] != page, page, "it is free twice");
      need(page >= file_pages_ || !seen_[page], page, "it is free and in use");
    }
    const auto beyond = free_.end() - std::lower_bound(free_.begin(), free_.end(), file_pages_);
    if (static_cast<std::uint64_t>(beyond) != pages_ - file_pages_) {
      damaged("the file ends before its last page");
    }
    counts_.free_pages = free_.size();
  }

  // Free pages go by transaction number, all else by bytes.
  static bool sorts_before(std::string_view a, std::string_view b, Kind kind) {
    if (kind != Kind::free_pages || a.size() != 8 || b.size() != 8) return a < b;
    return number_at<std::uint64_t>(a.data()) < number_at<std::uint64_t>(b.data());
  }

  const File& file_;
  const std::uint64_t page_bytes_;
  const std::uint64_t pages_;
  const std::uint64_t file_pages_;
  std::vector<bool> seen_;
  std::vector<std::uint64_t> free_;
  StoreFileCounts counts_;
};

Error cannot_read(const std::string& path, int code) {
  return Error{code == ENOENT ? Errc::not_found : Errc::unavailable,
               "cannot read " + path + ": " + std::generic_category().message(code)};
}

}  // namespace

Result<std::optional<StoreFileHead>> read_store_head(const std::string& directory) {
  const std::string path = directory + "/data.mdb";
  File file;
  const int code = file.open(path);
  if (code == ENOENT || (code == 0 && file.size() == 0)) return std::optional<StoreFileHead>();
  if (code != 0) return cannot_read(path, code);
  try {
    return std::optional(read_head(file).head);
  } catch (const Damage& damage) {
    return Error{Errc::corrupt, damage_text(directory, damage.found)};
  }
}

Result<StoreFileCounts> verify_store_file(const std::string& directory) {
  const std::string path = directory + "/data.mdb";
  File file;
  if (const int code = file.open(path)) return cannot_read(path, code);
  try {
    return Walk(file, read_head(file)).counts();
  } catch (const Damage& damage) {
    return Error{Errc::corrupt, damage_text(directory, damage.found)};
  }
}

}  // namespace troupe
