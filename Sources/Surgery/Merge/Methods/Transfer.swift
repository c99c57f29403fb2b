// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// What was learnt on one model, given to another: the target plus differences of two models.
///
/// The base is the target. Each source is a difference `{tuned, base}` (a chat vector, a task
/// vector): what training made of some other base. Where the tuned model stays near enough to its
/// base, and that base to the target, the target has learnt it too without training.
///
/// Any method that sees its sources as changes of a base takes differences, `ties` among them; this
/// one is the plain sum, and refuses models, whose change of the target would be another thing.
///
/// - Shapes: base, differences and output alike; any rank, also empty.
/// - Precision: differences in `Float`, the sum in `Double`, rounded once. An element that no
///   difference changes, and every element with λ = 0, is the target's to the bit.
public struct Transfer: MergeMethod {
  public static let card = MethodCard(
    id: "transfer", title: "the base plus differences of other models (chat vectors)",
    formula: """
      out = b + λ · Σ wₖ·δₖ                       δₖ = tunedₖ − baseₖ
      """,
    source: "Huang et al. 2024, arXiv:2310.04799 (chat vector); Lin et al. 2025, arXiv:2503.20110 "
      + "(fine-tuning transfer, recycling)",
    departs: "several differences with weights; rows of the vocabulary belong together by token, "
      + "not by number, where a tokenizer is asked for",
    cost: "one pass",
    base: .required, takesDifferences: true,
    perSource: [.init("weight", default: 1.0)],
    notes: [.weight, .lambda],
    laws: [.fixedPoint, .anyOrder, .scales, .zeroWeight, .zeroLambda])

  public struct Parameters: MergeParameters {
    /// wₖ, one per difference in recipe order; finite, any sign.
    public var weights: [Double] = []
    /// λ, the factor of all differences together.
    public var lambda: Double = 1
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case lambda
    }
  }

  private let factors: [Double]  // λ·wₖ

  public init(_ parameters: Parameters) throws(MergeError) {
    for weight in parameters.weights {
      try check("weight", weight, "a finite number") { _ in true }
    }
    try check("lambda", parameters.lambda, "a finite number") { _ in true }
    factors = parameters.weights.map { parameters.lambda * $0 }
    guard factors.allSatisfy(\.isFinite) else {
      throw .parameter(
        "lambda", value: "\(parameters.lambda)", expected: "finite when multiplied by the weights")
    }
  }

  public func merge(_ group: borrowing TensorGroup, into output: inout TensorSink) {
    let factors = factors
    group.map(into: &output) { chunk, out in
      let base = chunk.base
      withScratch(count: chunk.count * factors.count) { memory in
        for k in factors.indices {
          chunk.change(k, into: memory[(k * chunk.count)..<((k + 1) * chunk.count)])
        }
        for i in out.indices {
          var sum = 0.0
          for (k, factor) in factors.enumerated() {
            sum += factor * Double(memory[k * chunk.count + i])
          }
          // Adding a zero would turn -0 into 0.
          out[i] = sum == 0 ? base[i] : Float(Double(base[i]) + sum)
        }
      }
    }
  }
}
