// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The inner kernels of the matrix products: a tile of C, as large as fits in registers, by one panel of A and
// one of B. Which one runs is decided once, by what the processor has.
#pragma once

#include <cstddef>

namespace koine {

/// What to bring nearer while a tile is computed, beside the tile of C and the panel of B.
struct Fetch {
  /// Whether the panel of A below this one is to be read for the first time, where it lies.
  bool below;
  /// A share of the block of A that comes after this one: some rows of memory, `rowStep` numbers apart, of
  /// 2^`lines` cache lines each, 32 lines in all. Null: none.
  const float* block;
  std::ptrdiff_t rowStep;
  int lines;
};

/// (depth, a, step, b, c, cStride, m, n, accumulate, fetch): c[m, n] = or += a · b, with m ≤ rows and n ≤ columns.
/// b is [depth][columns]; a is read as the kernel's `steps` or `byRows` says.
using Tile = void (*)(
    std::size_t, const float*, std::size_t, const float*, float*, std::size_t, std::size_t,
    std::size_t, bool, Fetch);

struct Kernel {
  const char* name;
  std::size_t rows, columns;
  /// a(i, k) is `a[k * step + i]`: packed, or the transpose of row-major memory.
  Tile steps;
  /// a(i, k) is `a[i * step + k]`; m must be `rows`.
  Tile byRows;
};

/// The kernel in use; see `limitKernel`.
const Kernel& tileKernel();

}  // namespace koine
