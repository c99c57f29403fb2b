// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

extension TensorGroup {
  /// The smallest voice f = 1 + s of the source at `position` with which at least the share ρ of
  /// its trimmed magnitude Σ|δ| survives the election.
  ///
  /// An entry survives when f·|p| outweighs what the others bring against it, r: that is for
  /// f > r/|p|. So f is the quantile of r/|p|, weighted by |δ|, at ρ. It is found by radix
  /// selection over the ratios' bit patterns in three passes, after one for the largest |δ|:
  /// magnitudes are counted as integers in units of that / 2³², so counts may be added in any order
  /// and the share is met to within n·2⁻³² of the largest entry. A few ulps are added to f because
  /// the election rounds.
  func smallestVoice(
    of position: Int, protecting share: Double, _ consensus: SignConsensus,
    _ thresholds: [MagnitudeThreshold]
  ) throws(CheckpointError) -> Float {
    let largest: Float =
      try reduce(
        .changes,
        { chunk -> Float in
          SignConsensus.withTrimmedChanges(chunk, thresholds) { changes in
            let row = changes[(position * chunk.count)..<((position + 1) * chunk.count)]
            var largest: Float = 0
            for i in row.indices { largest = max(largest, row[i].magnitude) }
            return largest
          }
        }, combine: { max($0, $1) }) ?? 0
    if largest == 0 || !largest.isFinite { return 1 }
    let scale = 0x1p32 / Double(largest)

    var prefix: UInt32 = 0
    var below: UInt64 = 0
    var needed: UInt64 = 0
    for (step, (shift, binCount)) in [(20, 2048), (10, 1024), (0, 1024)].enumerated() {
      let found = prefix
      let bins = try tally(.changes, bins: binCount, UInt64(0)) { chunk, bins in
        SignConsensus.withTrimmedChanges(chunk, thresholds) { changes in
          let row = changes[(position * chunk.count)..<((position + 1) * chunk.count)]
          for i in row.indices where row[i] != 0 {
            let ratio = consensus.resistance(to: position, at: i, changes, count: chunk.count)
            let pattern = ratio.bitPattern
            if step > 0, pattern >> (shift + 10) != found >> (shift + 10) { continue }
            bins[Int(pattern >> shift) & (binCount - 1)] +=
              UInt64(Double(row[i].magnitude) * scale)
          }
        }
      }
      if step == 0 {
        let total = bins.reduce(0, +)
        // A product of a share and a count below 2⁶⁴; `total` bounds it again after rounding.
        needed = min(total, UInt64((Double(total) * share).rounded(.up)))
        if needed == 0 { return 1 }
      }
      var bin = 0
      while bin < binCount - 1, below + bins[bin] < needed {
        below += bins[bin]
        bin += 1
      }
      prefix |= UInt32(bin) << shift
    }
    let ratio = Float(bitPattern: prefix)
    if ratio < 1 { return 1 }
    return min(ratio.nextUp.nextUp.nextUp.nextUp, 1e30)
  }
}

extension SignConsensus {
  /// r/|p|: how loud the source at `position` must be to win element `i`; 0 where the others are
  /// with it or silent.
  fileprivate func resistance(
    to position: Int, at i: Int, _ changes: FloatChunk, count: Int
  ) -> Float {
    let own = vote(position, changes[position * count + i])
    var others: Float = 0
    for k in weights.indices where k != position {
      others += voices[k] * vote(k, changes[k * count + i])
    }
    if own == 0 || others == 0 || (others > 0) == (own > 0) { return 0 }
    return min(others.magnitude / own.magnitude, 1e30)
  }
}
