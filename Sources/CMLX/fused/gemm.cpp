// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The layout is Goto's (Goto & van de Geijn 2008): B packed in panels that stay in L1, A packed in blocks
// that stay in L2, an inner kernel that keeps a tile of C in registers.

#include "gemm.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "fused.h"
#include "pool.h"

namespace koine {
namespace {

/// k per pass. A panel of B is then 256 · 32 · 4 = 32 KB (of 48 KB L1), one of A 14 KB.
constexpr std::size_t depthBlock = 256;
/// Panels of A in a block: 8 · 14 KB stay in L2 while all of B passes by.
constexpr std::size_t rowPanels = 8;
/// Packed B per call of `multiply`, in floats (8 MB): larger operands are taken in parts.
constexpr std::size_t packedLimit = std::size_t{1} << 21;

typedef float Float8 __attribute__((vector_size(32), aligned(4)));

/// How the inner kernel finds a(i, k): in steps, `a[k * step + i]` (packed, or the transpose of row-major
/// memory), or by rows, `a[min(i, m − 1) * step + k]`.
enum class Left { steps, rows };

/// A tile of C in registers: `Rows` × (`Vectors` · lanes of Vector), of which m × n are stored. Reads b as
/// [depth][columns]. Forced inline so that it takes on the instruction set of the function around it.
template <class Vector, int Rows, int Vectors, Left left>
__attribute__((always_inline)) inline void tile(
    std::size_t depth, const float* a, std::size_t step, const float* b, float* c,
    std::size_t cStride, std::size_t m, std::size_t n, bool accumulate) {
  typedef Vector Loose __attribute__((aligned(4)));
  constexpr int lanes = sizeof(Vector) / sizeof(float);
  constexpr int columns = lanes * Vectors;
  Vector sum[Rows][Vectors];
  const float* row[Rows];
#pragma clang loop unroll(full)
  for (int i = 0; i < Rows; ++i) {
    const std::size_t used = std::min<std::size_t>(static_cast<std::size_t>(i), m - 1);
    row[i] = a + used * step;
    // The tile of C is wanted when the sums are done: by then it is near.
    __builtin_prefetch(c + used * cStride, 1);
    __builtin_prefetch(c + used * cStride + std::min<std::size_t>(n, columns) - 1, 1);
#pragma clang loop unroll(full)
    for (int j = 0; j < Vectors; ++j) sum[i][j] = 0.0f;
  }
  for (std::size_t k = 0; k < depth; ++k) {
    Vector right[Vectors];
#pragma clang loop unroll(full)
    for (int j = 0; j < Vectors; ++j) {
      right[j] = *reinterpret_cast<const Loose*>(b + k * columns + j * lanes);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < Rows; ++i) {
      // One number, in every lane.
      const Vector all = left == Left::steps ? a[k * step + i] : row[i][k];
#pragma clang loop unroll(full)
      for (int j = 0; j < Vectors; ++j) {
        sum[i][j] = __builtin_elementwise_fma(all, right[j], sum[i][j]);
      }
    }
  }
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

using Tile = void (*)(
    std::size_t, const float*, std::size_t, const float*, float*, std::size_t, std::size_t,
    std::size_t, bool);

struct Kernel {
  const char* name;
  std::size_t rows, columns;
  Tile steps, byRows;
};

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
      std::size_t cStride, std::size_t m, std::size_t n, bool accumulate) {                      \
    tile<__VA_ARGS__>(depth, a, step, b, c, cStride, m, n, accumulate);                          \
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

/// Transposes an 8 × 8 block: out[k] (k-th column of the block) gets in[0..7][k].
__attribute__((always_inline)) inline void transpose8(const Float8 (&in)[8], Float8 (&out)[8]) {
  Float8 t[8], u[8];
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = __builtin_shufflevector(in[2 * i], in[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    t[2 * i + 1] = __builtin_shufflevector(in[2 * i], in[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int h = 0; h < 2; ++h) {
    const Float8 *p = t + 4 * h;
    u[4 * h] = __builtin_shufflevector(p[0], p[2], 0, 1, 8, 9, 4, 5, 12, 13);
    u[4 * h + 1] = __builtin_shufflevector(p[0], p[2], 2, 3, 10, 11, 6, 7, 14, 15);
    u[4 * h + 2] = __builtin_shufflevector(p[1], p[3], 0, 1, 8, 9, 4, 5, 12, 13);
    u[4 * h + 3] = __builtin_shufflevector(p[1], p[3], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; ++i) {
    out[i] = __builtin_shufflevector(u[i], u[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    out[i + 4] = __builtin_shufflevector(u[i], u[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

template <std::size_t Lanes>
void copyRows(const Matrix& source, std::size_t depth, float* out) {
  const float* in = source.data;
  for (std::size_t k = 0; k < depth; ++k, in += source.columnStride, out += Lanes) {
    __builtin_prefetch(in + 8 * source.columnStride);
    std::memcpy(out, in, Lanes * sizeof(float));
  }
}

/// `packPanel` for lanes that lie one after the other in memory, `stride` elements apart, of any stored type.
template <StoredType type>
void packRows(
    const typename Widen<type, 8>::Element* data, std::ptrdiff_t stride, std::size_t used,
    std::size_t lanes, std::size_t depth, float* out) {
  const std::size_t whole = depth / 8 * 8;
  for (std::size_t k = 0; k < whole; k += 8) {
    Float8 in[4][8], turned[4][8];
    const std::size_t groups = (lanes + 7) / 8;
    for (std::size_t g = 0; g < groups; ++g) {
      for (std::size_t i = 0; i < 8; ++i) {
        const std::size_t lane = 8 * g + i;
        in[g][i] = lane < used
            ? __builtin_bit_cast(
                  Float8, Widen<type, 8>::load(data + static_cast<std::ptrdiff_t>(lane) * stride + k))
            : Float8{};
      }
      transpose8(in[g], turned[g]);
    }
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t g = 0; g < groups; ++g) {
        *reinterpret_cast<Float8*>(out + (k + i) * lanes + 8 * g) = turned[g][i];
      }
    }
  }
  for (std::size_t k = whole; k < depth; ++k) {
    for (std::size_t i = 0; i < lanes; ++i) {
      out[k * lanes + i] = i < used
          ? Widen<type, 1>::load(data + static_cast<std::ptrdiff_t>(i) * stride + k).x
          : 0.0f;
    }
  }
}

/// Packs one panel: `out[k * lanes + i] = source(i, k)` for i < lanes, k < depth; zero where i ≥ used.
/// `source` has its lane index as row. Writes up to 8 floats past the end (callers leave room): whole vectors
/// are stored with k rising, and each overwrites what its predecessor spilled.
void packPanel(
    const Matrix& source, std::size_t used, std::size_t lanes, std::size_t depth, float* out) {
  if (source.columnStride == 1) {
    return packRows<StoredType::float32>(
        source.data, source.rowStride, used, lanes, depth, out);
  }
  if (source.rowStride == 1 && used == lanes) {
    switch (lanes) {  // known sizes become a few vector moves; a call of memcpy for each row is slow
      case 14: return copyRows<14>(source, depth, out);
      case 32: return copyRows<32>(source, depth, out);
      case 16: return copyRows<16>(source, depth, out);
      case 6: return copyRows<6>(source, depth, out);
      default: return copyRows<8>(source, depth, out);
    }
  }
  for (std::size_t k = 0; k < depth; ++k) {
    for (std::size_t i = 0; i < lanes; ++i) {
      out[k * lanes + i] =
          i < used ? source.data[i * source.rowStride + k * source.columnStride] : 0.0f;
    }
  }
}

float* allocate(std::size_t count) {
  const std::size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  void* pointer = std::aligned_alloc(64, bytes);
  if (pointer == nullptr) throw std::bad_alloc();
  return static_cast<float*>(pointer);
}

}  // namespace

void PackedMatrix::Free::operator()(float* pointer) const { std::free(pointer); }

std::size_t PackedMatrix::panelWidth() { return chosen->columns; }

const float* PackedMatrix::panel(std::size_t index) const {
  return data_.get() + index * depth_ * chosen->columns;
}

void PackedMatrix::reserve(std::size_t depth, std::size_t width) {
  const std::size_t columns = chosen->columns;
  const std::size_t panels = (width + columns - 1) / columns;
  const std::size_t needed = panels * columns * depth + 8;
  if (needed > capacity_) {
    data_.reset();
    data_.reset(allocate(needed));
    capacity_ = needed;
  }
  depth_ = depth;
  width_ = width;
}

void PackedMatrix::pack(const Matrix& b, std::size_t depth, std::size_t width) {
  reserve(depth, width);
  const std::size_t columns = chosen->columns;
  const std::size_t panels = (width + columns - 1) / columns;
  // The panel widths are multiples of 8, so no panel spills into its neighbour.
  parallel(panels, [&](std::size_t panel) {
    const std::size_t first = panel * columns;
    packPanel(
        b.from(0, first).transposed(), std::min(columns, width - first), columns, depth,
        data_.get() + panel * columns * depth);
  });
}

void PackedMatrix::packTransposed(
    const StoredMatrix& w, std::size_t row, std::size_t column, std::size_t depth,
    std::size_t width) {
  reserve(depth, width);
  const std::size_t columns = chosen->columns;
  const std::size_t panels = (width + columns - 1) / columns;
  withStoredType(w.type, [&]<StoredType type>() {
    const auto* const data =
        static_cast<const typename Widen<type, 8>::Element*>(w.row(row)) + column;
    parallel(panels, [&](std::size_t panel) {
      const std::size_t first = panel * columns;
      packRows<type>(
          data + first * w.columns, static_cast<std::ptrdiff_t>(w.columns),
          std::min(columns, width - first), columns, depth,
          data_.get() + panel * columns * depth);
    });
  });
}

void multiplyPacked(
    std::size_t m, std::size_t n, const Matrix& a, const PackedMatrix& b, std::size_t columns,
    std::size_t kBegin, std::size_t kEnd, float* c, std::size_t cStride, bool accumulate) {
  if (kEnd == kBegin) {
    for (std::size_t i = 0; i < m && !accumulate; ++i) std::fill_n(c + i * cStride, n, 0.0f);
    return;
  }
  const Kernel& kernel = *chosen;
  alignas(64) thread_local float block[rowPanels * 16 * depthBlock + 8];
  const std::size_t blockRows = rowPanels * kernel.rows;
  const std::size_t firstPanel = columns / kernel.columns;
  // Packing pays when the packed numbers are used for several panels of B; for one or two, read A in place.
  const bool inPlace = n <= 2 * kernel.columns && (a.columnStride == 1 || a.rowStride == 1);
  const bool byRows = inPlace && a.columnStride == 1;
  const Tile run = byRows ? kernel.byRows : kernel.steps;
  for (std::size_t row = 0; row < m; row += blockRows) {
    const std::size_t rows = std::min(blockRows, m - row);
    for (std::size_t k = kBegin; k < kEnd; k += depthBlock) {
      const std::size_t depth = std::min(depthBlock, kEnd - k);
      const float* panels[rowPanels];
      std::size_t steps[rowPanels];
      for (std::size_t i = 0; i < rows; i += kernel.rows) {
        const std::size_t index = i / kernel.rows, used = std::min(kernel.rows, rows - i);
        const Matrix part = a.from(
            static_cast<std::ptrdiff_t>(row + i), static_cast<std::ptrdiff_t>(k - kBegin));
        if (byRows || (inPlace && used == kernel.rows)) {
          panels[index] = part.data;
          steps[index] = static_cast<std::size_t>(byRows ? part.rowStride : part.columnStride);
        } else {
          panels[index] = block + i * depth;
          steps[index] = kernel.rows;
          packPanel(part, used, kernel.rows, depth, block + i * depth);
        }
      }
      const bool adds = accumulate || k > kBegin;
      for (std::size_t j = 0; j < n; j += kernel.columns) {
        const float* panel = b.panel(firstPanel + j / kernel.columns) + k * kernel.columns;
        for (std::size_t i = 0; i < rows; i += kernel.rows) {
          run(depth, panels[i / kernel.rows], steps[i / kernel.rows], panel,
              c + (row + i) * cStride + j, cStride, std::min(kernel.rows, rows - i),
              std::min(kernel.columns, n - j), adds);
        }
      }
    }
  }
}

namespace {

/// `multiply` for any right operand: `pack(packed, row, column, depth, width)` packs a part of it.
template <class Pack>
void multiplyParts(
    std::size_t m, std::size_t n, std::size_t k, const Matrix& a, float* c, std::size_t cStride,
    bool accumulate, Pack&& pack) {
  if (m == 0 || n == 0) return;
  thread_local PackedMatrix packed;
  const std::size_t columns = chosen->columns;
  const std::size_t depthPart = std::min<std::size_t>(std::max<std::size_t>(k, 1), 8 * depthBlock);
  const std::size_t widthPart =
      std::max(columns, std::min(n, packedLimit / depthPart / columns * columns));
  // A piece is one block of A against some columns: all of them where the rows alone give every thread
  // enough pieces (a block is packed once then), else fewer.
  const std::size_t rowsMost = rowPanels * chosen->rows;
  const std::size_t wanted = 6 * static_cast<std::size_t>(threadCount());
  for (std::size_t column = 0; column < n; column += widthPart) {
    const std::size_t width = std::min(widthPart, n - column);
    for (std::size_t depth = 0; depth == 0 || depth < k; depth += depthPart) {
      const std::size_t part = std::min(depthPart, k - depth);
      PackedMatrix& right = packed;
      pack(right, depth, column, part, width);
      const bool adds = accumulate || depth > 0;
      // Even heights: 256 rows become 98 + 98 + 60, not 112 + 112 + 32.
      std::size_t rowPieces = (m + rowsMost - 1) / rowsMost;
      const std::size_t rowPanelCount = (m + chosen->rows - 1) / chosen->rows;
      const std::size_t pieceRows = (rowPanelCount + rowPieces - 1) / rowPieces * chosen->rows;
      rowPieces = (m + pieceRows - 1) / pieceRows;
      const std::size_t panels = (width + columns - 1) / columns;
      std::size_t columnPieces =
          std::min(panels, std::max<std::size_t>(1, (wanted + rowPieces - 1) / rowPieces));
      const std::size_t pieceColumns = (panels + columnPieces - 1) / columnPieces * columns;
      columnPieces = (width + pieceColumns - 1) / pieceColumns;
      parallel(rowPieces * columnPieces, [&](std::size_t piece) {
        const std::size_t row = piece / columnPieces * pieceRows;
        const std::size_t first = piece % columnPieces * pieceColumns;
        multiplyPacked(
            std::min(pieceRows, m - row), std::min(pieceColumns, width - first), a.from(row, depth),
            right, first, 0, part, c + row * cStride + column + first, cStride, adds);
      });
    }
  }
}

}  // namespace

void multiply(
    std::size_t m, std::size_t n, std::size_t k, const Matrix& a, const Matrix& b, float* c,
    std::size_t cStride, bool accumulate) {
  multiplyParts(
      m, n, k, a, c, cStride, accumulate,
      [&](PackedMatrix& packed, std::size_t row, std::size_t column, std::size_t depth,
          std::size_t width) { packed.pack(b.from(row, column), depth, width); });
}

void multiplyStored(
    std::size_t m, const Matrix& a, const StoredMatrix& w, float* c, std::size_t cStride) {
  multiplyParts(
      m, w.rows, w.columns, a, c, cStride, false,
      [&](PackedMatrix& packed, std::size_t row, std::size_t column, std::size_t depth,
          std::size_t width) { packed.packTransposed(w, column, row, depth, width); });
}

const char* kernelName() { return chosen->name; }

void limitKernel(bool limit) { chosen = limit || !wideRuns() ? &narrow : &wide; }

}  // namespace koine
