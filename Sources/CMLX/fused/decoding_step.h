// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// One token more for each of a few texts: all layers of a decoder in one parallel region, without a graph.
//
//   letters  B texts, D model width, H query heads, G key/value heads, K numbers a head, F feed-forward width,
//            V vocabulary, R ≤ K rotated numbers
//
// A step reads every weight once, so memory sets its pace; as a graph it is some 500 nodes and 120 parallel
// regions, whose cost is as large again. Here a layer is five loops that threads walk through together:
//
//     q, k, v = w x   →   norms, rotation, cache, attention   →   o   →   gate, up, their product   →   down
//
// and residual sums with their norms in between. What a waiting thread will need is fetched from memory meanwhile.
// Sums, rows and attention are those of dots.h, rows.h and cached_attention.h: the bits are the graph's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cached_attention.h"
#include "dots.h"
#include "mlx/array.h"

namespace koine {

/// What all layers of a decoder have in common.
struct DecoderShape {
  std::size_t vocabulary, hidden, intermediate, heads, groups, width;
  float epsilon;
  /// Norms multiply by 1 + weight.
  bool addsOneToNorms;
  /// Norms of q and k over all heads together instead of each.
  bool normsWholeQueries;
  /// The tanh form of GELU in place of SiLU.
  bool usesGelu;
  float attentionScale, attentionCap;
  /// Multiplies the embeddings; 1 for none.
  float embeddingScale;
  /// c in c · tanh(logit / c); 0 for none.
  float logitCap;
};

/// The weights of one layer, null where it has none. Matrices [out, in] as stored, all else f32.
struct DecoderWeights {
  using Weight = std::optional<mlx::core::array>;
  Weight beforeAttention, afterAttention, beforeFeedForward, afterFeedForward;
  /// Without `key` and `value`, `query` holds the rows of all three.
  Weight query, key, value, queryBias, keyBias, valueBias, queryNorm, keyNorm, output, outputBias;
  /// Without `up`, `gate` holds the rows of both.
  Weight gate, up, gateBias, upBias, down, downBias;
  /// As in `AttentionRule`.
  std::int32_t window = 0;
  /// Which of the step's rotations; −1: none.
  std::int32_t rotation = 0;
};

/// Where the new tokens stand and how they are turned.
struct DecodingPlace {
  /// [B]
  std::vector<std::int32_t> ids;
  /// The column of the new tokens, and where each text begins; `starts` is empty where all begin at 0.
  std::size_t column = 0;
  std::vector<std::int32_t> starts;
  struct Rotation {
    /// [R/2]
    std::vector<float> inverseFrequencies;
    /// Multiplies cosines and sines.
    float amplitude = 1;
  };
  std::vector<Rotation> rotations;
};

/// The likeliest token of a row: the lowest id of the largest logit.
struct LikeliestToken {
  std::int32_t id;
  /// The index of the first logit that is no finite number; −1 if there is none.
  std::int32_t nonFinite;
};

/// A decoder whose weights are at hand.
class DecodingStack {
 public:
  /// Evaluates the weights and keeps them. Throws std::invalid_argument for shapes or types that do not fit.
  DecodingStack(
      const DecoderShape& shape, const std::vector<DecoderWeights>& layers,
      const mlx::core::array& embedding, const std::optional<mlx::core::array>& finalNorm,
      const mlx::core::array& head);
  ~DecodingStack();
  DecodingStack(const DecodingStack&) = delete;

  /// Reads one token for each text, writes its keys and values to `caches`, one for each layer, and computes the
  /// logits of the next. All steps before must be evaluated. At most `fewRows` texts. Not for two threads at once.
  /// Throws std::invalid_argument, std::runtime_error for ids out of range.
  void step(
      const DecodingPlace& place, const std::vector<std::shared_ptr<KeyValueMemory>>& caches);

  /// [B, V], of the last step.
  const float* logits() const;
  /// [B], of the last step.
  const std::vector<LikeliestToken>& likeliest() const;

 private:
  struct Content;
  std::unique_ptr<Content> content_;
};

}  // namespace koine
