// Values under texts that may end with a star, for matching: a radix trie that shares all it can
// between versions. A change copies the nodes on the way to it, and leaves the older version as it
// was.
//
// A text with a final star and the one without it have the same node, which has a place for each.
// Nothing here recurses: a trie can be as deep as its longest text.
#pragma once

#include "runtime/scopes/scope.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

/// Immutable; copies share its memory. `Value` is a pointer, null where there is nothing.
template <class Value>
class StarTrie {
 public:
  StarTrie() : root_(std::make_shared<Node>()) {}

  /// With this value, in place of the one under `text` if there is one.
  StarTrie with(std::string_view text, Value value) const;
  /// Without the value under `text`, if there is one.
  StarTrie without(std::string_view text) const;

  std::size_t size() const { return size_; }
  /// Null if there is none. Valid as long as a version with it lives.
  const Value* find(std::string_view text) const;

  /// Calls `visit(value, matched)` for the values whose text matches, each once: texts with a star
  /// that stands for the end of `base`, which take up `matched` bytes of it, from short to long;
  /// `base` itself; and if `star`, texts that begin with `base` and go on, with `below` for
  /// `matched`. Cost: the length of `base`, and what is visited.
  template <class Visit>
  void match(std::string_view base, bool star, Visit visit) const;
  static constexpr std::size_t below = std::string_view::npos;

  /// Calls `visit(value)` for each value in scope order, until that returns false.
  template <class Visit>
  void for_each(Visit visit) const {
    visit_below(*root_, visit);
  }

  /// Bytes of all nodes; what values point to is not counted.
  std::size_t memory_bytes() const;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<const Node>;
  struct Step {
    const Node* node;
    std::size_t child;
  };

  StarTrie(NodePtr root, std::size_t size) : root_(std::move(root)), size_(size) {}

  static NodePtr leaf(std::string_view rest, bool star, Value value);
  static NodePtr split(const Node& node, std::string_view rest, bool star, Value value);
  static NodePtr settled(NodePtr node);
  static NodePtr rebuilt(const std::vector<Step>& path, NodePtr node);
  const Node* descend(std::string_view base, std::vector<Step>* path, std::string_view& rest) const;
  template <class Visit>
  static bool visit_below(const Node& top, Visit visit);

  NodePtr root_;
  std::size_t size_ = 0;
};

template <class Value>
struct StarTrie<Value>::Node {
  Node() = default;
  explicit Node(std::string_view key_part) : label(key_part) {}
  Node(const Node&) = default;
  Node& operator=(const Node&) = delete;
  ~Node();

  /// Index of the child whose label begins with `byte`; `npos` if there is none.
  std::size_t child(char byte) const { return firsts.find(byte); }
  const Value& slot(bool star) const { return star ? starred : exact; }
  Value& slot(bool star) { return star ? starred : exact; }
  void adopt(NodePtr node);
  void disown(std::size_t index);

  std::string label;  // what its text has behind its parent's
  Value starred = nullptr;
  Value exact = nullptr;
  std::string firsts;  // the first byte of each child's label, rising
  std::vector<NodePtr> children;
};

// Children that nobody else has are taken apart here, level by level, not by recursion.
template <class Value>
StarTrie<Value>::Node::~Node() {
  std::vector<NodePtr> orphans = std::move(children);
  while (!orphans.empty()) {
    const NodePtr node = std::move(orphans.back());
    orphans.pop_back();
    if (node.use_count() != 1) continue;
    auto& grandchildren = const_cast<Node&>(*node).children;  // nobody sees it any more
    std::move(grandchildren.begin(), grandchildren.end(), std::back_inserter(orphans));
    grandchildren.clear();
  }
}

/// Adds a child with a new first byte, or replaces the one that has it.
template <class Value>
void StarTrie<Value>::Node::adopt(NodePtr node) {
  const auto less = [](char a, char b) {
    return static_cast<unsigned char>(a) < static_cast<unsigned char>(b);
  };
  const char first = node->label.front();
  const auto place = std::lower_bound(firsts.begin(), firsts.end(), first, less) - firsts.begin();
  const auto at = static_cast<std::size_t>(place);
  if (at < firsts.size() && firsts[at] == first) {
    children[at] = std::move(node);
    return;
  }
  firsts.insert(at, 1, first);
  children.insert(children.begin() + place, std::move(node));
}

template <class Value>
void StarTrie<Value>::Node::disown(std::size_t index) {
  firsts.erase(index, 1);
  children.erase(children.begin() + static_cast<std::ptrdiff_t>(index));
}

template <class Value>
typename StarTrie<Value>::NodePtr StarTrie<Value>::leaf(std::string_view rest,
                                                        bool star,
                                                        Value value) {
  auto node = std::make_shared<Node>(rest);
  node->slot(star) = std::move(value);
  return node;
}

/// A node for what the label of `node` and `rest` begin with, above `node` and the new value.
template <class Value>
typename StarTrie<Value>::NodePtr StarTrie<Value>::split(const Node& node,
                                                         std::string_view rest,
                                                         bool star,
                                                         Value value) {
  const auto fork = std::mismatch(rest.begin(), rest.end(), node.label.begin(), node.label.end());
  const auto common = static_cast<std::size_t>(fork.first - rest.begin());
  auto upper = std::make_shared<Node>(rest.substr(0, common));
  auto lower = std::make_shared<Node>(node);
  lower->label.erase(0, common);
  upper->adopt(std::move(lower));
  rest.remove_prefix(common);
  if (rest.empty()) {
    upper->slot(star) = std::move(value);
  } else {
    upper->adopt(leaf(rest, star, std::move(value)));
  }
  return upper;
}

