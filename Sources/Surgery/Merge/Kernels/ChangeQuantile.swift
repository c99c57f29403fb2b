// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

extension TensorGroup {
  /// The `share`-quantile of the magnitudes above 0 of one source's change: of m of them the
  /// ⌈share·m⌉-th smallest, the smallest for a share of 0. `nil` where nothing is changed.
  ///
  /// Entries that a source leaves alone are not counted: training in narrow types leaves most of a
  /// tensor as it was, and their zeros would be every lower quantile. Cost: four passes.
  func quantileOfChanges(
    bySource position: Int, _ share: Double
  ) throws(CheckpointError) -> Float? {
    let unchanged = try tally(.changes, bins: 1, 0) { chunk, bins in
      withScratch(count: chunk.count) { changes in
        chunk.change(position, into: changes)
        for i in changes.indices where changes[i] == 0 { bins[0] += 1 }
      }
    }[0]
    let changed = elementCount - unchanged
    if changed == 0 { return nil }
    let rank = min(changed, max(1, Int((share * Double(changed)).rounded(.up)))) - 1
    return try orderStatistics([unchanged + rank], .changes) { chunk, out in
      chunk.change(position, into: out)
    }[0]
  }
}
