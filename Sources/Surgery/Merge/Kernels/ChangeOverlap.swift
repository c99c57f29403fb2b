// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Which sources have changed an element by more than `epsilon`: the arithmetic of the RAM methods.
struct ChangeOverlap: Sendable {
  let epsilon: Float

  init(epsilon: Float) throws(MergeError) {
    try check("epsilon", Double(epsilon), "a number from 0") { $0 >= 0 }
    self.epsilon = epsilon
  }

  /// How many sources have changed each element.
  private func counts(_ chunk: MergeChunk, into counts: MutableFloatChunk) {
    let base = chunk.base
    counts.fill(0)
    for source in chunk.sources {
      for i in counts.indices {
        counts[i] += (source[i] - base[i]).magnitude > epsilon ? 1 : 0
      }
    }
  }

  /// Adds for each source, at 2k, how many elements it alone has changed, and at 2k + 1 how many it
  /// has changed with others.
  func count(_ chunk: MergeChunk, into bins: inout [Int]) {
    withScratch(count: chunk.count) { counts in
      self.counts(chunk, into: counts)
      for (k, source) in chunk.sources.enumerated() {
        var (own, shared) = (0, 0)
        for i in counts.indices where (source[i] - chunk.base[i]).magnitude > epsilon {
          if counts[i] == 1 { own += 1 } else { shared += 1 }
        }
        bins[2 * k] += own
        bins[2 * k + 1] += shared
      }
    }
  }

  /// out = b + Σ δₖ/|A| over the sources A that have changed the element; a change of one source
  /// alone is multiplied by its voice instead.
  func combine(_ chunk: MergeChunk, voices: [Float], into out: MutableFloatChunk) {
    withScratch(count: chunk.count) { counts in
      self.counts(chunk, into: counts)
      let base = chunk.base
      out.fill(0)
      for (source, voice) in zip(chunk.sources, voices) {
        for i in out.indices {
          let change = source[i] - base[i]
          let part = counts[i] > 1 ? change / counts[i] : change * voice
          out[i] += change.magnitude > epsilon ? part : 0
        }
      }
      for i in out.indices { out[i] = base[i] + out[i] }
    }
  }
}