/// A node without values goes, or makes one with its only child.
template <class Value>
typename StarTrie<Value>::NodePtr StarTrie<Value>::settled(NodePtr node) {
  if (node->starred || node->exact || node->children.size() > 1) return node;
  if (node->children.empty()) return nullptr;
  auto only = std::make_shared<Node>(*node->children.front());
  only->label.insert(0, node->label);
  return only;
}

/// The root above `node`, which takes the place of the child where `path` ends; none if it is null.
template <class Value>
typename StarTrie<Value>::NodePtr StarTrie<Value>::rebuilt(const std::vector<Step>& path,
                                                           NodePtr node) {
  for (std::size_t i = path.size(); i > 0; --i) {
    const auto [old_parent, child] = path[i - 1];
    auto parent = std::make_shared<Node>(*old_parent);
    if (node) {
      parent->children[child] = std::move(node);
    } else {
      parent->disown(child);
    }
    const bool is_root = i == 1;
    node = is_root ? NodePtr(std::move(parent)) : settled(std::move(parent));
  }
  return node;
}

/// The last node whose text `base` begins with; `path` leads to it, `rest` is what remains.
template <class Value>
const typename StarTrie<Value>::Node* StarTrie<Value>::descend(std::string_view base,
                                                               std::vector<Step>* path,
                                                               std::string_view& rest) const {
  const Node* node = root_.get();
  rest = base;
  while (!rest.empty()) {
    const std::size_t index = node->child(rest.front());
    if (index == std::string::npos) break;
    const Node* child = node->children[index].get();
    if (!rest.starts_with(child->label)) break;
    if (path != nullptr) path->push_back({node, index});
    rest.remove_prefix(child->label.size());
    node = child;
  }
  return node;
}

template <class Value>
StarTrie<Value> StarTrie<Value>::with(std::string_view text, Value value) const {
  const bool star = is_star_scope(text);
  std::vector<Step> path;
  std::string_view rest;
  const Node* last = descend(scope_base(text), &path, rest);
  const bool is_new = !rest.empty() || !last->slot(star);
  auto changed = std::make_shared<Node>(*last);
  if (rest.empty()) {
    changed->slot(star) = std::move(value);
  } else if (const std::size_t index = last->child(rest.front()); index == std::string::npos) {
    changed->adopt(leaf(rest, star, std::move(value)));
  } else {
    changed->adopt(split(*last->children[index], rest, star, std::move(value)));
  }
  return {rebuilt(path, std::move(changed)), size_ + (is_new ? 1 : 0)};
}

template <class Value>
StarTrie<Value> StarTrie<Value>::without(std::string_view text) const {
  if (find(text) == nullptr) return *this;
  std::vector<Step> path;
  std::string_view rest;
  auto changed = std::make_shared<Node>(*descend(scope_base(text), &path, rest));
  changed->slot(is_star_scope(text)) = nullptr;
  const bool is_root = path.empty();
  NodePtr node = is_root ? NodePtr(std::move(changed)) : settled(std::move(changed));
  return {rebuilt(path, std::move(node)), size_ - 1};
}

template <class Value>
const Value* StarTrie<Value>::find(std::string_view text) const {
  std::string_view rest;
  const Node* node = descend(scope_base(text), nullptr, rest);
  const Value& value = node->slot(is_star_scope(text));
  return rest.empty() && value ? &value : nullptr;
}

template <class Value>
template <class Visit>
bool StarTrie<Value>::visit_below(const Node& top, Visit visit) {
  std::vector<const Node*> waiting = {&top};
  while (!waiting.empty()) {
    const Node& node = *waiting.back();
    waiting.pop_back();
    if (node.starred && !visit(node.starred)) return false;
    if (node.exact && !visit(node.exact)) return false;
    for (std::size_t i = node.children.size(); i > 0; --i) {
      waiting.push_back(node.children[i - 1].get());
    }
  }
  return true;
}

template <class Value>
template <class Visit>
void StarTrie<Value>::match(std::string_view base, bool star, Visit visit) const {
  const auto visit_longer = [&visit](const Value& value) {
    visit(value, below);
    return true;
  };
  const Node* node = root_.get();
  std::string_view rest = base;
  while (true) {
    const std::size_t matched = base.size() - rest.size();
    if (node->starred) visit(node->starred, matched);
    if (rest.empty()) {
      if (node->exact) visit(node->exact, matched);
      if (!star) return;
      for (const NodePtr& child : node->children) visit_below(*child, visit_longer);
      return;
    }
    const std::size_t index = node->child(rest.front());
    if (index == std::string::npos) return;
    node = node->children[index].get();
    if (rest.starts_with(node->label)) {
      rest.remove_prefix(node->label.size());
      continue;
    }
    if (star && node->label.starts_with(rest)) visit_below(*node, visit_longer);
    return;
  }
}

template <class Value>
std::size_t StarTrie<Value>::memory_bytes() const {
  std::size_t bytes = 0;
  std::vector<const Node*> waiting = {root_.get()};
  while (!waiting.empty()) {
    const Node& node = *waiting.back();
    waiting.pop_back();
    bytes += sizeof(Node) + node.children.capacity() * sizeof(NodePtr);
    // Short texts lie inside the node.
    for (const std::string* text : {&node.label, &node.firsts}) {
      if (text->capacity() > std::string().capacity()) bytes += text->capacity();
    }
    for (const NodePtr& child : node.children) waiting.push_back(child.get());
  }
  return bytes;
}

}  // namespace troupe
