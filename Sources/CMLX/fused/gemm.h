// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Matrix multiplication in f32, C = A · B or C += A · B, over strided operands.
//
// Why not cblas_sgemm: (1) its bits depend on the thread count and on how the caller cuts the matrices, ours
// do not; (2) it cannot be called from many threads and also use many; (3) Debian's OpenBLAS 0.3.21 does not
// know newer Intel processors and falls back to SSE3 kernels there (22 instead of 150 GFLOP/s a core);
// (4) a packed operand can be kept and used again, with any sub-range of k.
//
// The law of the sums: c(i,j) is a chain of fused multiply-adds with k rising, cut into blocks of 256
// (`depthBlock`) counted from the k where the call begins; each block's sum starts at zero and is then added to c. Neither tile
// edges, nor threads, nor the vector width change it: AVX2, AVX-512 and NEON give the same bits.
#pragma once

#include <cstddef>
#include <vector>

#include "buffer.h"
#include "stored.h"

namespace koine {

/// A strided matrix: element (i, j) is `data[i * rowStride + j * columnStride]`. One of the strides should
/// be 1; others work, slowly.
struct Matrix {
  const float* data;
  std::ptrdiff_t rowStride;
  std::ptrdiff_t columnStride;

  static Matrix rows(const float* data, std::ptrdiff_t stride) { return {data, stride, 1}; }
  Matrix transposed() const { return {data, columnStride, rowStride}; }
  Matrix from(std::ptrdiff_t row, std::ptrdiff_t column) const {
    return {data + row * rowStride + column * columnStride, rowStride, columnStride};
  }
};

/// A [depth, width] right-hand operand in the order the inner kernel reads it: panels of the inner
/// kernel's columns, each panel k-major, the last one filled up with zeros.
class PackedMatrix {
 public:
  /// Packs b(depth, width); serial when called inside a piece of `parallel`. Memory is kept for reuse.
  void pack(const Matrix& b, std::size_t depth, std::size_t width);
  /// Packs the transpose of rows [row, row + width) and columns [column, column + depth) of w, widened.
  void packTransposed(
      const StoredMatrix& w, std::size_t row, std::size_t column, std::size_t depth,
      std::size_t width);
  /// Packs the transposes of several w of as many columns side by side, each from a new panel on.
  void packTransposed(const std::vector<StoredMatrix>& weights);
  std::size_t depth() const { return depth_; }
  std::size_t width() const { return width_; }
  const float* panel(std::size_t index) const;

 private:
  void reserve(std::size_t depth, std::size_t width);

  Buffer data_;
  std::size_t depth_ = 0, width_ = 0;
};

/// What of a product need not be computed, `diagonal` being the column at which the diagonal begins. Tiles that lie
/// wholly beyond it are left out: the numbers are those of the whole product, bit by bit.
struct Triangle {
  enum class Part {
    none,
    /// Of c(i, j) only j ≤ i + diagonal is wanted; the others are unspecified.
    result,
    /// a(i, k) is zero where k > i + diagonal, k counted from kBegin.
    left,
    /// a(i, k) is zero where i > k + diagonal.
    turnedLeft,
  };
  Part part = Part::none;
  std::size_t diagonal = 0;
};

/// c[m, n] (row stride `cStride`) = or += a[m, kEnd − kBegin] · b[kBegin ..< kEnd, columns ..< columns + n],
/// on the calling thread. `columns` must be a multiple of the panel width (64 is one of every kernel's). kEnd == kBegin writes zeros.
void multiplyPacked(
    std::size_t m, std::size_t n, const Matrix& a, const PackedMatrix& b, std::size_t columns,
    std::size_t kBegin, std::size_t kEnd, float* c, std::size_t cStride, bool accumulate,
    Triangle triangle = {});

/// c[m, n] = or += a[m, k] · b[k, n], shared out over the pool.
void multiply(
    std::size_t m, std::size_t n, std::size_t k, const Matrix& a, const Matrix& b, float* c,
    std::size_t cStride, bool accumulate);

/// A product of some left operand, a[m, k], into c[m, n].
struct LeftProduct {
  std::size_t m;
  Matrix a;
  float* c;
  std::size_t cStride;
};

/// The same for several left operands of one b, which is packed once.
void multiply(
    const std::vector<LeftProduct>& lefts, std::size_t n, std::size_t k, const Matrix& b,
    bool accumulate);

/// A product with wᵀ, into c[m, w.rows].
struct StoredProduct {
  StoredMatrix w;
  float* c;
  std::size_t cStride;
};

/// c[m, w.rows] = a[m, w.columns] · wᵀ for several w, as wide as each other and shared out over the pool; a is
/// packed once for all where they fit. The same bits as with each w alone, and widened first.
void multiplyStored(std::size_t m, const Matrix& a, const std::vector<StoredProduct>& products);

/// The instruction set of the inner kernel: "avx512", "avx2" or "generic".
const char* kernelName();

/// For tests: use the narrower kernel although the wider would run. Not while kernels are running, and not
/// between packing and use of a `PackedMatrix`.
void limitKernel(bool narrow);

}  // namespace koine
