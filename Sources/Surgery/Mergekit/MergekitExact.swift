// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Merges with mergekit's numbers: every operation on whole tensors in its order, each rounded to
/// the work type, random masks from its generator.
///
/// Goals in order: (1) the bits of mergekit on a CPU wherever they are determined by its formulas
/// (linear, task arithmetic, TIES without equal magnitudes, seeded DARE and DELLA, `ram`,
/// `nearswap`); (2) within a few units in the last place where PyTorch leaves them open: sines and
/// logarithms, sums of 32,768 and more elements, the dot products of `karcher`; (3) one documented
/// choice where a sort is unstable: of equal magnitudes the lowest index comes first. A merge that
/// is computed in `Float` and rounded once is better and faster; this is for comparison.
///
/// - Inputs: values of the work type, shapes alike (the caller promotes and rounds).
/// - Cost: some 10 to 30 passes; memory for all inputs and about as much again.
public enum MergekitExact {
  /// The methods there are.
  public static let methods: Set<String> = [
    "linear", "passthrough", "slerp", "nuslerp", "multislerp", "karcher", "model_stock", "nearswap",
    "sce", "ram", "ramplus_tl", "arcee_fusion", "task_arithmetic", "ties", "dare_linear",
    "dare_ties", "breadcrumbs", "breadcrumbs_ties", "della", "della_linear", "consensus_ta",
    "consensus_ties",
  ]

  /// Methods to which a base is a source like any other: it stands among the sources, in its place.
  public static let methodsWithoutBase: Set<String> = ["linear", "karcher", "passthrough"]

  /// Merges one tensor in a work type that `Float` holds.
  ///
  /// `random` moves on by drawCount(method:parameters:elementCount:) draws. The result's type is
  /// the work type, but `float32` for `arcee_fusion` and `ramplus_tl` (mergekit's own). An empty
  /// tensor stays empty, whatever mergekit makes of it.
  public static func merge(
    method: String, base: [Float]?, sources: [[Float]], shape: Shape, work: WorkType,
    parameters: MergekitParameters, random: inout MersenneTwister
  ) throws(MergeError) -> (values: [Float], type: ElementType) {
    switch work {
    case .float32:
      try merge(Float32Work.self, method, base, sources, shape, parameters, &random)
    case .bfloat16:
      try merge(BFloat16Work.self, method, base, sources, shape, parameters, &random)
    case .float16:
      try merge(Float16Work.self, method, base, sources, shape, parameters, &random)
    case .float64: preconditionFailure("merges in float64 take arrays of Double")
    }
  }

  /// Merges one tensor in `float64`; otherwise as the other `merge`.
  public static func merge(
    method: String, base: [Double]?, sources: [[Double]], shape: Shape,
    parameters: MergekitParameters, random: inout MersenneTwister
  ) throws(MergeError) -> (values: [Double], type: ElementType) {
    try merge(Float64Work.self, method, base, sources, shape, parameters, &random)
  }

  /// How many 32-bit numbers mergekit draws for a tensor of `elementCount` elements.
  ///
  /// One for each element and source whose `density` is below 1 in DARE and DELLA; for the sample
  /// of `arcee_fusion` in tensors above a million elements one each, or two; else none. The work
  /// type does not matter: `float64`, too, draws its masks in `float32`.
  public static func drawCount(
    method: String, parameters: MergekitParameters, elementCount: Int
  ) -> Int {
    switch method {
    case "dare_linear", "dare_ties":
      return elementCount * parameters.densities.count { $0 < 1 }
    case "della", "della_linear":
      return elementCount * parameters.densities.count { $0 < 1 && $0 > 0 }
    case "arcee_fusion":
      let sample = FusionSample(elementCount: elementCount, generation: parameters.generation)
      return sample.drawCount
    default: return 0
    }
  }

  static func merge<W: WorkArithmetic>(
    _ work: W.Type, _ method: String, _ base: [W.Number]?, _ sources: [[W.Number]],
    _ shape: Shape, _ parameters: MergekitParameters, _ random: inout MersenneTwister
  ) throws(MergeError) -> (values: [W.Number], type: ElementType) {
    try check(method: method, shape: shape, parameters: parameters)
    precondition(
      ((base.map { [$0] } ?? []) + sources).allSatisfy { $0.count == shape.elementCount },
      "every input has the elements of \(shape)")
    precondition(
      base == nil || !methodsWithoutBase.contains(method), "\(method) takes its base as a source")
    if shape.elementCount == 0 { return ([], W.type.elementType) }
    let merge = TensorMerge<W>(
      method: method, base: base, sources: sources, shape: shape, parameters: parameters)
    return try merge.run(&random)
  }
}
