// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Signatures of texts, whose agreement estimates how many shingles the texts share.
///
///     signature[i] = min over shingles x of (aᵢ · h(x) + bᵢ) mod 2³²        aᵢ odd
///     P(signatures agree at i) ≈ |A ∩ B| / |A ∪ B|
///
/// h is a 64-bit hash of which the upper half is taken. The standard error of an estimate of s
/// is √(s(1 − s) / permutations).
///
/// - Source: Broder 1997, "On the resemblance and containment of documents".
/// - Departs: linear functions modulo 2³² stand for random permutations.
/// - Cost: one multiplication, addition and comparison for each shingle and permutation, eight at
///   once; 4 bytes a permutation.
public struct MinHash: Sendable {
  /// Hash functions, a multiple of 8.
  public let permutations: Int
  /// Units in a shingle.
  public let ngram: Int
  /// What shingles are made of.
  public let unit: DeduplicationSettings.Near.Unit
  private let factors: [SIMD8<UInt32>]
  private let offsets: [SIMD8<UInt32>]

  /// The functions are the same for the same number of permutations, on every machine.
  public init(_ settings: DeduplicationSettings.Near) {
    permutations = settings.permutations
    ngram = settings.ngram
    unit = settings.unit
    var random = SeededRandom(seed: 0, name: "minhash")
    var factors: [SIMD8<UInt32>] = []
    var offsets: [SIMD8<UInt32>] = []
    for _ in 0..<permutations / 8 {
      var factor = SIMD8<UInt32>()
      var offset = SIMD8<UInt32>()
      for lane in 0..<8 {
        factor[lane] = UInt32(truncatingIfNeeded: random.next() >> 32) | 1
        offset[lane] = UInt32(truncatingIfNeeded: random.next() >> 32)
      }
      factors.append(factor)
      offsets.append(offset)
    }
    self.factors = factors
    self.offsets = offsets
  }

  /// The signature of a text (`permutations` numbers), whose letters count as lower case and whose
  /// runs of white space as one space; `nil` for a text without a word. A text with fewer units
  /// than a shingle is one shingle.
  public func signature(of text: String) -> [UInt32]? {
    let shingles = shingles(of: text)
    guard !shingles.isEmpty else { return nil }
    var smallest = [SIMD8<UInt32>](repeating: SIMD8(repeating: .max), count: factors.count)
    smallest.withUnsafeMutableBufferPointer { smallest in
      factors.withUnsafeBufferPointer { factors in
        offsets.withUnsafeBufferPointer { offsets in
          for shingle in shingles {
            let x = SIMD8<UInt32>(repeating: shingle)
            for k in factors.indices {
              let value = x &* factors[k] &+ offsets[k]
              smallest[k] = pointwiseMin(smallest[k], value)
            }
          }
        }
      }
    }
    return smallest.flatMap { lanes in (0..<8).map { lanes[$0] } }
  }

  /// The different shingles of a text, hashed.
  func shingles(of text: String) -> Set<UInt32> {
    let units = unit == .word ? wordHashes(text) : characterHashes(text)
    guard !units.isEmpty else { return [] }
    let count = max(1, units.count - ngram + 1)
    var shingles = Set<UInt32>(minimumCapacity: count)
    for start in 0..<count {
      var hash: UInt64 = 0
      for unit in units[start..<min(units.count, start + ngram)] {
        hash = SeededRandom.mix(hash &+ unit &+ 0x9E37_79B9_7F4A_7C15)
      }
      shingles.insert(UInt32(truncatingIfNeeded: hash >> 32))
    }
    return shingles
  }

  private func characterHashes(_ text: String) -> [UInt64] {
    var hashes: [UInt64] = []
    var isSpaceWaiting = false
    for scalar in text.unicodeScalars {
      if scalar.properties.isWhitespace {
        isSpaceWaiting = !hashes.isEmpty
        continue
      }
      if isSpaceWaiting { hashes.append(32) }
      isSpaceWaiting = false
      for lower in lowercased(scalar) { hashes.append(UInt64(lower)) }
    }
    return hashes
  }

  /// The share of places where two signatures agree.
  public static func similarity(_ a: some Collection<UInt32>, _ b: some Collection<UInt32>)
    -> Double
  {
    guard !a.isEmpty, a.count == b.count else { return 0 }
    return Double(zip(a, b).count { $0 == $1 }) / Double(a.count)
  }
}

/// The hashes of the words of a text in lower case, in their order; without punctuation and symbols
/// where these are skipped.
func wordHashes(_ text: String, skippingSymbols: Bool = false) -> [UInt64] {
  var hashes: [UInt64] = []
  // FNV-1a over the scalars.
  let start: UInt64 = 0xCBF2_9CE4_8422_2325
  var hash = start
  for scalar in text.unicodeScalars {
    if isSpace(scalar) {
      if hash != start { hashes.append(SeededRandom.mix(hash)) }
      hash = start
    } else if skippingSymbols, ScalarKind(scalar) == .symbol {
      continue
    } else if scalar.value < 0x80 {
      let value = scalar.value
      let lower = value >= 0x41 && value <= 0x5A ? value | 0x20 : value
      hash = (hash ^ UInt64(lower)) &* 0x100_0000_01B3
    } else {
      for lower in lowercased(scalar) { hash = (hash ^ UInt64(lower)) &* 0x100_0000_01B3 }
    }
  }
  if hash != start { hashes.append(SeededRandom.mix(hash)) }
  return hashes
}

/// White space, quickly where it is ASCII.
func isSpace(_ scalar: Unicode.Scalar) -> Bool {
  scalar.value < 0x80
    ? scalar.value == 32 || (9...13).contains(scalar.value) : scalar.properties.isWhitespace
}

private func lowercased(_ scalar: Unicode.Scalar) -> [UInt32] {
  if scalar.value < 0x80 {
    return [(0x41...0x5A).contains(scalar.value) ? scalar.value | 0x20 : scalar.value]
  }
  guard scalar.properties.changesWhenLowercased else { return [scalar.value] }
  return scalar.properties.lowercaseMapping.unicodeScalars.map(\.value)
}

/// Bands of a signature: texts that agree in a whole band are looked at more closely.
///
/// With b bands of r places each, two texts of similarity s agree in at least one with the
/// probability 1 − (1 − sʳ)ᵇ.
public struct SignatureBands: Equatable, Sendable {
  /// b.
  public let bandCount: Int
  /// r.
  public let rowCount: Int

  /// Chooses b · r ≤ permutations so that little is missed above the threshold t, and little is
  /// compared for nothing below it: the smallest
  ///
  ///     0.9 · ∫ₜ¹ (1 − sʳ)ᵇ ds + 0.1 · ∫₀ᵗ 1 − (1 − sʳ)ᵇ ds
  ///
  /// A pair that agrees by chance costs one comparison of signatures and is then dismissed, so
  /// misses weigh more. The integrals are sums over 1000 midpoints.
  public init(threshold: Double, permutations: Int) {
    var best = (bands: 1, rows: 1, error: Double.infinity)
    for rows in 1...permutations {
      let bands = permutations / rows
      var error = 0.0
      for step in 0..<1000 {
        let s = (Double(step) + 0.5) / 1000
        let missed = pow(1 - pow(s, Double(rows)), Double(bands))
        error += s >= threshold ? 0.9 * missed : 0.1 * (1 - missed)
      }
      if error < best.error { best = (bands, rows, error) }
    }
    (bandCount, rowCount) = (best.bands, best.rows)
  }
}
