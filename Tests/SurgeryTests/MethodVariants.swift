// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

/// A merge method with parameters that make it do something, apart from recipes and planning.
struct MethodVariant: Sendable, CustomTestStringConvertible {
  let id: String
  var shared: [String: JSON] = [:]
  /// Values of each source instead of the ordinary ones.
  var own: [String: [JSON]] = [:]
  /// For methods with an optional base.
  var hasBase = true
  /// Laws of the card that these parameters break.
  var except: Set<MethodCard.Law> = []

  var testDescription: String {
    let settings = (shared.sorted { $0.key < $1.key }).map { "\($0.key)=\($0.value.serialized())" }
    return ([id] + settings + (hasBase ? [] : ["no base"])).joined(separator: " ")
  }

  static let all: [MethodVariant] = [
    .init(id: "linear"),
    .init(id: "linear", shared: ["normalize": false], except: [.nearFixedPoint]),
    .init(id: "slerp", shared: ["t": 0.3]),
    .init(id: "nuslerp"),
    .init(id: "nuslerp", hasBase: false),
    .init(id: "nuslerp", shared: ["nuslerp_flatten": false]),
    .init(id: "nuslerp", shared: ["nuslerp_flatten": false], hasBase: false),
    .init(id: "nuslerp", shared: ["nuslerp_flatten": false, "nuslerp_row_wise": true]),
    .init(
      id: "nuslerp", shared: ["nuslerp_flatten": false, "nuslerp_row_wise": true], hasBase: false),
    .init(id: "multislerp"),
    .init(id: "multislerp", hasBase: false),
    .init(
      id: "multislerp", shared: ["normalize_weights": false], hasBase: false,
      except: [.fixedPoint]),
    .init(id: "karcher"),
    .init(id: "karcher", shared: ["max_iter": 2, "tol": 1e-7]),
    .init(id: "task_arithmetic"),
    .init(id: "task_arithmetic", shared: ["normalize": true, "lambda": 0.8]),
    .init(id: "ties"),
    .init(id: "ties", shared: ["rescale": true, "normalize": false, "lambda": 1.5]),
    .init(id: "ties", shared: ["weighted_election": false], except: [.zeroWeight]),
    .init(id: "dare_linear"),
    .init(id: "dare_linear", shared: ["rescale_by_density": true, "normalize": true]),
    .init(id: "dare_ties"),
    .init(id: "dare_ties", shared: ["rescale": false, "seed": 7]),
    .init(id: "della"),
    .init(id: "della", shared: ["rescale": false, "normalize": false]),
    .init(id: "della_linear"),
    .init(id: "della_linear", shared: ["rescale_by_density": true, "seed": 7]),
    .init(id: "breadcrumbs"),
    .init(id: "breadcrumbs", shared: ["rescale": true, "normalize": true]),
    .init(id: "breadcrumbs_ties"),
    .init(id: "breadcrumbs_ties", shared: ["normalize": true]),
    .init(id: "consensus_ta"),
    .init(id: "consensus_ta", shared: ["normalize": true]),
    .init(id: "consensus_ties"),
    .init(id: "consensus_ties", shared: ["rescale": true]),
    .init(id: "ties_sv"),
    .init(id: "ties_sv", own: ["slack": [0, 0, 0], "protect": [.null, 0.9, .null]]),
    .init(id: "ties_sv", own: ["slack": [0, 0, 0], "protect": [.null, 1, .null]]),
    .init(id: "ties_sv", own: ["survival_slack": [0, 0.5, 0.2]]),
    .init(
      id: "ties_sv", shared: ["normalize": false], own: ["survival_slack": [0.3, 1, 0]]),
    .init(id: "sce"),
    .init(id: "sce", shared: ["select_topk": 0.5]),
    .init(id: "ram"),
    .init(id: "ramplus_tl"),
    .init(id: "ramplus_tl", shared: ["r": 0.5, "alpha": 2, "epsilon": 0.05]),
    .init(id: "model_stock"),
    .init(id: "model_stock", shared: ["filter_wise": true]),
    .init(id: "nearswap", shared: ["t": 0.05]),
    .init(id: "arcee_fusion"),
    .init(id: "tsv_m"),
    .init(id: "tsv_m", shared: ["lambda": 0.5, "vocabulary": true]),
    .init(id: "iso_c"),
    .init(id: "iso_cts"),
    .init(id: "iso_cts", shared: ["common_space_fraction": 0.3, "lambda": 0.7]),
    .init(id: "wudi", shared: ["steps": 20]),
    .init(id: "wudi", shared: ["solver": "closed_form", "damping": 0.1]),
    .init(id: "fisher"),
    .init(id: "fisher", shared: ["normalize_fisher": true, "epsilon": 0]),
    .init(id: "regmean"),
    .init(id: "regmean", shared: ["alpha": 1]),
    .init(id: "passthrough"),
    .init(id: "passthrough", own: ["scale": [1.5]], except: [.fixedPoint]),
    .init(id: "layer_swap"),
    .init(id: "layer_swap", shared: ["bottom": 0, "top": 0, "transition": 2]),
    .init(id: "transfer"),
    .init(id: "transfer", shared: ["lambda": -0.5]),
  ]

