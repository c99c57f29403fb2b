// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The layout is Goto's (Goto & van de Geijn 2008): B packed in panels that stay in L1, A packed in blocks
// that stay in L2, an inner kernel (gemm_tile.h) that keeps a tile of C in registers.

#include "gemm.h"

#include <algorithm>
#include <limits>

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

/// A panel of A, and the kernel that reads it.
struct LeftPanel {
  Tile run;
  const float* data;
  std::size_t step;
  /// The k of the block that are not all zero, and the columns of the product that are wanted.
  std::size_t begin = 0, end = 0, columns = std::numeric_limits<std::size_t>::max();

  /// For rows [row, row + used) and [k, k + depth).
  void leaveOut(
      Triangle triangle, std::size_t row, std::size_t used, std::size_t k, std::size_t depth,
      std::size_t advance) {
    end = depth;
    const std::size_t reach = row + used + triangle.diagonal;  // one beyond the last row's
    switch (triangle.part) {
      case Triangle::Part::none: break;
      case Triangle::Part::result: columns = reach; break;
      case Triangle::Part::left: end = reach > k ? std::min(depth, reach - k) : 0; break;
      case Triangle::Part::turnedLeft:
        if (row > k + triangle.diagonal) begin = std::min(depth, row - k - triangle.diagonal);
        data += begin * advance;
    }
  }
};

/// The block of A that follows another, of which each tile asks for a share: read without warning, it would keep the
/// processor waiting for a sixth of the time.
class BlockAhead {
 public:
  /// After the block that begins at (row, k) of a[m, depth].
  BlockAhead(const Matrix& a, std::size_t m, std::size_t row, std::size_t depth, std::size_t k) {
    const std::size_t height = rowPanels * tileKernel().rows;
    std::size_t nextRow = row, nextDepth = k + depthBlock;
    if (nextDepth >= depth) {
      nextRow += height;
      nextDepth = 0;
    }
    if (nextRow >= m) return;
    const Matrix block =
        a.from(static_cast<std::ptrdiff_t>(nextRow), static_cast<std::ptrdiff_t>(nextDepth));
    const bool byRows = a.columnStride == 1;
    data_ = block.data;
    rowStep_ = byRows ? a.rowStride : a.columnStride;
    left_ = byRows ? std::min(height, m - nextRow) : std::min(depthBlock, depth - nextDepth);
    lines_ = byRows ? 4 : 3;  // 256 numbers of each row, or 112 of each k: 16 lines, or 7 and what overlaps
  }

  Fetch fetch(bool below) {
    Fetch result{below, nullptr, rowStep_, lines_};
    const std::size_t share = std::size_t{32} >> lines_;
    if (left_ >= share) {
      result.block = data_;
      data_ += static_cast<std::ptrdiff_t>(share) * rowStep_;
      left_ -= share;
    }
    return result;
  }

 private:
  const float* data_ = nullptr;
  std::ptrdiff_t rowStep_ = 0;
  std::size_t left_ = 0;
  int lines_ = 0;
};

/// Whether rows of A, `stride` numbers apart, are better read where they are, for a product of n columns. Not where
/// the same number of each row falls into the same set of the L1 cache, 4 KB being the size of a way: fewer fit there
/// than a tile has rows. For a panel or two of B that still costs less than packing.
bool readsRows(std::ptrdiff_t stride, std::size_t n) {
  constexpr std::ptrdiff_t way = 4096 / sizeof(float);
  return stride % way != 0 || n <= 2 * tileKernel().columns;
}

/// `multiplyPacked` for several targets: a is packed once for all.
void multiplyTargets(
    std::size_t m, const Matrix& a, const PackedMatrix& b, const Target* targets,
    std::size_t targetCount, std::size_t kBegin, std::size_t kEnd, bool accumulate,
    Triangle triangle = {}) {
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
  // Rows are read where they are. Numbers that lie one after the other along a column are packed, unless
  // they are used for one or two panels of B only.
  const bool byRows = a.columnStride == 1 && readsRows(a.rowStride, n);
  const bool bySteps = !byRows && a.rowStride == 1 && n <= 2 * kernel.columns;
  for (std::size_t row = 0; row < m; row += blockRows) {
    const std::size_t rows = std::min(blockRows, m - row);
    for (std::size_t k = kBegin; k < kEnd; k += depthBlock) {
      const std::size_t depth = std::min(depthBlock, kEnd - k);
      const Matrix part =
          a.from(static_cast<std::ptrdiff_t>(row), static_cast<std::ptrdiff_t>(k - kBegin));
      if (!byRows && !bySteps) packPanels(part, rows, kernel.rows, depth, block);
      LeftPanel panels[rowPanels];
      for (std::size_t i = 0; i < rows; i += kernel.rows) {
        const std::size_t used = std::min(kernel.rows, rows - i);
        const Matrix own = part.from(static_cast<std::ptrdiff_t>(i), 0);
        LeftPanel& panel = panels[i / kernel.rows];
        if (byRows && used == kernel.rows) {
          panel = {kernel.byRows, own.data, static_cast<std::size_t>(own.rowStride)};
        } else if (bySteps && used == kernel.rows) {
          panel = {kernel.steps, own.data, static_cast<std::size_t>(own.columnStride)};
        } else {
          panel = {kernel.steps, block + i * depth, kernel.rows};
          if (byRows || bySteps) packPanel(own, used, kernel.rows, depth, block + i * depth);
        }
        const std::size_t advance = panel.run == kernel.byRows ? 1 : panel.step;
        panel.leaveOut(triangle, row + i, used, k - kBegin, depth, advance);
      }
      const bool adds = accumulate || k > kBegin;
      BlockAhead ahead(a, m, row, kEnd - kBegin, k - kBegin);
      for (const Target* target = targets; target < targets + targetCount; ++target) {
        for (std::size_t j = 0; j < target->n; j += kernel.columns) {
          const float* right =
              b.panel((target->columns + j) / kernel.columns) + k * kernel.columns;
          for (std::size_t i = 0; i < rows; i += kernel.rows) {
            const LeftPanel& left = panels[i / kernel.rows];
            if (j >= left.columns || (left.begin == left.end && adds)) continue;
            const bool isFirstUse = j == 0 && target == targets && i + kernel.rows < rows;
            left.run(
                left.end - left.begin, left.data, left.step, right + left.begin * kernel.columns,
                target->c + (row + i) * target->cStride + j,
                target->cStride, std::min(kernel.rows, rows - i),
                std::min(kernel.columns, target->n - j), adds, ahead.fetch(isFirstUse));
          }
        }
      }
    }
  }
}

