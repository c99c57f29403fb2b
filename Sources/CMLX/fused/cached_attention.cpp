// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// One piece of work is one key/value head of one text and a few neighbouring queries: their R heads each are
// the rows of small products with the same keys and values.
//
//     S = scale · Q Kᵀ (capped),   P = softmax of the seen of each row,   O = P V
//
// Both products are c[row][16] = Σₖ a[row][k] · b[k][16]: keys lie in blocks of 16 columns number by number, and
// values row by row, so neither needs sums across lanes. Each number is one chain of fused multiply-adds with
// k rising: threads, tiles and the vector width do not show in the bits.
// Memory: one row of scores for each row of the piece.

#include "cached_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "gemm.h"
#include "pool.h"
#include "primitive.h"
#include "vector.h"

namespace koine {
namespace {

typedef float Sixteen __attribute__((ext_vector_type(16)));

/// c[row][0 ..< 16] = Σₖ a[row · aStride + k] · b[k · bStride + 0 ..< 16], for `Rows` rows.
template <int Rows>
__attribute__((always_inline)) inline void tile(
    std::size_t depth, const float* a, std::size_t aStride, const float* b, std::size_t bStride,
    float* c, std::size_t cStride) {
  Sixteen sum[Rows];
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; ++r) sum[r] = 0.0f;
  for (std::size_t k = 0; k < depth; ++k) {
    Sixteen right;
    std::memcpy(&right, b + k * bStride, sizeof right);
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; ++r) {
      const Sixteen all = a[static_cast<std::size_t>(r) * aStride + k];
      sum[r] = __builtin_elementwise_fma(all, right, sum[r]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; ++r) {
    std::memcpy(c + static_cast<std::size_t>(r) * cStride, &sum[r], sizeof sum[r]);
  }
}

/// The same for any number of rows, at most `Most` at a time.
template <int Most>
__attribute__((always_inline)) inline void tiles(
    std::size_t rows, std::size_t depth, const float* a, std::size_t aStride, const float* b,
    std::size_t bStride, float* c, std::size_t cStride) {
  while (rows > 0) {
    std::size_t done = 1;
    if (Most >= 12 && rows >= 12) {
      tile<Most >= 12 ? 12 : 1>(depth, a, aStride, b, bStride, c, cStride);
      done = 12;
    } else if (rows >= 6) {
      tile<6>(depth, a, aStride, b, bStride, c, cStride);
      done = 6;
    } else if (rows >= 4) {
      tile<4>(depth, a, aStride, b, bStride, c, cStride);
      done = 4;
    } else if (rows == 3) {
      tile<3>(depth, a, aStride, b, bStride, c, cStride);
      done = 3;
    } else if (rows == 2) {
      tile<2>(depth, a, aStride, b, bStride, c, cStride);
      done = 2;
    } else {
      tile<1>(depth, a, aStride, b, bStride, c, cStride);
    }
    a += done * aStride;
    c += done * cStride;
    rows -= done;
  }
}

using Tiles = void (*)(
    std::size_t, std::size_t, const float*, std::size_t, const float*, std::size_t, float*,
    std::size_t);

#if defined(__x86_64__)
#define KOINE_TARGET(features) __attribute__((target(features)))
#else
#define KOINE_TARGET(features)
#endif

#define KOINE_TILES(name, features, most)                                                        \
  KOINE_TARGET(features)                                                                         \
  void name(                                                                                     \
      std::size_t rows, std::size_t depth, const float* a, std::size_t aStride, const float* b,  \
      std::size_t bStride, float* c, std::size_t cStride) {                                      \
    tiles<most>(rows, depth, a, aStride, b, bStride, c, cStride);                                \
  }

#if defined(__x86_64__)
KOINE_TILES(wideTiles, "avx512f", 12)
KOINE_TILES(narrowTiles, "avx2,fma", 6)
Tiles chosenTiles() {
  return std::strcmp(kernelName(), "avx512") == 0 ? wideTiles : narrowTiles;
}
#else
KOINE_TILES(narrowTiles, "", 6)
Tiles chosenTiles() { return narrowTiles; }
#endif

AttentionHeads headsOf(const array& a) {
  return {a.data<float>(), a.strides(0), a.strides(1), a.strides(2), a.strides(3)};
}

/// Scores in place → probabilities of the columns [low, high), zero in the others of [0, count).
void softmaxRow(
    float* row, std::size_t count, std::size_t low, std::size_t high, const AttentionRule& rule) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::fill(row, row + low, 0.0f);
  std::fill(row + high, row + count, 0.0f);
  float* const seen = row + low;
  const std::size_t width = high - low;
  Lanes most = -infinity;
  eachLanes(width, [&](std::size_t j, std::size_t lanes) {
    Lanes s = rule.scale * loadUpTo(seen + j, lanes);
    if (rule.cap > 0) s = rule.cap * hyperbolicTangent(s / rule.cap);
    storeUpTo(seen + j, s, lanes);
    s = loadUpTo(seen + j, lanes, -infinity);
    most = s > most ? s : most;
  });
  const float top = largest(most);
  Lanes total = 0.0f;
  eachLanes(width, [&](std::size_t j, std::size_t lanes) {
    const Lanes p = exponential(loadUpTo(seen + j, lanes, -infinity) - top);
    storeUpTo(seen + j, p, lanes);
    total += p;
  });
  const float share = 1.0f / sum(total);
  eachLanes(width, [&](std::size_t j, std::size_t lanes) {
    storeUpTo(seen + j, loadUpTo(seen + j, lanes) * share, lanes);
  });
}

class CachedAttention : public FusedPrimitive {
 public:
  CachedAttention(
      mx::Stream stream, std::shared_ptr<KeyValueMemory> memory, std::size_t column,
      std::vector<std::int32_t> starts, const AttentionRule& rule)
      : FusedPrimitive(stream),
        memory_(std::move(memory)),
        column_(column),
        starts_(std::move(starts)),
        rule_(rule) {}
  DEFINE_NAME(koine.CachedAttention)

