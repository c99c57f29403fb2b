// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// Keeps a merged change only where it serves enough sources: the mask of source k is set where
/// |δₖ| > λₖ·|D − δₖ|, δₖ being its whole change and D the merged one.
///
/// - Source: Wang et al. 2024, arXiv:2405.07813, eqs. 4 and 5 (TALL masks, consensus merging).
struct TallMasks: Sendable {
  private let lambdas: [Float]
  /// How many masks an entry needs.
  private let needed: Float

  init(lambdas: [Float], counts: [Int]) throws(MergeError) {
    for lambda in lambdas { try check("lambda", Double(lambda), "a number from 0") { $0 >= 0 } }
    for count in counts {
      try check("k", Double(count), "a whole number from 0 to 1000") { $0 >= 0 && $0 <= 1000 }
    }
    self.lambdas = lambdas
    needed = Float(counts.first ?? 1)
  }

  func merge(
    _ group: borrowing TensorGroup, _ family: TaskVectorMerge, into output: inout TensorSink
  ) throws(CheckpointError) {
    let changes = try SparseChanges(group, family.sparsifier, family.rescaling)
    group.map(into: &output) { [self] chunk, out in
      family.mix(changes, chunk, into: out)
      withScratch(count: chunk.count) { votes in
        let base = chunk.base
        for (source, lambda) in zip(chunk.sources, lambdas) {
          for i in out.indices {
            let change = source[i] - base[i]
            votes[i] += change.magnitude > lambda * (out[i] - change).magnitude ? 1 : 0
          }
        }
        for i in out.indices { out[i] = base[i] + (votes[i] >= needed ? out[i] : 0) }
      }
    }
  }
}

extension MethodCard.ParameterNote {
  static let maskLambda = Self(
    "lambda", range: "from 0", "the strictness of a source's mask; no factor of the result")
  static let maskCount = Self(
    "k", range: "whole, 0 to 1000", "how many masks an entry needs; the first source's counts")
}
