// An ordered map of which copies are cheap.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace troupe {

/// As std::map, for state that is copied with each change: copies share all entries but those of
/// the one piece that a change touches, so n entries cost a copy n / 64 pointers and a change 64
/// entries. References to entries hold until the map they come from changes or ends.
template <class Key, class Value>
class SharedMap {
  using Entry = std::pair<Key, Value>;
  using Piece = std::vector<Entry>;  // sorted; never empty
  using Pieces = std::vector<std::shared_ptr<const Piece>>;

 public:
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    using pointer = const Entry*;
    using reference = const Entry&;

    const_iterator() = default;
    const_iterator(const Pieces* pieces, std::size_t piece, std::size_t entry)
        : pieces_(pieces), piece_(piece), entry_(entry) {}

    reference operator*() const { return (*(*pieces_)[piece_])[entry_]; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++entry_ == (*pieces_)[piece_]->size()) {
        ++piece_;
        entry_ = 0;
      }
      return *this;
    }
    const_iterator operator++(int) {
      const const_iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const const_iterator& other) const {
      return piece_ == other.piece_ && entry_ == other.entry_;
    }

   private:
    const Pieces* pieces_ = nullptr;
    std::size_t piece_ = 0;
    std::size_t entry_ = 0;
  };

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const_iterator begin() const { return {&pieces_, 0, 0}; }
  const_iterator end() const { return {&pieces_, pieces_.size(), 0}; }

  const_iterator find(const Key& key) const {
    const std::size_t piece = piece_of(key);
    if (piece == pieces_.size()) return end();
    const auto at = place_in(*pieces_[piece], key);
    if (at == pieces_[piece]->end() || key < at->first) return end();
    return {&pieces_, piece, static_cast<std::size_t>(at - pieces_[piece]->begin())};
  }
  bool contains(const Key& key) const { return find(key) != end(); }

  void insert_or_assign(const Key& key, Value value) {
    std::size_t piece = piece_of(key);
    if (pieces_.empty()) pieces_.push_back(std::make_shared<const Piece>());
    if (piece == pieces_.size()) --piece;
    auto changed = std::make_shared<Piece>(*pieces_[piece]);
    const auto at = changed->begin() + (place_in(*changed, key) - changed->cbegin());
    if (at != changed->end() && !(key < at->first)) {
      at->second = std::move(value);
    } else {
      changed->insert(at, Entry{key, std::move(value)});
      ++size_;
    }
    put(piece, std::move(changed));
  }

  void erase(const Key& key) {
    const std::size_t piece = piece_of(key);
    if (piece == pieces_.size()) return;
    const auto at = place_in(*pieces_[piece], key) - pieces_[piece]->begin();
    if (key < (*pieces_[piece])[static_cast<std::size_t>(at)].first) return;
    --size_;
    if (pieces_[piece]->size() == 1) {
      pieces_.erase(pieces_.begin() + static_cast<std::ptrdiff_t>(piece));
      return;
    }
    auto changed = std::make_shared<Piece>(*pieces_[piece]);
    changed->erase(changed->begin() + at);
    pieces_[piece] = std::move(changed);
  }

  bool operator==(const SharedMap& other) const {
    return size_ == other.size_ && std::equal(begin(), end(), other.begin());
  }

 private:
  static constexpr std::size_t piece_max = 64;

  // The first piece that ends at the key or behind it.
  std::size_t piece_of(const Key& key) const {
    const auto found = std::partition_point(
        pieces_.begin(), pieces_.end(), [&key](const auto& p) { return p->back().first < key; });
    return static_cast<std::size_t>(found - pieces_.begin());
  }
  static typename Piece::const_iterator place_in(const Piece& piece, const Key& key) {
    return std::partition_point(piece.begin(), piece.end(),
                                [&key](const Entry& entry) { return entry.first < key; });
  }
  void put(std::size_t piece, std::shared_ptr<Piece> changed) {
    if (changed->size() > piece_max) {
      const auto half = changed->begin() + static_cast<std::ptrdiff_t>(changed->size() / 2);
      pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(piece + 1),
                     std::make_shared<const Piece>(half, changed->end()));
      changed->erase(half, changed->end());
    }
    pieces_[piece] = std::move(changed);
  }

  Pieces pieces_;  // sorted
  std::size_t size_ = 0;
};

}  // namespace troupe
