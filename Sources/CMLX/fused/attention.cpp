// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Causal attention within documents, grouped queries, forward and backward.
//
//   letters  B sequences, L positions, H query heads, G key/value heads (H = G · R), D numbers a head
//   mask     position i sees j iff i − window < j ≤ i, segment(i) = segment(j) and segment(i) ≥ 0
//     S = scale · Q Kᵀ, or with a cap c   S = c · tanh(scale · Q Kᵀ / c)
//     P = softmax of the seen of each row,   O = P V,   lse = log Σ exp of the seen S
//     dV = Pᵀ dO,   dP = dO Vᵀ,   dS = P ∘ (dP − Σ dO ∘ O) · scale (∘ (1 − (S / c)²)),   dQ = dS K,   dK = dSᵀ Q
//
// One piece of work is one key/value head of one sequence: its R query heads read the same packed keys and
// values and add to the same dK, dV, in order. Rows go in blocks of 112, against only those keys that some row
// of the block may see, and the tiles of products that lie beyond the diagonal are left out; so a causal window
// costs little more than half of the full square, and packed short documents cost less. P is never kept: only
// lse [B, H, L] is, and P is computed again in the backward pass (Dao et al. 2022, arXiv:2205.14135, §3;
// departs: whole rows of scores are held, so no running softmax).
// Memory: 112 · L floats of scores (twice in the backward pass) and the packed keys and values, per thread.

#include <algorithm>
#include <cmath>
#include <limits>

#include "fused.h"
#include "gemm.h"
#include "pool.h"
#include "primitive.h"
#include "vector.h"

namespace koine {
namespace {

constexpr std::size_t blockRows = 112;  // whole tiles of the widest kernel
constexpr std::size_t keyUnit = 64;  // a multiple of every kernel's panel width

/// One of q, k, v as [B, L, heads, D] in any memory order.
struct Heads {
  const float* data;
  std::ptrdiff_t sequence, position, head, element;

  explicit Heads(const array& a)
      : data(a.data<float>()),
        sequence(a.strides(0)),
        position(a.strides(1)),
        head(a.strides(2)),
        element(a.strides(3)) {}

  /// The [L, D] matrix of one head.
  Matrix matrix(std::size_t b, std::size_t h) const {
    return {
        data + static_cast<std::ptrdiff_t>(b) * sequence + static_cast<std::ptrdiff_t>(h) * head,
        position, element};
  }
};

struct Sizes {
  std::size_t sequences, length, heads, groups, width;
  AttentionRule rule;
  std::size_t repeat() const { return heads / groups; }
};

/// A block of rows [begin, end) and the keys [first, end) it is multiplied with.
struct Block {
  std::size_t begin, end, first;
  std::size_t rows() const { return end - begin; }
  std::size_t columns() const { return end - first; }