  /// Those whose card claims a law that these parameters keep.
  static func claiming(_ law: MethodCard.Law) -> [MethodVariant] {
    all.filter { variant in
      MergeMethods.all.contains { $0.card.id == variant.id && $0.card.laws.contains(law) }
        && !variant.except.contains(law)
    }
  }

  var method: any MergeMethod.Type {
    get throws { try MergeMethods.named(id) }
  }

  var statistics: ModelStatistics.Kind? { (try? method)?.card.statistics }

  /// Three sources, or as many as the method takes.
  var sourceCount: Int { (try? min(3, method.card.sourceCount.upperBound)) ?? 3 }
  var usesBase: Bool {
    switch try? method.card.base {
    case .required: true
    case .optional: hasBase
    case .isSource, nil: false
    }
  }

  private static let ordinary: [String: [JSON]] = [
    "weight": [0.6, 0.7, 0.4], "density": [0.5, 0.8, 1], "gamma": [0.1, 0.05, 0.01],
    "epsilon": [0.15, 0.1, 0.15], "slack": [0, 1.5, 0], "lambda": [0.5, 1, 1.5], "k": [2, 1, 1],
  ]

  /// The values of each source's parameters.
  func ownValues() throws -> [String: [JSON]] {
    var values: [String: [JSON]] = [:]
    for parameter in try method.card.perSource {
      let row = own[parameter.name] ?? Self.ordinary[parameter.name]
      let standard = [JSON](repeating: parameter.defaultValue ?? .null, count: sourceCount)
      values[parameter.name] = Array((row ?? standard).prefix(sourceCount))
    }
    return values
  }

  /// The method with these parameters, and others instead of them where given.
  func make(
    own changed: [String: [JSON]] = [:], shared more: [String: JSON] = [:]
  ) throws -> any MergeMethod {
    func make<M: MergeMethod>(_: M.Type) throws -> any MergeMethod {
      var object = try #require(
        JSON.parse(JSONEncoder().encode(M.Parameters()), origin: "defaults").object)
      for (name, values) in try ownValues() { object[name] = .array(values) }
      for (name, values) in changed { object[name] = .array(values) }
      for (name, value) in shared.merging(more, uniquingKeysWith: { $1 }) { object[name] = value }
      let text = JSON.object(object).serialized()
      return try M(JSONDecoder().decode(M.Parameters.self, from: Data(text.utf8)))
    }
    return try make(method)
  }
}

/// Tensors of one shape: a base and children around it.
struct MethodInputs {
  let shape: Shape
  let type: ElementType
  var base: [Float]
  var sources: [[Float]]

  /// Uniform base in ±1, children within ±`spread` of it, most of them much nearer.
  init(
    _ shape: Shape, type: ElementType = .float32, sources count: Int = 3, spread: Float = 0.25,
    seed: UInt64 = 1
  ) {
    func uniform(_ stream: String) -> [Float] {
      let random = CounterRandom(seed: seed, stream: stream)
      return (0..<shape.elementCount).map { 2 * random.uniform(at: $0) - 1 }
    }
    let base = uniform("base")
    self.init(
      shape, type: type, base: base,
      sources: (0..<count).map { k in
        zip(base, uniform("source \(k)")).map { $0 + spread * $1 * $1 * $1 }
      })
  }

