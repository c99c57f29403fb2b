// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "gemm_tile.h"

#include <algorithm>

#include "gemm.h"

namespace koine {
namespace {

/// Steps of k between asking for numbers of B and using them: 4 KB of the widest panel, some 160 ns.
constexpr std::size_t ahead = 32;

/// Steps of k between looks at what else to ask for: half a cache line of a row of A.
constexpr std::size_t stride = 8;

/// How the inner kernel finds a(i, k): see `Kernel`.
enum class Left { steps, rows };

/// Walks along several rows of memory at once. One address for each would be more than there are registers; five
/// rows share one, since an address may be the sum of a number and 1, 2 or 4 times another.
template <int Rows>
struct RowReader {
  const char* base[(Rows + 4) / 5];
  std::ptrdiff_t step, three;

  RowReader(const float* first, std::size_t stride)
      : step(static_cast<std::ptrdiff_t>(stride * sizeof(float))), three(3 * step) {
    for (int i = 0; i < Rows; i += 5) base[i / 5] = reinterpret_cast<const char*>(first) + i * step;
  }

  __attribute__((always_inline)) float operator[](int row) const {
    const char* const start = base[row / 5];
    const int rest = row % 5;
    return *reinterpret_cast<const float*>(start + (rest == 3 ? three : rest * step));
  }

  /// Asks for where row `row` is of the panel that follows.
  __attribute__((always_inline)) void fetchBelow(int row) const {
    __builtin_prefetch(base[0] + (Rows + row) * step);
  }

  __attribute__((always_inline)) void next() {
#pragma clang loop unroll(full)
    for (int i = 0; i < (Rows + 4) / 5; ++i) {
      base[i] += sizeof(float);
      // Hides what these addresses have in common, or the compiler keeps one for each row after all.
      asm("" : "+r"(base[i]));
    }
  }
};

/// A tile of C in registers: `Rows` × (`Vectors` · lanes of Vector), of which m × n are stored. Reads b as
/// [depth][columns]. Forced inline so that it takes on the instruction set of the function around it.
template <class Vector, int Rows, int Vectors, Left left>
__attribute__((always_inline)) inline void tile(
    std::size_t depth, const float* a, std::size_t step, const float* b, float* c,
    std::size_t cStride, std::size_t m, std::size_t n, bool accumulate, Fetch fetch) {
  typedef Vector Loose __attribute__((aligned(4)));
  constexpr int lanes = sizeof(Vector) / sizeof(float);
  constexpr int columns = lanes * Vectors;
  Vector sum[Rows][Vectors];
  RowReader<Rows> row(a, step);
#pragma clang loop unroll(full)
  for (int i = 0; i < Rows; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < Vectors; ++j) sum[i][j] = 0.0f;
  }
  const auto advance = [&](std::size_t k) __attribute__((always_inline)) {
    Vector right[Vectors];
    // A panel of B comes from L2 or L3 when its first tile reads it, faster than the processor sees it coming.
#pragma clang loop unroll(full)
    for (int j = 0; j < Vectors; ++j) {
      __builtin_prefetch(b + (k + ahead) * columns + j * lanes);
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < Vectors; ++j) {
      right[j] = *reinterpret_cast<const Loose*>(b + k * columns + j * lanes);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < Rows; ++i) {
      // One number, in every lane.
      const Vector all = left == Left::steps ? a[k * step + i] : row[i];
#pragma clang loop unroll(full)
      for (int j = 0; j < Vectors; ++j) {
        sum[i][j] = __builtin_elementwise_fma(all, right[j], sum[i][j]);
      }
    }
    if (left == Left::rows) row.next();
  };
  std::size_t k = 0;
  const float* out = c;
  for (; k + stride <= depth; k += stride) {
    // What comes from L2 or L3 is asked for long before, a little at a time: the processor sees none of it coming, and
    // all at once would stand in the way of what is read now.
    if (left == Left::rows && fetch.below) {
#pragma clang loop unroll(full)
      for (int i = 0; i < Rows / 2; ++i) row.fetchBelow(i + (k / stride % 2 == 0 ? 0 : Rows / 2));
    }
    if (fetch.block != nullptr) {
      const auto line = static_cast<std::ptrdiff_t>(k / stride);
      const std::ptrdiff_t inRow = line & ((std::ptrdiff_t{1} << fetch.lines) - 1);
      __builtin_prefetch(fetch.block + (line >> fetch.lines) * fetch.rowStep + inRow * 16, 0, 2);
    }
    if (k < stride * Rows) {
      __builtin_prefetch(out, 1);
      __builtin_prefetch(out + columns - 1, 1);
      out += cStride;
    }
    for (std::size_t i = 0; i < stride; ++i) advance(k + i);
  }
  for (; k < depth; ++k) advance(k);
  if (m == Rows && n == columns) {
#pragma clang loop unroll(full)
    for (int i = 0; i < Rows; ++i) {
#pragma clang loop unroll(full)
      for (int j = 0; j < Vectors; ++j) {
        Loose* out = reinterpret_cast<Loose*>(c + i * cStride + j * lanes);
        *out = accumulate ? *out + sum[i][j] : sum[i][j];
      }
    }
    return;
  }
  float edge[Rows * columns];
#pragma clang loop unroll(full)
  for (int i = 0; i < Rows; ++i) {
#pragma clang loop unroll(full)
    for (int j = 0; j < Vectors; ++j) {
      *reinterpret_cast<Loose*>(edge + i * columns + j * lanes) = sum[i][j];
    }
  }
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      float& out = c[i * cStride + j];
      out = accumulate ? out + edge[i * columns + j] : edge[i * columns + j];
    }
  }
}

