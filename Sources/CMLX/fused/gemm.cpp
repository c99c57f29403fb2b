// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The layout is Goto's (Goto & van de Geijn 2008): B packed in panels that stay in L1, A packed in blocks
// that stay in L2, an inner kernel (gemm_tile.h) that keeps a tile of C in registers.

#include "gemm.h"

#include <algorithm>

#include "fused.h"
#include "gemm_tile.h"
#include "packing.h"
#include "pool.h"

namespace koine {
namespace {

/// k per pass. A panel of B is then 256 · 32 · 4 = 32 KB (of 48 KB L1), one of A 14 KB.
constexpr std::size_t depthBlock = 256;
/// Panels of A in a block: 8 · 14 KB stay in L2 while all of B passes by.
constexpr std::size_t rowPanels = 8;
/// Packed B per call of `multiply`, in floats (8 MB): larger operands are taken in parts.
constexpr std::size_t packedLimit = std::size_t{1} << 21;
/// The largest depth of such a part.
constexpr std::size_t depthLimit = 8 * depthBlock;

/// Where some columns of the product go: [columns, columns + n) of packed B, into c.
struct Target {
  std::size_t columns, n;
  float* c;
  std::size_t cStride;
};

/// `multiplyPacked` for several targets: a is packed once for all.
void multiplyTargets(
    std::size_t m, const Matrix& a, const PackedMatrix& b, const Target* targets,
    std::size_t targetCount, std::size_t kBegin, std::size_t kEnd, bool accumulate) {
  std::size_t n = 0;
  for (std::size_t t = 0; t < targetCount; ++t) {
    n += targets[t].n;
    for (std::size_t i = 0; i < m && kEnd == kBegin && !accumulate; ++i) {
      std::fill_n(targets[t].c + i * targets[t].cStride, targets[t].n, 0.0f);
    }
  }
  const Kernel& kernel = tileKernel();
  alignas(64) thread_local float block[rowPanels * 16 * depthBlock + 8];
  const std::size_t blockRows = rowPanels * kernel.rows;
  // Packing pays when the packed numbers are used for several panels of B; for one or two, read A in place.
  const bool inPlace = n <= 2 * kernel.columns && (a.columnStride == 1 || a.rowStride == 1);
  const bool byRows = inPlace && a.columnStride == 1;
  const Tile run = byRows ? kernel.byRows : kernel.steps;
  for (std::size_t row = 0; row < m; row += blockRows) {
    const std::size_t rows = std::min(blockRows, m - row);
    for (std::size_t k = kBegin; k < kEnd; k += depthBlock) {
      const std::size_t depth = std::min(depthBlock, kEnd - k);
      const Matrix part =
          a.from(static_cast<std::ptrdiff_t>(row), static_cast<std::ptrdiff_t>(k - kBegin));
      if (!inPlace) packPanels(part, rows, kernel.rows, depth, block);
      const float* panels[rowPanels];
      std::size_t steps[rowPanels];
      for (std::size_t i = 0; i < rows; i += kernel.rows) {
        const std::size_t index = i / kernel.rows, used = std::min(kernel.rows, rows - i);
        const Matrix own = part.from(static_cast<std::ptrdiff_t>(i), 0);
        if (byRows || (inPlace && used == kernel.rows)) {
          panels[index] = own.data;
          steps[index] = static_cast<std::size_t>(byRows ? own.rowStride : own.columnStride);
        } else {
          panels[index] = block + i * depth;
          steps[index] = kernel.rows;
          if (inPlace) packPanel(own, used, kernel.rows, depth, block + i * depth);
        }
      }
      const bool adds = accumulate || k > kBegin;
      for (const Target* target = targets; target < targets + targetCount; ++target) {
        for (std::size_t j = 0; j < target->n; j += kernel.columns) {
          const float* panel =
              b.panel((target->columns + j) / kernel.columns) + k * kernel.columns;
          for (std::size_t i = 0; i < rows; i += kernel.rows) {
            run(depth, panels[i / kernel.rows], steps[i / kernel.rows], panel,
                target->c + (row + i) * target->cStride + j, target->cStride,
                std::min(kernel.rows, rows - i), std::min(kernel.columns, target->n - j), adds);
          }
        }
      }
    }
  }
}

/// How the rows of a product are cut into pieces.
struct RowCut {
  std::size_t rows, pieces;

