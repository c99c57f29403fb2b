// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// The thread pool of the fused kernels: a few persistent threads that share out numbered pieces of work.
//
// MLX runs one CPU stream on one thread; the kernels in this folder therefore bring their own workers.
// Which thread takes which piece is left to chance, so every caller cuts its work such that the *value* of a
// piece does not depend on who computes it, nor on how many pieces there are: results are then the same bits
// for any thread count.
#pragma once

#include <cstddef>
#include <functional>

namespace koine {

/// Calls `body(i)` once for each i in [0, count), on the calling thread and the pool's workers; returns when
/// all calls have returned. Pieces are handed out in rising order. A call from inside a piece runs serially.
/// If pieces throw, the exception of the lowest-numbered one that threw is rethrown here; pieces not yet
/// started at that time may be skipped.
void parallel(std::size_t count, const std::function<void(std::size_t)>& body);

/// Cuts [0, count) into ranges of at least `grain` elements (multiples of `grain`, except the last) and
/// calls `body(begin, end)` for each: for elementwise loops, where a call per element would be waste.
void parallelRanges(
    std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& body);

}  // namespace koine
