// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// y = x · wᵀ for few rows of x and stored weights: the products of decoding, one row for each text.
//
// Each weight is read once and used for all rows at hand; memory, not arithmetic, is the limit. Packing, which
// the matrix product of gemm.h does first, would cost more than the products themselves.
//
// The law of the sums: lane l of sixteen takes the products k ≡ l (mod 16), k rising, in fused multiply-adds
// from zero; then lanes i and i + 8 are added, i and i + 4, i and i + 2, i and i + 1. Neither threads, vector
// width, the other rows nor the stored type of equal weights change it.
#pragma once

#include <cstddef>
#include <vector>

#include "stored.h"

namespace koine {

/// Up to so many rows of x `multiplyFew` is the faster product.
constexpr std::size_t fewRows = 16;

/// One result of `multiplyFew`: y [N, w.rows], of row stride `stride`.
struct FewProduct {
  StoredMatrix w;
  float* y;
  std::size_t stride;
};

/// Rows [begin, end) of w: the same numbers of all rows of y, for the calling thread's part of a product.
void multiplyRows(
    std::size_t begin, std::size_t end, const StoredMatrix& w, std::size_t rows, const float* x, float* y,
    std::size_t stride);

/// y = x · wᵀ for x [rows, D] and several w of D columns, all shared out over the pool together.
void multiplyFew(std::size_t rows, const float* x, const std::vector<FewProduct>& products);

}  // namespace koine
