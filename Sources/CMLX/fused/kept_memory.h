// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// Memory of the kernels' outputs.
//
// MLX's CPU allocator gives every array back to the system and takes the next one from it, page by page
// cleared: a tenth of a training step. A step asks for the same sizes as the one before, so blocks are kept.
#pragma once

#include <cstddef>

#include "mlx/allocator.h"

namespace koine {

/// Memory for `byteCount` bytes of an array on the CPU, on a cache line's border where they are many, their
/// values unspecified. Blocks that are released are kept, as long as what is in use and what is kept together
/// are no more than five quarters of the most that has been in use. Throws std::bad_alloc.
mlx::core::allocator::Data keptMemory(std::size_t byteCount);

/// How much lies before the memory of a buffer of MLX's CPU allocator, where it writes the size; −1 if this MLX
/// does otherwise.
std::ptrdiff_t bufferHeader();

/// Gives kept blocks back to the system.
void releaseKeptMemory();

/// The most bytes of arrays in use at one moment since the last reset, MLX's own with ours.
std::size_t peakMemoryInUse();
void resetPeakMemoryInUse();

}  // namespace koine