  /// (q [B, L, H, D], k [B, L, G, D], v, perhaps the turn before) → (o [B, L, H, D], turn [1]).
  void eval_cpu(const std::vector<array>& inputs, std::vector<array>& outputs) override {
    allocate(outputs);
    const AttentionHeads q = headsOf(inputs[0]), k = headsOf(inputs[1]), v = headsOf(inputs[2]);
    float* const o = outputs[0].data<float>();
    std::int32_t* const turn = outputs[1].data<std::int32_t>();
    const auto dimension = [](int value) { return static_cast<std::size_t>(value); };
    const AttentionSizes size{
        dimension(inputs[0].shape(0)), dimension(inputs[0].shape(1)), dimension(inputs[0].shape(2)),
        dimension(inputs[1].shape(2)), dimension(inputs[0].shape(3)), column_};
    schedule([q, k, v, o, turn, size, memory = memory_, starts = starts_, rule = rule_] {
      KeyValueMemory& own = *memory;
      own.reserve(size.column + size.length);
      const auto keep = [&](std::size_t from, std::size_t to) {
        for (std::size_t index = from; index < to; ++index) {
          const std::size_t b = index / size.length, i = index % size.length;
          for (std::size_t g = 0; g < size.groups; ++g) {
            own.store(
                b, g, size.column + i, k.at(b, i, g), k.element, v.at(b, i, g), v.element);
          }
        }
      };
      // A dozen rows fill the registers of the products.
      const std::size_t height = std::max<std::size_t>(1, 12 / size.repeat());
      const std::size_t parts = (size.length + height - 1) / height;
      const auto piece = [&](std::size_t index) {
        const std::size_t part = index % parts, pair = index / parts;
        const std::size_t b = pair / size.groups;
        attend(
            b, pair % size.groups, part * height, std::min(size.length, (part + 1) * height), size, q,
            own, starts.empty() ? 0 : static_cast<std::size_t>(starts[b]), rule, o);
      };
      const std::size_t tokens = size.texts * size.length, pieces = size.texts * size.groups * parts;
      // Below some microseconds of work, waking others takes longer than doing it.
      if (tokens * size.heads * (size.column + size.length) * size.width < (1u << 18)) {
        keep(0, tokens);
        for (std::size_t index = 0; index < pieces; ++index) piece(index);
      } else {
        parallelRanges(tokens, 8, keep);
        parallel(pieces, piece);
      }
      *turn = static_cast<std::int32_t>(size.column + size.length);
    });
  }

 private:
  std::shared_ptr<KeyValueMemory> memory_;
  std::size_t column_;
  std::vector<std::int32_t> starts_;
  AttentionRule rule_;
};

}  // namespace

void attend(
    std::size_t b, std::size_t g, std::size_t begin, std::size_t end, const AttentionSizes& size,
    const AttentionHeads& q, const KeyValueMemory& memory, std::size_t start, const AttentionRule& rule,
    float* o) {
  thread_local std::vector<float> queries, scores, outputs;
  const std::size_t repeat = size.repeat(), rows = (end - begin) * repeat, width = size.width;
  const Tiles multiply = chosenTiles();
  // The columns a query sees: [low, column].
  const auto low = [&](std::size_t column) {
    if (column < start) return column;
    const auto window = static_cast<std::size_t>(rule.window);
    return window > 0 && column + 1 > start + window ? column + 1 - window : start;
  };
  std::size_t first = size.column + begin;
  for (std::size_t i = begin; i < end; ++i) first = std::min(first, low(size.column + i));
  first = first / 16 * 16;
  const std::size_t last = (size.column + end + 15) / 16 * 16, count = last - first;

  queries.resize(rows * width);
  for (std::size_t i = begin; i < end; ++i) {
    for (std::size_t r = 0; r < repeat; ++r) {
      const float* from = q.at(b, i, g * repeat + r);
      float* to = queries.data() + ((i - begin) * repeat + r) * width;
      for (std::size_t d = 0; d < width; ++d) to[d] = from[static_cast<std::ptrdiff_t>(d) * q.element];
    }
  }
  scores.resize(rows * count);
  const float* const keys = memory.keys(b, g);
  for (std::size_t block = 0; block < count; block += 16) {
    multiply(
        rows, width, queries.data(), width, keys + (first + block) * width, 16,
        scores.data() + block, count);
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t column = size.column + begin + row / repeat;
    softmaxRow(
        scores.data() + row * count, count, low(column) - first, column + 1 - first, rule);
  }
  const std::size_t stride = memory.valueStride(), used = size.column + end - first;
  const float* const values = memory.values(b, g) + first * stride;
  outputs.resize(rows * stride);
  for (std::size_t d = 0; d < stride; d += 16) {
    multiply(rows, used, scores.data(), count, values + d, stride, outputs.data() + d, stride);
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t i = begin + row / repeat, h = g * repeat + row % repeat;
    std::copy_n(
        outputs.data() + row * stride, width, o + ((b * size.length + i) * size.heads + h) * width);
  }
}