#if defined(__x86_64__)
#define KOINE_TARGET(features) __attribute__((target(features)))
#else
#define KOINE_TARGET(features)
#endif

/// One compiled kernel: a name, its instruction set, and the arguments of `tile`.
#define KOINE_TILE(name, features, ...)                                                          \
  KOINE_TARGET(features)                                                                         \
  void name(                                                                                     \
      std::size_t depth, const float* a, std::size_t step, const float* b, float* c,             \
      std::size_t cStride, std::size_t m, std::size_t n, bool accumulate, Fetch fetch) {         \
    tile<__VA_ARGS__>(depth, a, step, b, c, cStride, m, n, accumulate, fetch);                   \
  }

#if defined(__x86_64__)
typedef float Wide __attribute__((ext_vector_type(16)));
typedef float Middle __attribute__((ext_vector_type(8)));
KOINE_TILE(wideSteps, "avx512f", Wide, 14, 2, Left::steps)
KOINE_TILE(wideRows, "avx512f", Wide, 14, 2, Left::rows)
KOINE_TILE(middleSteps, "avx2,fma", Middle, 6, 2, Left::steps)
KOINE_TILE(middleRows, "avx2,fma", Middle, 6, 2, Left::rows)
const Kernel narrow{"avx2", 6, 16, middleSteps, middleRows};
const Kernel wide{"avx512", 14, 32, wideSteps, wideRows};
bool wideRuns() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f");
}
#else
typedef float Small __attribute__((ext_vector_type(4)));
KOINE_TILE(smallSteps, "", Small, 8, 2, Left::steps)
KOINE_TILE(smallRows, "", Small, 8, 2, Left::rows)
const Kernel narrow{"generic", 8, 8, smallSteps, smallRows};
const Kernel wide = narrow;
bool wideRuns() { return false; }
#endif

const Kernel* chosen = wideRuns() ? &wide : &narrow;

}  // namespace

const Kernel& tileKernel() { return *chosen; }

const char* kernelName() { return chosen->name; }

void limitKernel(bool limit) { chosen = limit || !wideRuns() ? &narrow : &wide; }

}  // namespace koine
