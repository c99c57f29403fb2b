// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

// A chain of parallel loops in one parallel region: threads go from loop to loop without being put to sleep and
// woken in between, which takes longer than a loop of decoding itself.
//
// Nobody waits for a *thread*, only for pieces: one that comes late, or never, leaves its share to the others. A
// shared machine, where a thread can lose its processor at any time, then costs a piece at most.
#pragma once

#include <cstddef>

namespace koine {

/// Loops that depend on each other, and what happens between them.
class PhasedWork {
 public:
  virtual ~PhasedWork() = default;
  virtual std::size_t phases() const = 0;
  /// At least 1. Each thread begins with a range of its own of the pieces and then helps the others.
  virtual std::size_t pieces(std::size_t phase) const = 0;
  /// Called once for each piece, by any thread, when all phases before are finished.
  virtual void piece(std::size_t phase, std::size_t index) = 0;
  /// Called once after the last piece of a phase and before the first of the next, on any thread.
  virtual void finish(std::size_t phase) = 0;
  /// Called again and again while a thread waits for `phase`, of which it will begin with `piece`; `round` counts
  /// from 0. For fetching what will be needed; must not write.
  virtual void expect(std::size_t phase, std::size_t piece, std::size_t round) const = 0;
};

/// Does all phases on the calling thread and the pool. The value of a piece must not depend on who computes it.
/// If anything throws, what was not begun is skipped and the first exception caught is rethrown.
void runPhases(PhasedWork& work);

}  // namespace koine