void KeyValueMemory::reserve(std::size_t columns) {
  if (columns <= capacity_) return;
  const std::size_t wanted = std::max((columns + 15) / 16 * 16, std::max<std::size_t>(64, 2 * capacity_));
  const std::size_t pairs = texts_ * groups_, stride = valueStride();
  std::vector<float> keys(pairs * wanted * width_), values(pairs * wanted * stride);
  for (std::size_t pair = 0; pair < pairs; ++pair) {
    std::copy_n(
        keys_.data() + pair * capacity_ * width_, capacity_ * width_,
        keys.data() + pair * wanted * width_);
    std::copy_n(
        values_.data() + pair * capacity_ * stride, capacity_ * stride,
        values.data() + pair * wanted * stride);
  }
  keys_ = std::move(keys);
  values_ = std::move(values);
  capacity_ = wanted;
}

void KeyValueMemory::store(
    std::size_t text, std::size_t group, std::size_t column, const float* key,
    std::ptrdiff_t keyStep, const float* value, std::ptrdiff_t valueStep) {
  const std::size_t pair = text * groups_ + group, stride = valueStride();
  float* const block =
      keys_.data() + pair * capacity_ * width_ + column / 16 * 16 * width_ + column % 16;
  float* const row = values_.data() + (pair * capacity_ + column) * stride;
  for (std::size_t d = 0; d < width_; ++d) {
    block[d * 16] = key[static_cast<std::ptrdiff_t>(d) * keyStep];
    row[d] = value[static_cast<std::ptrdiff_t>(d) * valueStep];
  }
}

KeyValueMemory::KeyValueMemory(
    const KeyValueMemory& other, const std::vector<std::size_t>& texts, std::size_t columns)
    : texts_(texts.size()), groups_(other.groups_), width_(other.width_) {
  reserve(columns);
  const std::size_t used = std::min((columns + 15) / 16 * 16, other.capacity_), stride = valueStride();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (std::size_t g = 0; g < groups_; ++g) {
      const std::size_t pair = i * groups_ + g;
      std::copy_n(other.keys(texts[i], g), used * width_, keys_.data() + pair * capacity_ * width_);
      std::copy_n(
          other.values(texts[i], g), used * stride, values_.data() + pair * capacity_ * stride);
    }
  }
}

CachedAttentionResult cachedAttention(
    const array& q, const array& k, const array& v, const std::shared_ptr<KeyValueMemory>& memory,
    std::size_t column, const std::vector<std::int32_t>& starts, const AttentionRule& rule,
    const array* turn) {
  constexpr const char* kernel = "cached attention";
  expectType(kernel, "q", q, mx::float32);
  expectType(kernel, "k", k, mx::float32);
  expectType(kernel, "v", v, mx::float32);
  expectRank(kernel, "q", q, 4, "[B, L, H, D]");
  const int texts = static_cast<int>(memory->texts()), groups = static_cast<int>(memory->groups()),
            width = static_cast<int>(memory->width());
  expectShape(kernel, "q", q, {texts, q.shape(1), q.shape(2), width});
  expectShape(kernel, "k", k, {texts, q.shape(1), groups, width});
  expectShape(kernel, "v", v, k.shape());
  if (groups == 0 || q.shape(2) % groups != 0) {
    refuse(
        kernel, "q", "a number of heads that " + std::to_string(groups) + " divides",
        std::to_string(q.shape(2)));
  }
  if (!starts.empty() && starts.size() != memory->texts()) {
    refuse(
        kernel, "starts", "one for each of " + std::to_string(texts) + " texts",
        std::to_string(starts.size()));
  }
  for (const std::int32_t start : starts) {
    if (start < 0) refuse(kernel, "starts", "0 or more", std::to_string(start));
  }
  std::vector<array> inputs{q, k, v};
  if (turn != nullptr) inputs.push_back(*turn);
  const auto outputs = array::make_arrays(
      {q.shape(), {1}}, {mx::float32, mx::int32},
      std::make_shared<CachedAttention>(cpuStream(), memory, column, starts, rule), inputs);
  return {outputs[0], outputs[1]};
}

}  // namespace koine
