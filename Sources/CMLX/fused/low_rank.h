// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// What adapters and 16-bit weights need for training, as MLX graph nodes; the rules of fused.h hold.
#pragma once

#include <cstdint>
#include <vector>

#include "mlx/array.h"
#include "stored.h"

namespace koine {

/// yᵢ = x · wᵢᵀ + tᵢ · bᵢᵀ for x [N, D], wᵢ [Oᵢ, D] (stored in any form), tᵢ [N, R], bᵢ [Oᵢ, R] → [N, Oᵢ]: a linear
/// map and what a low-rank change adds to it, in one memory. At least one w.
std::vector<mlx::core::array> linearSum(
    const mlx::core::array& x, const std::vector<mlx::core::array>& w,
    const std::vector<mlx::core::array>& t, const std::vector<mlx::core::array>& b);

/// x with elements set to 0 with probability `rate`, the others divided by 1 − rate. Element i stays where
/// word start + i of the stream (seed, key) is at least rate · 2³². 0 ≤ rate < 1.
mlx::core::array dropout(
    const mlx::core::array& x, float rate, std::uint64_t seed, std::uint64_t key,
    std::uint64_t start);

/// The same numbers as float32; the gradient passes unchanged, and is not rounded to the type of w.
mlx::core::array widened(const mlx::core::array& w);

/// √Σⱼ (w + scale · b · a)ᵢⱼ² for each row i of w [O, D]; a [R, D], b [O, R] → norms (O). The sum is never
/// whole in memory.
void adaptedRowNorms(
    const StoredMatrix& w, const float* a, const float* b, std::size_t rank, float scale,
    float* norms);

}  // namespace koine
