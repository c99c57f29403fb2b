// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#include "packing.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "gemm_tile.h"
#include "pool.h"

namespace koine {
namespace {

/// Panels of B that one piece of work packs.
constexpr std::size_t piecePanels = 4;

typedef float Float8 __attribute__((vector_size(32), aligned(4)));

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

/// `panels` whole panels of a source whose lanes lie one after the other. Row by row of memory, and all panels
/// from each: a row further is another page.
template <std::size_t Lanes>
void copyRows(const Matrix& source, std::size_t panels, std::size_t depth, float* out) {
  const float* in = source.data;
  for (std::size_t k = 0; k < depth; ++k, in += source.columnStride, out += Lanes) {
    const float* const later = in + 8 * source.columnStride;
    for (std::size_t panel = 0; panel < panels; ++panel) {
      __builtin_prefetch(later + panel * Lanes);
      std::memcpy(out + panel * Lanes * depth, in + panel * Lanes, Lanes * sizeof(float));
    }
  }
}

void copyPanels(
    const Matrix& source, std::size_t panels, std::size_t lanes, std::size_t depth, float* out) {
  switch (lanes) {  // known sizes become a few vector moves; a call of memcpy for each row is slow
    case 14: return copyRows<14>(source, panels, depth, out);
    case 32: return copyRows<32>(source, panels, depth, out);
    case 16: return copyRows<16>(source, panels, depth, out);
    case 6: return copyRows<6>(source, panels, depth, out);
    default: return copyRows<8>(source, panels, depth, out);
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

/// Packs rows [row, row + used) of w from `column` on as one panel.
void packStored(
    const StoredMatrix& w, std::size_t row, std::size_t column, std::size_t used, std::size_t lanes,
    std::size_t depth, float* out) {
  withStoredType(w.type, [&]<StoredType type>() {
    const auto* const data =
        static_cast<const typename Widen<type, 8>::Element*>(w.row(row)) + column;
    packRows<type>(
        data, static_cast<std::ptrdiff_t>(w.columns), used, lanes, depth, out);
  });
}

}  // namespace

void packPanel(
    const Matrix& source, std::size_t used, std::size_t lanes, std::size_t depth, float* out) {
  if (source.columnStride == 1) {
    return packRows<StoredType::float32>(
        source.data, source.rowStride, used, lanes, depth, out);
  }
  if (source.rowStride == 1 && used == lanes) return copyPanels(source, 1, lanes, depth, out);
  for (std::size_t k = 0; k < depth; ++k) {
    for (std::size_t i = 0; i < lanes; ++i) {
      out[k * lanes + i] =
          i < used ? source.data[i * source.rowStride + k * source.columnStride] : 0.0f;
    }
  }
}

void packPanels(
    const Matrix& source, std::size_t rows, std::size_t lanes, std::size_t depth, float* out) {
  std::size_t row = 0;
  if (source.columnStride != 1 && source.rowStride == 1) {
    copyPanels(source, rows / lanes, lanes, depth, out);
    row = rows / lanes * lanes;
  }
  for (; row < rows; row += lanes) {
    packPanel(
        source.from(static_cast<std::ptrdiff_t>(row), 0), std::min(lanes, rows - row), lanes, depth,
        out + row * depth);
  }
}

const float* PackedMatrix::panel(std::size_t index) const {
  return data_.data() + index * depth_ * tileKernel().columns;
}

void PackedMatrix::reserve(std::size_t depth, std::size_t width) {
  const std::size_t columns = tileKernel().columns;
  const std::size_t panels = (width + columns - 1) / columns;
  data_.reserve(panels * columns * depth + 8);
  depth_ = depth;
  width_ = width;
}

void PackedMatrix::pack(const Matrix& b, std::size_t depth, std::size_t width) {
  reserve(depth, width);
  const std::size_t columns = tileKernel().columns;
  const std::size_t panels = (width + columns - 1) / columns;
  // The panel widths are multiples of 8, so no panel spills into its neighbour.
  const std::size_t pieces = (panels + piecePanels - 1) / piecePanels;
  parallel(pieces, [&](std::size_t piece) {
    const std::size_t first = piece * piecePanels * columns;
    packPanels(
        b.from(0, static_cast<std::ptrdiff_t>(first)).transposed(),
        std::min(piecePanels * columns, width - first), columns, depth, data_.data() + first * depth);
  });
}

void PackedMatrix::packTransposed(
    const StoredMatrix& w, std::size_t row, std::size_t column, std::size_t depth,
    std::size_t width) {
  reserve(depth, width);
  const std::size_t columns = tileKernel().columns;
  parallel((width + columns - 1) / columns, [&](std::size_t panel) {
    const std::size_t first = panel * columns;
    packStored(
        w, row + first, column, std::min(columns, width - first), columns, depth,
        data_.data() + first * depth);
  });
}

void PackedMatrix::packTransposed(const std::vector<StoredMatrix>& weights) {
  struct Panel {
    const StoredMatrix* w;
    std::size_t row;
  };
  const std::size_t columns = tileKernel().columns, depth = weights[0].columns;
  std::vector<Panel> panels;
  for (const StoredMatrix& w : weights) {
    for (std::size_t row = 0; row < w.rows; row += columns) panels.push_back({&w, row});
  }
  reserve(depth, panels.size() * columns);
  parallel(panels.size(), [&](std::size_t index) {
    const StoredMatrix& w = *panels[index].w;
    const std::size_t row = panels[index].row;
    packStored(
        w, row, 0, std::min(columns, w.rows - row), columns, depth,
        data_.data() + index * columns * depth);
  });
}

}  // namespace koine