  // What lies beyond the diagonal is no score, and zero in the block of probabilities and its transpose.
  Triangle wanted() const { return {Triangle::Part::result, begin - first}; }
  Triangle left() const { return {Triangle::Part::left, begin - first}; }
  Triangle turnedLeft() const { return {Triangle::Part::turnedLeft, begin - first}; }
};

/// The blocks of one sequence. `first` is the earliest key of any segment that occurs in the block, or the
/// earliest that the window leaves, rounded down to a multiple of 64. A segment may come back after another
/// one; its first position counts then.
std::vector<Block> blocks(const std::int32_t* segments, std::size_t length, std::int32_t window) {
  std::vector<Block> result;
  for (std::size_t begin = 0; begin < length; begin += blockRows) {
    const std::size_t end = std::min(length, begin + blockRows);
    std::size_t first = begin;
    for (std::size_t i = begin; i < end; ++i) {
      if (segments[i] < 0 || (i > begin && segments[i] == segments[i - 1])) continue;
      const auto found = std::find(segments, segments + first, segments[i]);
      first = static_cast<std::size_t>(found - segments);
    }
    const std::size_t reach = static_cast<std::size_t>(window);
    if (window > 0 && begin + 1 > reach) first = std::max(first, begin + 1 - reach);
    result.push_back({begin, end, first / keyUnit * keyUnit});
  }
  return result;
}

/// How many of a block's columns query i may see: up to itself, in whole vectors.
std::size_t reach(const Block& block, std::size_t i) {
  return std::min(block.columns(), (i - block.first) / 8 * 8 + 8);
}

/// The eight scores from `row`, scaled and capped, −∞ where key j is not seen by query i (j0 is the key of
/// lane 0).
inline Lanes masked(
    const float* row, std::size_t count, std::size_t j0, std::size_t i, std::int32_t segment,
    const std::int32_t* segments, const AttentionRule& rule) {
  const IntLanes step = {0, 1, 2, 3, 4, 5, 6, 7};
  IntLanes keys = -2;
  std::memcpy(&keys, segments + j0, count * sizeof(std::int32_t));
  const IntLanes distance = static_cast<std::int32_t>(i) - (step + static_cast<std::int32_t>(j0));
  IntLanes seen = (keys == segment) & (distance >= 0);
  if (rule.window > 0) seen &= distance < rule.window;
  Lanes score = rule.scale * loadUpTo(row, count);
  if (rule.cap > 0) score = rule.cap * hyperbolicTangent(score / rule.cap);
  const Lanes hidden = -std::numeric_limits<float>::infinity();
  return seen ? score : hidden;
}

struct Scratch {
  PackedMatrix keysTurned, valuesTurned, keys, values, queries, cotangents;
  std::vector<float> scores, slopes;
  static Scratch& own() {
    thread_local Scratch scratch;
    return scratch;
  }
};

/// Scores in place → probabilities; returns log Σ exp (0 for a padding row, whose probabilities are 0).
float softmaxRow(
    float* row, const Block& block, std::size_t i, const std::int32_t* segments,
    const AttentionRule& rule) {
  const std::size_t columns = segments[i] < 0 ? 0 : reach(block, i);
  std::fill(row + columns, row + block.columns(), 0.0f);
  if (columns == 0) return 0;
  Lanes most = -std::numeric_limits<float>::infinity();
  eachLanes(columns, [&](std::size_t j, std::size_t count) {
    const Lanes s = masked(row + j, count, block.first + j, i, segments[i], segments, rule);
    storeUpTo(row + j, s, count);
    most = s > most ? s : most;
  });
  const float top = largest(most);
  Lanes total = 0.0f;
  eachLanes(columns, [&](std::size_t j, std::size_t count) {
    const Lanes p = exponential(
        loadUpTo(row + j, count, -std::numeric_limits<float>::infinity()) - top);
    storeUpTo(row + j, p, count);
    total += p;
  });
  const float whole = sum(total), share = 1.0f / whole;
  eachLanes(columns, [&](std::size_t j, std::size_t count) {
    storeUpTo(row + j, loadUpTo(row + j, count) * share, count);
  });
  return top + std::log(whole);
}

void forwardPiece(
    std::size_t b, std::size_t g, const Sizes& size, const Heads& q, const Heads& k,
    const Heads& v, const std::int32_t* segments, float* o, float* lse) {
  Scratch& scratch = Scratch::own();
  const std::size_t length = size.length, width = size.width;
  scratch.keysTurned.pack(k.matrix(b, g).transposed(), width, length);
  scratch.values.pack(v.matrix(b, g), length, width);
  scratch.scores.resize(blockRows * length);
  float* const scores = scratch.scores.data();
  const std::size_t outStride = size.heads * width;
  for (const Block& block : blocks(segments, length, size.rule.window)) {
    const std::size_t columns = block.columns();
    for (std::size_t h = g * size.repeat(); h < (g + 1) * size.repeat(); ++h) {
      multiplyPacked(
          block.rows(), columns, q.matrix(b, h).from(static_cast<std::ptrdiff_t>(block.begin), 0),
          scratch.keysTurned, block.first, 0, width, scores, columns, false, block.wanted());
      for (std::size_t i = block.begin; i < block.end; ++i) {
        lse[(b * size.heads + h) * length + i] = softmaxRow(
            scores + (i - block.begin) * columns, block, i, segments, size.rule);
      }
      multiplyPacked(
          block.rows(), width, Matrix::rows(scores, static_cast<std::ptrdiff_t>(columns)),
          scratch.values, 0, block.first, block.end,
          o + (b * length + block.begin) * outStride + h * width, outStride, false,
          block.left());
    }
  }
}

/// Scores → probabilities (in place), dP → dS (in place), for one row of a block.
void gradientRow(
    float* row, float* slopes, const Block& block, std::size_t i, const std::int32_t* segments,
    const AttentionRule& rule, float lse, const float* o, const float* cotangent, std::size_t width) {
  const std::size_t columns = segments[i] < 0 ? 0 : reach(block, i);
  std::fill(row + columns, row + block.columns(), 0.0f);
  std::fill(slopes + columns, slopes + block.columns(), 0.0f);
  if (columns == 0) return;
  Lanes products = 0.0f;
  eachLanes(width, [&](std::size_t j, std::size_t count) {
    products = fma(loadUpTo(o + j, count), loadUpTo(cotangent + j, count), products);
  });
  const float mean = sum(products);
  eachLanes(columns, [&](std::size_t j, std::size_t count) {
    const Lanes s = masked(row + j, count, block.first + j, i, segments[i], segments, rule);
    const Lanes p = exponential(s - lse);
    storeUpTo(row + j, p, count);
    Lanes slope = p * (loadUpTo(slopes + j, count) - mean) * rule.scale;
    if (rule.cap > 0) {
      // What is not seen has S = −∞ and p = 0, whose product is not the 0 that is meant.
      const Lanes bent = slope * (1.0f - (s / rule.cap) * (s / rule.cap)), none = 0.0f;
      slope = p > none ? bent : none;
    }
    storeUpTo(slopes + j, slope, count);
  });
}

struct Gradients {
  float *q, *k, *v;
};

void backwardPiece(
    std::size_t b, std::size_t g, const Sizes& size, const Heads& q, const Heads& k,
    const Heads& v, const std::int32_t* segments, const float* o, const float* lse,
    const float* cotangent, const Gradients& out) {
  Scratch& scratch = Scratch::own();
  const std::size_t length = size.length, width = size.width;
  const std::size_t queryStride = size.heads * width, keyStride = size.groups * width;
  scratch.keysTurned.pack(k.matrix(b, g).transposed(), width, length);
  scratch.valuesTurned.pack(v.matrix(b, g).transposed(), width, length);
  scratch.keys.pack(k.matrix(b, g), length, width);
  scratch.scores.resize(blockRows * length);
  scratch.slopes.resize(blockRows * length);
  float *const scores = scratch.scores.data(), *const slopes = scratch.slopes.data();
  float* const dk = out.k + b * length * keyStride + g * width;
  float* const dv = out.v + b * length * keyStride + g * width;
  for (std::size_t i = 0; i < length; ++i) {
    std::fill_n(dk + i * keyStride, width, 0.0f);
    std::fill_n(dv + i * keyStride, width, 0.0f);
  }
  for (const Block& block : blocks(segments, length, size.rule.window)) {
    const std::size_t rows = block.rows(), columns = block.columns();
    const auto begin = static_cast<std::ptrdiff_t>(block.begin);
    const auto scoreStride = static_cast<std::ptrdiff_t>(columns);
    for (std::size_t h = g * size.repeat(); h < (g + 1) * size.repeat(); ++h) {
      const Matrix queries = q.matrix(b, h).from(begin, 0);
      const std::size_t at = (b * length + block.begin) * queryStride + h * width;
      const Matrix arriving =
          Matrix::rows(cotangent + at, static_cast<std::ptrdiff_t>(queryStride));
      multiplyPacked(
          rows, columns, queries, scratch.keysTurned, block.first, 0, width, scores, columns, false,
          block.wanted());
      multiplyPacked(
          rows, columns, arriving, scratch.valuesTurned, block.first, 0, width, slopes, columns, false,
          block.wanted());
      for (std::size_t i = 0; i < rows; ++i) {
        gradientRow(
            scores + i * columns, slopes + i * columns, block, block.begin + i, segments,
            size.rule, lse[(b * size.heads + h) * length + block.begin + i],
            o + at + i * queryStride, cotangent + at + i * queryStride, width);
      }
      multiplyPacked(
          rows, width, Matrix::rows(slopes, scoreStride), scratch.keys, 0, block.first, block.end,
          out.q + at, queryStride, false, block.left());
      scratch.queries.pack(queries, rows, width);
      multiplyPacked(
          columns, width, Matrix::rows(slopes, scoreStride).transposed(), scratch.queries, 0, 0,
          rows, dk + block.first * keyStride, keyStride, true, block.turnedLeft());
      scratch.cotangents.pack(arriving, rows, width);
      multiplyPacked(
          columns, width, Matrix::rows(scores, scoreStride).transposed(), scratch.cotangents, 0, 0,
          rows, dv + block.first * keyStride, keyStride, true, block.turnedLeft());
    }
  }
}

Sizes sizes(const array& q, const array& k, const AttentionRule& rule) {
  const auto dimension = [](int value) { return static_cast<std::size_t>(value); };
  return {
      dimension(q.shape(0)), dimension(q.shape(1)), dimension(q.shape(2)), dimension(k.shape(2)),
      dimension(q.shape(3)), rule};
}

class AttentionGradient : public FusedPrimitive {
 public:
  AttentionGradient(mx::Stream stream, const AttentionRule& rule) : FusedPrimitive(stream), rule_(rule) {}
  DEFINE_NAME(koine.AttentionGradient)

