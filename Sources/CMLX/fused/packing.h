// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Operands in the order the inner kernels read them.
#pragma once

#include <cstddef>

#include "gemm.h"

namespace koine {

/// Packs one panel: `out[k * lanes + i] = source(i, k)` for i < lanes, k < depth; zero where i ≥ used.
/// `source` has its lane index as row. Writes up to 8 floats past the end (callers leave room): whole vectors
/// are stored with k rising, and each overwrites what its predecessor spilled.
void packPanel(
    const Matrix& source, std::size_t used, std::size_t lanes, std::size_t depth, float* out);

/// Packs `rows` rows of `source` as panels of `lanes` rows, one after the other, the last one filled up with
/// zeros. The same as a `packPanel` for each, in the order in which the memory lies. Writes up to 8 floats past the end.
void packPanels(
    const Matrix& source, std::size_t rows, std::size_t lanes, std::size_t depth, float* out);

}  // namespace koine
