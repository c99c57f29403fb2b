// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The gradients of linear maps, for the kernels that contain one.
#pragma once

#include <vector>

#include "mlx/array.h"
#include "mlx/stream.h"

namespace koine {

/// (dy₁ [N, O₁], w₁ [O₁, D], dy₂, w₂, …) → Σᵢ dyᵢ wᵢ [N, D], added in the order of i. Row-major all; the wᵢ may
/// be stored in 16 bits.
mlx::core::array linearInputGradient(
    std::vector<mlx::core::array> dyAndWeights, mlx::core::Stream stream);

/// dyᵀ x [O, D] of dy [N, O] and x [N, D], row-major.
mlx::core::array linearWeightGradient(
    const mlx::core::array& dy, const mlx::core::array& x, mlx::core::Stream stream);

/// [..., D] → [N, D], row-major.
mlx::core::array flatRows(const mlx::core::array& x);

}  // namespace koine