  /// (q, k, v, segments, o, lse, dO) → (dQ, dK, dV), all row-major.
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const Heads q(inputs[0]), k(inputs[1]), v(inputs[2]);
    const std::int32_t* segments = inputs[3].data<std::int32_t>();
    const float *o = inputs[4].data<float>(), *lse = inputs[5].data<float>(),
                *cotangent = inputs[6].data<float>();
    const Gradients out{
        outputs[0].data<float>(), outputs[1].data<float>(), outputs[2].data<float>()};
    const Sizes size = sizes(inputs[0], inputs[1], rule_);
    schedule([=] {
      parallel(size.sequences * size.groups, [&](std::size_t piece) {
        const std::size_t b = piece / size.groups;
        backwardPiece(
            b, piece % size.groups, size, q, k, v, segments + b * size.length, o, lse, cotangent,
            out);
      });
    });
  }

 private:
  AttentionRule rule_;
};

class Attention : public FusedPrimitive {
 public:
  Attention(mx::Stream stream, const AttentionRule& rule) : FusedPrimitive(stream), rule_(rule) {}
  DEFINE_NAME(koine.Attention)

  /// (q [B, L, H, D], k [B, L, G, D], v, segments [B, L]) → (o [B, L, H, D], lse [B, H, L]).
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const Heads q(inputs[0]), k(inputs[1]), v(inputs[2]);
    const std::int32_t* segments = inputs[3].data<std::int32_t>();
    float *o = outputs[0].data<float>(), *lse = outputs[1].data<float>();
    const Sizes size = sizes(inputs[0], inputs[1], rule_);
    schedule([=] {
      parallel(size.sequences * size.groups, [&](std::size_t piece) {
        const std::size_t b = piece / size.groups;
        forwardPiece(b, piece % size.groups, size, q, k, v, segments + b * size.length, o, lse);
      });
    });
  }