  /// One block of A a piece, of even heights: 256 rows become 98 + 98 + 60, not 112 + 112 + 32.
  explicit RowCut(std::size_t m) {
    const std::size_t height = tileKernel().rows, most = rowPanels * height;
    const std::size_t least = (m + most - 1) / most, panels = (m + height - 1) / height;
    rows = (panels + least - 1) / least * height;
    pieces = (m + rows - 1) / rows;
  }
};

/// Panels of B a piece: all of them where the rows alone give every thread enough pieces (a block of A is
/// packed once then), else fewer.
std::size_t piecePanels(std::size_t rowPieces, std::size_t panels) {
  const std::size_t wanted = 4 * static_cast<std::size_t>(threadCount());
  const std::size_t pieces =
      std::min(panels, std::max<std::size_t>(1, (wanted + rowPieces - 1) / rowPieces));
  return (panels + pieces - 1) / pieces;
}

/// The products of all `lefts` with one right operand: `pack(packed, row, column, depth, width)` packs a part
/// of it.
template <class Pack>
void multiplyParts(
    const std::vector<LeftProduct>& lefts, std::size_t n, std::size_t k, bool accumulate,
    Pack&& pack) {
  struct Rows {
    const LeftProduct* product;
    std::size_t first, count;
  };
  std::vector<Rows> rowPieces;
  for (const LeftProduct& left : lefts) {
    if (left.m == 0) continue;
    const RowCut cut(left.m);
    for (std::size_t row = 0; row < left.m; row += cut.rows) {
      rowPieces.push_back({&left, row, std::min(cut.rows, left.m - row)});
    }
  }
  if (rowPieces.empty() || n == 0) return;
  thread_local PackedMatrix packed;
  const std::size_t columns = tileKernel().columns;
  const std::size_t depthPart = std::min(std::max<std::size_t>(k, 1), depthLimit);
  const std::size_t widthPart =
      std::max(columns, std::min(n, packedLimit / depthPart / columns * columns));
  for (std::size_t column = 0; column < n; column += widthPart) {
    const std::size_t width = std::min(widthPart, n - column);
    const std::size_t pieceColumns =
        columns * piecePanels(rowPieces.size(), (width + columns - 1) / columns);
    const std::size_t columnPieces = (width + pieceColumns - 1) / pieceColumns;
    for (std::size_t depth = 0; depth == 0 || depth < k; depth += depthPart) {
      const std::size_t part = std::min(depthPart, k - depth);
      PackedMatrix& right = packed;
      pack(right, depth, column, part, width);
      const bool adds = accumulate || depth > 0;
      parallel(rowPieces.size() * columnPieces, [&](std::size_t piece) {
        const Rows& rows = rowPieces[piece / columnPieces];
        const std::size_t first = piece % columnPieces * pieceColumns;
        const LeftProduct& left = *rows.product;
        multiplyPacked(
            rows.count, std::min(pieceColumns, width - first),
            left.a.from(
                static_cast<std::ptrdiff_t>(rows.first), static_cast<std::ptrdiff_t>(depth)),
            right, first, 0, part, left.c + rows.first * left.cStride + column + first, left.cStride,
            adds);
      });
    }
  }
}

/// `multiplyStored` for several w, all of which fit packed.
void multiplySideBySide(
    std::size_t m, const Matrix& a, const std::vector<StoredProduct>& products) {
  thread_local PackedMatrix packed;
  PackedMatrix& right = packed;
  std::vector<StoredMatrix> weights;
  for (const StoredProduct& product : products) weights.push_back(product.w);
  right.packTransposed(weights);
  const RowCut cut(m);
  const std::size_t columns = tileKernel().columns, depth = right.depth();
  const std::size_t pieceColumns = columns * piecePanels(cut.pieces, right.width() / columns);
  const std::size_t columnPieces = (right.width() + pieceColumns - 1) / pieceColumns;
  parallel(cut.pieces * columnPieces, [&](std::size_t piece) {
    const std::size_t row = piece / columnPieces * cut.rows;
    const std::size_t begin = piece % columnPieces * pieceColumns, end = begin + pieceColumns;
    std::vector<Target> targets;
    std::size_t first = 0;  // of the product, among all packed columns
    for (const StoredProduct& product : products) {
      const std::size_t from = std::max(begin, first);
      const std::size_t to = std::min(end, first + product.w.rows);
      if (from < to) {
        targets.push_back(
            {from, to - from, product.c + row * product.cStride + from - first, product.cStride});
      }
      first += (product.w.rows + columns - 1) / columns * columns;
    }
    multiplyTargets(
        std::min(cut.rows, m - row), a.from(static_cast<std::ptrdiff_t>(row), 0), right,
        targets.data(), targets.size(), 0, depth, false);
  });
}

}  // namespace

void multiplyPacked(
    std::size_t m, std::size_t n, const Matrix& a, const PackedMatrix& b, std::size_t columns,
    std::size_t kBegin, std::size_t kEnd, float* c, std::size_t cStride, bool accumulate) {
  const Target target{columns, n, c, cStride};
  multiplyTargets(m, a, b, &target, 1, kBegin, kEnd, accumulate);
}

void multiply(
    std::size_t m, std::size_t n, std::size_t k, const Matrix& a, const Matrix& b, float* c,
    std::size_t cStride, bool accumulate) {
  multiply({{m, a, c, cStride}}, n, k, b, accumulate);
}

void multiply(
    const std::vector<LeftProduct>& lefts, std::size_t n, std::size_t k, const Matrix& b,
    bool accumulate) {
  multiplyParts(
      lefts, n, k, accumulate,
      [&](PackedMatrix& packed, std::size_t row, std::size_t column, std::size_t depth,
          std::size_t width) {
        const Matrix part =
            b.from(static_cast<std::ptrdiff_t>(row), static_cast<std::ptrdiff_t>(column));
        packed.pack(part, depth, width);
      });
}

void multiplyStored(
    std::size_t m, const Matrix& a, const std::vector<StoredProduct>& products) {
  std::size_t total = 0, depth = 0;
  for (const StoredProduct& product : products) {
    total += product.w.rows * product.w.columns;
    depth = std::max(depth, product.w.columns);
  }
  if (m == 0 || total == 0) depth = 0;
  if (products.size() > 1 && depth > 0 && depth <= depthLimit && total <= packedLimit) {
    return multiplySideBySide(m, a, products);
  }
  for (const StoredProduct& product : products) {
    multiplyParts(
        {{m, a, product.c, product.cStride}}, product.w.rows, product.w.columns, false,
        [&](PackedMatrix& packed, std::size_t row, std::size_t column, std::size_t depth,
            std::size_t width) { packed.packTransposed(product.w, column, row, depth, width); });
  }
}

}  // namespace koine