/// How the rows of a product are cut.
struct RowCut {
  std::size_t rows;

  /// One block of A a piece, of even heights: 256 rows become 98 + 98 + 60, not 112 + 112 + 32.
  explicit RowCut(std::size_t m) {
    const std::size_t height = tileKernel().rows, most = rowPanels * height;
    const std::size_t least = (m + most - 1) / most, panels = (m + height - 1) / height;
    rows = (panels + least - 1) / least * height;
  }
};

/// Some rows by some panels of B.
struct Piece {
  std::size_t rows;  // which of the given ones
  std::size_t firstPanel, panels;
};

/// Cuts a product into pieces, large ones first: with all panels of B while there is much left to do (what is
/// packed of A is used most often then), with fewer towards the end, so that all threads finish together. Not
/// with one or two panels, for which columns of A are not packed but read from afar again and again.
std::vector<Piece> cutPieces(const std::vector<std::size_t>& rowCounts, std::size_t panels) {
  constexpr std::size_t fewest = 4;
  const auto threads = static_cast<std::size_t>(threadCount());
  std::size_t left = 0;  // rows × panels
  for (const std::size_t rows : rowCounts) left += rows * panels;
  std::vector<Piece> pieces;
  for (std::size_t index = 0; index < rowCounts.size(); ++index) {
    const std::size_t rows = rowCounts[index];
    for (std::size_t first = 0; first < panels;) {
      const std::size_t fair = threads == 1 ? panels : left / (threads * rows);
      const std::size_t count = std::min(panels - first, std::max(fewest, fair));
      pieces.push_back({index, first, count});
      left -= rows * count;
      first += count;
    }
  }
  return pieces;
}

/// The products of all `lefts` with one right operand: `pack(packed, row, column, depth, width)` packs a part
/// of it.
template <class Pack>
void multiplyParts(
    const std::vector<LeftProduct>& lefts, std::size_t n, std::size_t k, bool accumulate,
    Pack&& pack) {
  struct Rows {
    const LeftProduct* product;
    std::size_t first;
  };
  std::vector<Rows> rowPieces;
  std::vector<std::size_t> rowCounts;
  for (const LeftProduct& left : lefts) {
    if (left.m == 0) continue;
    const RowCut cut(left.m);
    for (std::size_t row = 0; row < left.m; row += cut.rows) {
      rowPieces.push_back({&left, row});
      rowCounts.push_back(std::min(cut.rows, left.m - row));
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
    const std::vector<Piece> pieces = cutPieces(rowCounts, (width + columns - 1) / columns);
    for (std::size_t depth = 0; depth == 0 || depth < k; depth += depthPart) {
      const std::size_t part = std::min(depthPart, k - depth);
      PackedMatrix& right = packed;
      pack(right, depth, column, part, width);
      const bool adds = accumulate || depth > 0;
      parallel(pieces.size(), [&](std::size_t index) {
        const Piece& piece = pieces[index];
        const Rows& rows = rowPieces[piece.rows];
        const std::size_t first = piece.firstPanel * columns;
        const LeftProduct& left = *rows.product;
        multiplyPacked(
            rowCounts[piece.rows], std::min(piece.panels * columns, width - first),
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
  std::vector<std::size_t> rowCounts;
  for (std::size_t row = 0; row < m; row += cut.rows) {
    rowCounts.push_back(std::min(cut.rows, m - row));
  }
  const std::size_t columns = tileKernel().columns, depth = right.depth();
  const std::vector<Piece> pieces = cutPieces(rowCounts, right.width() / columns);
  parallel(pieces.size(), [&](std::size_t index) {
    const Piece& piece = pieces[index];
    const std::size_t row = piece.rows * cut.rows;
    const std::size_t begin = piece.firstPanel * columns, end = begin + piece.panels * columns;
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
        rowCounts[piece.rows], a.from(static_cast<std::ptrdiff_t>(row), 0), right, targets.data(),
        targets.size(), 0, depth, false);
  });
}

}  // namespace

void multiplyPacked(
    std::size_t m, std::size_t n, const Matrix& a, const PackedMatrix& b, std::size_t columns,
    std::size_t kBegin, std::size_t kEnd, float* c, std::size_t cStride, bool accumulate,
    Triangle triangle) {
  const Target target{columns, n, c, cStride};
  multiplyTargets(m, a, b, &target, 1, kBegin, kEnd, accumulate, triangle);
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
