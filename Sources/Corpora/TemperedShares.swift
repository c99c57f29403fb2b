// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Shares of a mixture that lift small sources: pᵢ = nᵢ^α / Σ nⱼ^α.
///
/// α = 1 is proportional to size, 0 is equal; 0.3 is usual for many languages. Sizes are tokens or
/// bytes, positive. **Source**: Conneau & Lample 2019, arXiv:1901.07291, §3.1. **Departs**: nothing.
public func temperedShares(sizes: [Int], alpha: Double) throws -> [Double] {
  guard !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }) else {
    throw CorpusError.setting("sizes", expected: "positive numbers", found: "\(sizes)")
  }
  guard alpha.isFinite, (0...1).contains(alpha) else {
    throw CorpusError.setting("alpha", expected: "between 0 and 1", found: "\(alpha)")
  }
  let powers = sizes.map { pow(Double($0), alpha) }
  let total = powers.reduce(0, +)
  return powers.map { $0 / total }
}
