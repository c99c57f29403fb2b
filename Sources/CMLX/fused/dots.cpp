// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "dots.h"

#include <algorithm>
#include <cstring>

#include "gemm.h"
#include "pool.h"

namespace koine {
namespace {

typedef float Sixteen __attribute__((ext_vector_type(16)));

// Vectors of 16 pass between functions of different instruction sets, but never by a call: all that take
// or give one are always inlined.
#pragma clang diagnostic ignored "-Wpsabi"

__attribute__((always_inline)) inline float total(Sixteen v) {
  const auto eight = v.lo + v.hi;
  const auto four = eight.lo + eight.hi;
  const auto two = four.lo + four.hi;
  return two.x + two.y;
}

#define KOINE_FIRST8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define KOINE_LAST8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define KOINE_FIRST4 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define KOINE_LAST4 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define KOINE_FIRST2 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29
#define KOINE_LAST2 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31

/// The halves of two vectors added: a's sum is the first half.
#define KOINE_FOLD(a, b, first, last) \
  (__builtin_shufflevector(a, b, first) + __builtin_shufflevector(a, b, last))

/// The `total`s of several vectors, with a third of its work where there are four or eight: the additions
/// are the same, many at a time.
template <int Count>
__attribute__((always_inline)) inline void totals(const Sixteen* v, float* result) {
  if constexpr (Count == 4 || Count == 8) {
    const Sixteen ab = KOINE_FOLD(v[0], v[1], KOINE_FIRST8, KOINE_LAST8);
    const Sixteen cd = KOINE_FOLD(v[2], v[3], KOINE_FIRST8, KOINE_LAST8);
    const Sixteen low = KOINE_FOLD(ab, cd, KOINE_FIRST4, KOINE_LAST4);
    Sixteen high = low;
    if constexpr (Count == 8) {
      const Sixteen ef = KOINE_FOLD(v[4], v[5], KOINE_FIRST8, KOINE_LAST8);
      const Sixteen gh = KOINE_FOLD(v[6], v[7], KOINE_FIRST8, KOINE_LAST8);
      high = KOINE_FOLD(ef, gh, KOINE_FIRST4, KOINE_LAST4);
    }
    const Sixteen pairs = KOINE_FOLD(low, high, KOINE_FIRST2, KOINE_LAST2);
    const auto sums = pairs.even + pairs.odd;
    std::memcpy(result, &sums, Count * sizeof(float));
  } else {
    for (int i = 0; i < Count; ++i) result[i] = total(v[i]);
  }
}

/// `Rows` neighbouring rows of w against `Texts` rows of x; `ahead` is how far, in bytes, to fetch w from
/// memory before it is needed.
template <StoredType type, int Rows, int Texts>
__attribute__((always_inline)) inline void dots(
    std::size_t width, const void* w, std::size_t ahead, const float* x, float* y,
    std::size_t stride) {
  using Stored = Widen<type, 16>;
  using Element = typename Stored::Element;
  const auto* const base = static_cast<const Element*>(w);
  Sixteen sum[Rows][Texts];
#pragma clang loop unroll(full)
  for (int r = 0; r < Rows; ++r) {
#pragma clang loop unroll(full)
    for (int t = 0; t < Texts; ++t) sum[r][t] = 0.0f;
  }
  std::size_t k = 0;
  for (; k + 16 <= width; k += 16) {
    Sixteen weights[Rows];
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; ++r) {
      const Element* const row = base + static_cast<std::size_t>(r) * width + k;
      // Into the second cache: the first has room for few lines on their way.
      __builtin_prefetch(reinterpret_cast<const char*>(row) + ahead, 0, 2);
      weights[r] = Stored::load(row);
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < Texts; ++t) {
      Sixteen numbers;
      std::memcpy(&numbers, x + static_cast<std::size_t>(t) * width + k, sizeof numbers);
#pragma clang loop unroll(full)
      for (int r = 0; r < Rows; ++r) {
        sum[r][t] = __builtin_elementwise_fma(weights[r], numbers, sum[r][t]);
      }
    }
  }
  if (k < width) {
    const std::size_t rest = width - k;
    for (int r = 0; r < Rows; ++r) {
      Element tail[16] = {};
      std::memcpy(tail, base + static_cast<std::size_t>(r) * width + k, rest * sizeof(Element));
      const Sixteen weights = Stored::load(tail);
      for (int t = 0; t < Texts; ++t) {
        float part[16] = {};
        std::memcpy(part, x + static_cast<std::size_t>(t) * width + k, rest * sizeof(float));
        Sixteen numbers;
        std::memcpy(&numbers, part, sizeof numbers);
        sum[r][t] = __builtin_elementwise_fma(weights, numbers, sum[r][t]);
      }
    }
  }
  if constexpr (Texts == 1) {
    Sixteen column[Rows];
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; ++r) column[r] = sum[r][0];
    totals<Rows>(column, y);
  } else {
#pragma clang loop unroll(full)
    for (int r = 0; r < Rows; ++r) {
      float row[Texts];
      totals<Texts>(sum[r], row);
      for (int t = 0; t < Texts; ++t) y[static_cast<std::size_t>(t) * stride + r] = row[t];
    }
  }
}