  init(_ shape: Shape, type: ElementType = .float32, base: [Float], sources: [[Float]]) {
    self.shape = shape
    self.type = type
    self.base = base
    self.sources = sources
  }

  private func reader(_ values: [Float]) throws -> any TensorReader {
    try reader(values, type: type)
  }

  private func reader(
    _ values: [Float], shape: Shape? = nil, type: ElementType
  ) throws -> any TensorReader {
    try Checkpoint.inMemory(
      config: [:], tensors: [("w", shape ?? self.shape, values)], elementType: type
    ).source("w").prepare()
  }

  /// The inputs as the type holds them.
  func stored(_ values: [Float]) throws -> [Float] {
    var output = [Float](repeating: .nan, count: values.count)
    try output.withMutableChunk { try reader(values).read(from: 0, into: $0) }
    return output
  }

  func group(
    hasBase: Bool, statistics kind: ModelStatistics.Kind? = nil,
    chunkLength: Int = defaultChunkLength, threads: Int? = nil
  ) throws -> TensorGroup {
    // A layer in which `layer_swap` mixes.
    TensorGroup(
      name: "w", shape: shape, place: .layer(index: 1, of: 4),
      base: hasBase ? try reader(base) : nil,
      sources: try sources.map(reader), statistics: try kind.flatMap(statistics),
      chunkLength: chunkLength, threads: threads)
  }

  /// Statistics that follow from the sources' own numbers, so that they go where a source goes, and
  /// from their significands only, so that they do not grow with them. Gram matrices of small layers
  /// alone, as of what is no linear layer.
  private func statistics(_ kind: ModelStatistics.Kind) throws -> GroupStatistics? {
    func uniform(_ value: Float) -> Float { value == 0 ? 0 : value.significand - 1 }
    let norms = sources.map { source in 1 + Double(uniform(source.first ?? 0)) }
    switch kind {
    case .fisher:
      let readers = try sources.map { source in
        try reader(source.map { uniform($0) * uniform($0) }, type: .float32)
      }
      return GroupStatistics(kind: .fisher, readers: readers, norms: norms)
    case .gram:
      guard shape.rank == 2, shape.elementCount > 0, shape[1] <= 64 else { return nil }
      let size = shape[1]
      let readers = try sources.map { source in
        let inputs = Matrix(
          rows: 2 * size, columns: size,
          values: (0..<(2 * size * size)).map {
            uniform(source[$0 % source.count]) - 0.5
              + CounterRandom(seed: 3, stream: "inputs").uniform(at: $0)
          })
        let gram = Matrix.product(inputs, inputs, transposingFirst: true)
        return try reader(gram.values, shape: [size, size], type: .float32)
      }
      return GroupStatistics(kind: .gram, readers: readers, norms: norms)
    }
  }

  /// The merged tensor, read in runs of `pieceLength` elements.
  func merge(
    _ method: some MergeMethod, hasBase: Bool, chunkLength: Int = defaultChunkLength,
    threads: Int? = nil, pieceLength: Int? = nil
  ) throws -> [Float] {
    let group = try group(
      hasBase: hasBase, statistics: Swift.type(of: method).card.statistics,
      chunkLength: chunkLength,
      threads: threads)
    var sink = TensorSink()
    try method.merge(group, into: &sink)
    let reader = try #require(sink.reader(of: group, as: type))
    var output = [Float](repeating: .nan, count: shape.elementCount)
    let step = pieceLength ?? chunkLength
    try output.withMutableChunk { target in
      for start in stride(from: 0, to: target.count, by: step) {
        try reader.read(from: start, into: target[start..<min(target.count, start + step)])
      }
    }
    return output
  }

  func merge(
    _ variant: MethodVariant, own: [String: [JSON]] = [:], shared: [String: JSON] = [:],
    chunkLength: Int = defaultChunkLength, threads: Int? = nil, pieceLength: Int? = nil
  ) throws -> [Float] {
    try merge(
      variant.make(own: own, shared: shared), hasBase: variant.usesBase, chunkLength: chunkLength,
      threads: threads, pieceLength: pieceLength)
  }
}