  std::vector<array> vjp(
      const std::vector<array>& primals, const std::vector<array>& cotangents,
      const std::vector<int>& argnums, const std::vector<array>& outputs) override {
    // The cotangent of lse is not used: the builder gives lse to nobody.
    const auto gradients = array::make_arrays(
        {primals[0].shape(), primals[1].shape(), primals[2].shape()},
        {mx::float32, mx::float32, mx::float32},
        std::make_shared<AttentionGradient>(stream(), rule_),
        {primals[0], primals[1], primals[2], primals[3], outputs[0], outputs[1],
         rowMajor(cotangents[0])});
    std::vector<array> results;
    for (const int argument : argnums) {
      results.push_back(
          argument < 3 ? gradients[argument] : mx::zeros_like(primals[argument], stream()));
    }
    return results;
  }

 private:
  AttentionRule rule_;
};

}  // namespace

array attention(
    const array& q, const array& k, const array& v, const array& segments,
    const AttentionRule& rule) {
  constexpr const char* kernel = "attention";
  expectType(kernel, "q", q, mx::float32);
  expectType(kernel, "k", k, mx::float32);
  expectType(kernel, "v", v, mx::float32);
  expectType(kernel, "segments", segments, mx::int32);
  expectRank(kernel, "q", q, 4, "[B, L, H, D]");
  expectRank(kernel, "k", k, 4, "[B, L, G, D]");
  const int groups = k.shape(2);
  expectShape(kernel, "k", k, {q.shape(0), q.shape(1), groups, q.shape(3)});
  expectShape(kernel, "v", v, k.shape());
  expectShape(kernel, "segments", segments, {q.shape(0), q.shape(1)});
  if (groups == 0 || q.shape(2) % groups != 0) {
    refuse(
        kernel, "k", "a number of heads G that divides H = " + std::to_string(q.shape(2)),
        std::to_string(groups));
  }
  return array::make_arrays(
      {q.shape(), {q.shape(0), q.shape(2), q.shape(1)}}, {mx::float32, mx::float32},
      std::make_shared<Attention>(cpuStream(), rule), {q, k, v, rowMajor(segments)})[0];
}

}  // namespace koine