/// Rows [begin, end) of w against all rows of x, `Rows` × `Texts` at a time while they last.
template <StoredType type, int Rows, int Texts>
__attribute__((always_inline)) inline void range(
    std::size_t begin, std::size_t end, const StoredMatrix& w, std::size_t texts, const float* x,
    float* y, std::size_t stride) {
  const std::size_t width = w.columns;
  const std::size_t ahead = 2 * Rows * width * w.elementBytes();
  std::size_t row = begin;
  for (; row + Rows <= end; row += Rows) {
    std::size_t t = 0;
    for (; t + Texts <= texts; t += Texts) {
      dots<type, Rows, Texts>(width, w.row(row), ahead, x + t * width, y + t * stride + row, stride);
    }
    if (Texts > 4 && t + 4 <= texts) {
      dots<type, Rows, 4>(width, w.row(row), ahead, x + t * width, y + t * stride + row, stride);
      t += 4;
    }
    if (Texts > 2 && t + 2 <= texts) {
      dots<type, Rows, 2>(width, w.row(row), ahead, x + t * width, y + t * stride + row, stride);
      t += 2;
    }
    if (t < texts) {
      dots<type, Rows, 1>(width, w.row(row), ahead, x + t * width, y + t * stride + row, stride);
      t += 1;
    }
    for (; t < texts; ++t) {
      dots<type, Rows, 1>(width, w.row(row), ahead, x + t * width, y + t * stride + row, stride);
    }
  }
  for (; row < end; ++row) {
    for (std::size_t t = 0; t < texts; ++t) {
      dots<type, 1, 1>(width, w.row(row), ahead, x + t * width, y + t * stride + row, stride);
    }
  }
}

using Range = void (*)(
    std::size_t, std::size_t, const StoredMatrix&, std::size_t, const float*, float*, std::size_t);

#if defined(__x86_64__)
#define KOINE_TARGET(features) __attribute__((target(features)))
#else
#define KOINE_TARGET(features)
#endif

/// One text: four chains of sums hide the latency of the additions. More: as many as registers hold.
#define KOINE_RANGE(name, features, type, several, texts)                                        \
  KOINE_TARGET(features)                                                                         \
  void name(                                                                                     \
      std::size_t begin, std::size_t end, const StoredMatrix& w, std::size_t count,              \
      const float* x, float* y, std::size_t stride) {                                            \
    if (count == 1) {                                                                            \
      range<type, 4, 1>(begin, end, w, count, x, y, stride);                                     \
    } else {                                                                                     \
      range<type, several, texts>(begin, end, w, count, x, y, stride);                           \
    }                                                                                            \
  }

#if defined(__x86_64__)
KOINE_RANGE(wideFloats, "avx512f", StoredType::float32, 3, 8)
KOINE_RANGE(wideBrains, "avx512f", StoredType::bfloat16, 3, 8)
KOINE_RANGE(wideHalves, "avx512f", StoredType::float16, 3, 8)
KOINE_RANGE(narrowFloats, "avx2,fma,f16c", StoredType::float32, 2, 2)
KOINE_RANGE(narrowBrains, "avx2,fma,f16c", StoredType::bfloat16, 2, 2)
KOINE_RANGE(narrowHalves, "avx2,fma,f16c", StoredType::float16, 2, 2)
#else
KOINE_RANGE(narrowFloats, "", StoredType::float32, 2, 2)
KOINE_RANGE(narrowBrains, "", StoredType::bfloat16, 2, 2)
KOINE_RANGE(narrowHalves, "", StoredType::float16, 2, 2)
#endif

Range rangeFor(StoredType type) {
#if defined(__x86_64__)
  if (std::strcmp(kernelName(), "avx512") == 0) {
    return type == StoredType::float32  ? wideFloats
        : type == StoredType::bfloat16 ? wideBrains
                                       : wideHalves;
  }
#endif
  return type == StoredType::float32  ? narrowFloats
      : type == StoredType::bfloat16 ? narrowBrains
                                     : narrowHalves;
}

}  // namespace

void multiplyRows(
    std::size_t begin, std::size_t end, const StoredMatrix& w, std::size_t rows, const float* x, float* y,
    std::size_t stride) {
  rangeFor(w.type)(begin, end, w, rows, x, y, stride);
}

void multiplyFew(std::size_t rows, const float* x, const std::vector<FewProduct>& products) {
  // Pieces of 128 KB of weights: long enough for the memory to stream, short enough to share out evenly.
  constexpr std::size_t pieceBytes = std::size_t{1} << 17;
  struct Piece {
    const FewProduct* product;
    std::size_t begin, end;
  };
  std::vector<Piece> pieces;
  for (const FewProduct& product : products) {
    const std::size_t rowBytes = std::max<std::size_t>(1, product.w.columns * product.w.elementBytes());
    const std::size_t height = std::max<std::size_t>(12, pieceBytes / rowBytes / 12 * 12);
    for (std::size_t begin = 0; begin < product.w.rows; begin += height) {
      pieces.push_back({&product, begin, std::min(product.w.rows, begin + height)});
    }
  }
  parallel(pieces.size(), [&](std::size_t index) {
    const Piece& piece = pieces[index];
    multiplyRows(
        piece.begin, piece.end, piece.product->w, rows, x, piece.product->y, piece.product->stride);
  });
}

}  // namespace koine
