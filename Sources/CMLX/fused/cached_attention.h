// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Attention of new tokens over those read before, whose keys and values stay in memory of their own.
//
//   letters  B texts, L new columns, H query heads, G key/value heads (H = G · R), D numbers a head,
//            S columns so far, the new ones included
//
// MLX's arrays are values: a cache made of them is copied whenever it grows, once for each token. This memory
// is written in place instead, and the order of the writes is kept by a token that each step takes from the
// step before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fused.h"
#include "mlx/array.h"

namespace koine {

/// The keys and values of one layer. Grows by doubling.
class KeyValueMemory {
 public:
  KeyValueMemory(std::size_t texts, std::size_t groups, std::size_t width)
      : texts_(texts), groups_(groups), width_(width) {}

  /// A copy of the first `columns` columns of these texts, in this order; only between steps.
  KeyValueMemory(
      const KeyValueMemory& other, const std::vector<std::size_t>& texts, std::size_t columns);
  KeyValueMemory(const KeyValueMemory&) = delete;

  std::size_t texts() const { return texts_; }
  std::size_t groups() const { return groups_; }
  std::size_t width() const { return width_; }

  /// Makes room for `columns` columns.
  void reserve(std::size_t columns);
  void store(
      std::size_t text, std::size_t group, std::size_t column, const float* key,
      std::ptrdiff_t keyStep, const float* value, std::ptrdiff_t valueStep);
  /// Blocks of sixteen columns, each [D][16].
  const float* keys(std::size_t text, std::size_t group) const {
    return keys_.data() + (text * groups_ + group) * capacity_ * width_;
  }
  /// [columns][`valueStride()`], filled up with zeros.
  const float* values(std::size_t text, std::size_t group) const {
    return values_.data() + (text * groups_ + group) * capacity_ * valueStride();
  }
  std::size_t valueStride() const { return (width_ + 15) / 16 * 16; }

 private:
  std::size_t texts_, groups_, width_, capacity_ = 0;
  std::vector<float> keys_, values_;
};

/// One of q, k, v as [B, L, heads, D] in any memory order.
struct AttentionHeads {
  const float* data;
  std::ptrdiff_t text, position, head, element;

  const float* at(std::size_t b, std::size_t i, std::size_t h) const {
    return data + static_cast<std::ptrdiff_t>(b) * text + static_cast<std::ptrdiff_t>(i) * position +
        static_cast<std::ptrdiff_t>(h) * head;
  }
};

/// `column` is where the first query stands.
struct AttentionSizes {
  std::size_t texts, length, heads, groups, width, column;
  std::size_t repeat() const { return heads / groups; }
};

/// What queries [begin, end) of text b see with the heads of group g, over memory that has their keys and values
/// already; o [B, L, H, D]. `start`: where the text begins.
void attend(
    std::size_t b, std::size_t g, std::size_t begin, std::size_t end, const AttentionSizes& size,
    const AttentionHeads& q, const KeyValueMemory& memory, std::size_t start, const AttentionRule& rule,
    float* o);

struct CachedAttentionResult {
  mlx::core::array output;
  /// To be given to the next step of the same layer, and evaluated with the output.
  mlx::core::array turn;
};

/// Writes k and v [B, L, G, D] to the columns from `column` on and lets q [B, L, H, D] see them and what is
/// before → [B, L, H, D]. Query i stands in column `column` + i, key head h / R serves query head h.
///
/// `starts`: where each text begins, for texts padded on the left; empty where all begin at 0. A query in
/// the padding sees itself only. `turn`: of the step before, null for the first. No gradients. Each step is
/// evaluated once: a step that is built and dropped must be built again before those after it.
CachedAttentionResult cachedAttention(
    const mlx::core::array& q, const mlx::core::array& k, const mlx::core::array& v,
    const std::shared_ptr<KeyValueMemory>& memory, std::size_t column,
    const std::vector<std::int32_t>& starts, const AttentionRule& rule,
    const mlx::core::array* turn);

}  // namespace koine
