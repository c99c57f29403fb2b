// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// One tensor's merge in one work type: the inputs, and what the methods ask about them.
struct TensorMerge<W: WorkArithmetic> {
  typealias Number = W.Number
  typealias Wide = W.Wide

  let method: String
  let base: [Number]?
  let sources: [[Number]]
  let shape: Shape
  let parameters: MergekitParameters

  var generation: MergekitGeneration { parameters.generation }
  var count: Int { shape.elementCount }
  /// The length of a row: the last axis; 1 for a scalar.
  var rowLength: Int { shape.extents.last ?? 1 }

  /// Runs the method; the type is the result's.
  func run(
    _ random: inout MersenneTwister
  ) throws(MergeError) -> (values: [Number], type: ElementType) {
    let values: [Number]
    switch method {
    case "linear": values = try linear()
    case "passthrough": values = try passthrough()
    case "slerp": values = try slerp()
    case "nuslerp": values = try nuslerp()
    case "multislerp": values = try multislerp()
    case "karcher":
      let (mean, isWide) = try karcher()
      return (mean, isWide ? widenedType : W.type.elementType)
    case "model_stock": values = try modelStock()
    case "nearswap": values = try nearswap()
    case "sce": values = try sce()
    case "ram": values = try ram()
    case "ramplus_tl": return (try ramPlus(), sources.isEmpty ? W.type.elementType : widenedType)
    case "arcee_fusion": return (try arceeFusion(&random), widenedType)
    default:
      guard let recipe = TaskArithmeticRecipe(method) else {
        let known = MergekitExact.methods.sorted()
        throw .unknownMethod(
          method, origin: "`--mergekit-exact`", nearest: nearestName(to: method, in: known),
          known: known)
      }
      values = try taskArithmetic(recipe, &random)
    }
    return (values, W.type.elementType)
  }

  private var widenedType: ElementType { W.type == .float64 ? .float64 : .float32 }

  // MARK: - What methods require

  func requiredBase() throws(MergeError) -> [Number] {
    guard let base else { throw .missingBase(method: method) }
    return base
  }

  func requireSources(_ expected: ClosedRange<Int>) throws(MergeError) {
    guard expected.contains(sources.count) else {
      throw .sourceCount(
        method: method, expected: expected, found: sources.count, hasBase: base != nil)
    }
  }

  func requiredWeights() throws(MergeError) -> [Double] {
    guard parameters.weights.count == sources.count else {
      throw .missingParameter("weight", method: method, model: nil)
    }
    return parameters.weights
  }

  func requiredT() throws(MergeError) -> Double {
    guard let t = parameters.t else {
      throw .missingParameter("t", method: method, model: nil)
    }
    return t
  }

  /// A list with one value for each source: as given, or the default for all.
  func perSource(
    _ values: [Double], _ name: String, default value: Double
  ) throws(MergeError) -> [Double] {
    if values.isEmpty { return sources.map { _ in value } }
    guard values.count == sources.count else {
      throw .parameter(
        name, value: "\(values.count) values", expected: "one value for each of \(sources.count)")
    }
    return values
  }

  /// The sources' differences from `base`.
  func changes(of base: [Number]) -> [[Number]] { sources.map { W.difference($0, base) } }
}
