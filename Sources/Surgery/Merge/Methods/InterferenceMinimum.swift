// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// WUDI: the change that disturbs each source least on the inputs its own change speaks of.
///
/// Gradients of a linear layer are sums of its inputs, so the rows of τₖ span the inputs that
/// source k was trained on, and ‖(Δ − τₖ)·τₖᵀ‖ measures without data what Δ does to them. The
/// published method takes a fixed number of Adam's steps from Σ τₖ, each element moving at most
/// `learning_rate` a step; the minimum itself solves a linear system.
///
/// - Shapes: base, sources and output alike. Matrices with their columns as inputs (as PyTorch's
///   `Linear` stores them); other tensors, and embeddings and heads unless `vocabulary`, get the
///   mean of the changes.
/// - Precision: see ``InterferenceProblem``; rounded once to the output type.
public struct InterferenceMinimum: MergeMethod {
  public static let card = MethodCard(
    id: "wudi", title: "the change that disturbs each source least on its own inputs",
    formula: """
      τₖ  = wₖ·δₖ, for the n sources with wₖ ≠ 0;  Δ₀ = Σ τₖ
      L   = Σ ‖(Δ − τₖ)·τₖᵀ‖² / ‖τₖ‖²             over the sources with τₖ ≠ 0
      published:   Δ from Δ₀ by `steps` steps of Adam (β 0.9 and 0.999, ε 1e-8) on L
      closed_form: Δ = argmin L + μ·‖Δ − Δ₀‖²     μ: damping · mean eigenvalue of H
                     = Δ₀ + Σ (τₖ − Δ₀)·Hₖ · (H + μ)⁻¹        Hₖ = τₖᵀτₖ/‖τₖ‖², H = Σ Hₖ
      out = b + λ·Δ
            b + λ·Σ τₖ/n                          tensors that are no matrices; embeddings and heads
      """,
    source: "Cheng et al. 2025, arXiv:2503.08099; the closed form is ours",
    departs:
      "weights and λ, the paper has none; a source without change in a matrix takes no part in L, "
      + "where the published code divides by 0; embeddings and heads are averaged unless "
      + "`vocabulary` says otherwise; the damping's default is a guess, and the published steps end "
      + "much nearer to Δ₀ than the minimum",
    cost:
      "two readings of each source, 2n + 1 of the base; for a matrix of m rows and c columns "
      + "published 2·m·c² operations a step: 20 processor seconds at 1024 × 1024, eight times that "
      + "for twice the sides; closed_form (3n + 2)·m·c² + c³/3: one second for three sources; less "
      + "where n·m is below c; memory up to 12 times the tensor in F32, and 20·c² bytes more where "
      + "columns are many",
    base: .required, perSource: [.init("weight", default: 1.0)],
    wholeNumbers: ["steps"],
    notes: [
      .weight, .lambda,
      .init("solver", range: "published, closed_form", "how the minimum is sought"),
      .init("steps", range: "whole, 0 to 1,000,000", "with `published`: Adam's steps"),
      .init(
        "learning_rate", range: "above 0", "with `published`: the most an element moves a step"),
      .init(
        "damping", range: "1e-8 to 1e8",
        "with `closed_form`: how much Δ is held to Δ₀; large is task arithmetic"),
      .vocabulary,
    ],
    laws: [.fixedPoint, .anyOrder, .zeroWeight, .zeroLambda],
    wholeTensors: (perSource: 1, besides: 12))

  public struct Parameters: MergeParameters {
    /// wₖ, one per source in recipe order; finite, any sign; 0 leaves the source out.
    public var weights: [Float] = []
    /// λ, the factor of the merged change.
    public var lambda: Float = 1
    /// `published` or `closed_form`.
    public var solver = "published"
    /// Adam's steps.
    public var steps = 300
    /// Adam's learning rate; above 0.
    public var learningRate = 1e-5
    /// μ as a share of the mean eigenvalue of H.
    public var damping = 0.01
    /// Whether embeddings and heads are merged as matrices as well.
    public var vocabulary = false
    public init() {}

    enum CodingKeys: String, CodingKey {
      case weights = "weight"
      case learningRate = "learning_rate"
      case lambda, solver, steps, damping, vocabulary
    }
  }

  private enum Solver: Sendable {
    case adam(steps: Int, rate: Double)
    case closed(damping: Double)
  }

  private let family: MatrixMerge
  private let solver: Solver

  public init(_ parameters: Parameters) throws(MergeError) {
    family = try MatrixMerge(
      weights: parameters.weights, lambda: parameters.lambda, vocabulary: parameters.vocabulary)
    try check("steps", Double(parameters.steps), "a whole number from 0 to 1,000,000") {
      $0 >= 0 && $0 <= 1_000_000
    }
    try check("learning_rate", parameters.learningRate, "a number above 0") { $0 > 0 }
    try check("damping", parameters.damping, "a number from 1e-8 to 1e8") {
      $0 >= 1e-8 && $0 <= 1e8
    }
    switch parameters.solver {
    case "published": solver = .adam(steps: parameters.steps, rate: parameters.learningRate)
    case "closed_form": solver = .closed(damping: parameters.damping)
    default:
      throw .parameter(
        "solver", value: parameters.solver, expected: "`published` or `closed_form`")
    }
  }

  public func merge(
    _ group: borrowing TensorGroup, into output: inout TensorSink
  ) throws(CheckpointError) {
    let solver = solver
    try family.merge(group, into: &output, method: Self.card.id) { changes in
      let start = try changes.sum()
      switch solver {
      case .adam(let steps, let rate):
        return try InterferenceProblem(changes, from: start, forProducts: true)
          .descend(steps: steps, rate: rate)
      case .closed(let damping):
        return try InterferenceProblem(changes, from: start, forProducts: false)
          .solve(damping: damping)
      }
    }
  }
}
