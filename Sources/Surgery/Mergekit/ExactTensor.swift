// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Synchronization
import Tensors

/// One tensor of a plan that is merged with mergekit's numbers: whole, when it is first asked for.
struct ExactTensor: Sendable {
  let name: String
  let method: String
  let base: TensorSource?
  let sources: [TensorSource]
  let work: WorkType
  let parameters: MergekitParameters
  let draws: MergekitDraws

  var shape: Shape { (base ?? sources[0]).info.shape }

  /// How many random numbers mergekit draws for it.
  var drawCount: Int {
    MergekitExact.drawCount(
      method: method, parameters: parameters, elementCount: shape.elementCount)
  }

  /// The type the method gives.
  var resultType: ElementType {
    MergekitExact.resultType(
      method: method, work: work, sourceCount: sources.count, shape: shape,
      generation: parameters.generation)
  }

  /// Bytes in memory while the tensor is merged: numbers of the inputs, and those the method keeps
  /// beside them.
  var workingByteCount: Int {
    let copies = MergekitExact.workingCopies(
      method: method, sourceCount: sources.count, hasBase: base != nil)
    return shape.elementCount * copies * (work == .float64 ? 8 : 4)
  }

  /// The result, cast to `type`; nothing is read before it is asked for.
  func source(as type: ElementType) -> TensorSource {
    let all = (base.map { [$0] } ?? []) + sources
    let info = TensorInfo(elementType: type, shape: shape)
    return TensorSource(
      info: info, origin: "merge of \(all.map(\.origin).joined(separator: ", "))"
    ) { () throws(CheckpointError) in
      let bytes =
        switch work {
        case .float32: try merged(Float32Work.self, as: type)
        case .bfloat16: try merged(BFloat16Work.self, as: type)
        case .float16: try merged(Float16Work.self, as: type)
        case .float64: try merged(Float64Work.self, as: type)
        }
      return StoredReader(info: info, bytes: bytes)
    }
  }

  private func merged<W: WorkArithmetic>(
    _: W.Type, as type: ElementType
  ) throws(CheckpointError) -> [UInt8] {
    let base = try base.map { (source) throws(CheckpointError) in
      try Self.read(W.self, source, name)
    }
    var inputs: [[W.Number]] = []
    for source in sources { inputs.append(try Self.read(W.self, source, name)) }
    var random = drawCount > 0 ? draws.generator(for: name) : MersenneTwister(seed: 0)
    do throws(MergeError) {
      let result = try MergekitExact.merge(
        W.self, method, base, inputs, shape, parameters, &random)
      return W.encode(result.values, as: type)
    } catch {
      throw .operation(error.diagnosis)
    }
  }

  /// All elements of a source; NaN and infinity are an error, as in every merge.
  static func read<W: WorkArithmetic>(
    _: W.Type, _ source: TensorSource, _ name: String
  ) throws(CheckpointError) -> [W.Number] {
    let reader = try source.prepare()
    let values = try W.read(reader, 0..<source.info.shape.elementCount)
    guard let index = values.firstIndex(where: { !$0.isFinite }) else { return values }
    // A number too large for the work type is infinite in mergekit, too.
    let stored = try Float64Work.read(reader, index..<(index + 1))[0]
    if stored.isFinite { return values }
    throw .notFinite(
      tensor: name, index: index, value: "\(stored)", origin: source.origin)
  }
}

/// The random stream of one merge, walked when a tensor first needs its numbers.
final class MergekitDraws: Sendable {
  private enum State {
    case planned([(tensor: String, count: Int)])
    case walked(MergekitStream)
  }

  private let seed: UInt64
  private let state = Mutex(State.planned([]))

  init(seed: UInt64) { self.seed = seed }

  /// Says what is drawn, in mergekit's order; before the first generator is asked for.
  func plan(_ draws: [(tensor: String, count: Int)]) {
    state.withLock { $0 = .planned(draws) }
  }

  /// The generator as mergekit has it when it comes to `tensor`, which is in the plan.
  func generator(for tensor: String) -> MersenneTwister {
    let found = state.withLock { state in
      let stream =
        switch state {
        case .walked(let stream): stream
        case .planned(let draws): MergekitStream(seed: seed, draws: draws)
        }
      state = .walked(stream)
      return stream.generator(for: tensor)
    }
    guard let found else { preconditionFailure("\(tensor) is not in the plan of random numbers") }
    return found
  }
}

extension MergekitExact {
  /// The type of a result: the work type, but the wide one for what mergekit forgets to cast back.
  static func resultType(
    method: String, work: WorkType, sourceCount: Int, shape: Shape, generation: MergekitGeneration
  ) -> ElementType {
    let isWide =
      switch method {
      case "arcee_fusion": true
      case "ramplus_tl": sourceCount > 0
      case "karcher": generation == .v015 && shape.rank == 0 && sourceCount > 1
      default: false
      }
    return isWide && work != .float64 ? .float32 : work.elementType
  }

  /// How many arrays of a tensor's size are in memory at once, the inputs among them; counted in
  /// the code and rounded up. Measured peaks were 53 to 93 % of it.
  static func workingCopies(method: String, sourceCount: Int, hasBase: Bool) -> Int {
    let inputs = sourceCount + (hasBase ? 1 : 0)
    switch method {
    case "linear", "passthrough", "slerp", "nearswap": return inputs + 3
    case "nuslerp": return inputs + 6
    case "karcher": return inputs + sourceCount + 6
    default: return inputs + 4 * sourceCount + 4
    }
  }

  /// What a method says of a tensor before any of it is read.
  static func check(
    method: String, shape: Shape, parameters: MergekitParameters
  ) throws(MergeError) {
    guard shape.elementCount < 1 << 32 else {
      throw .parameter(
        "shape", value: "\(shape)", expected: "below 2³² elements, which `--mergekit-exact` ranks")
    }
    guard method.hasPrefix("della"), shape.elementCount > 0 else { return }
    for density in parameters.densities
    where density < 1 && (density > 0 || parameters.generation == .v00) {
      try checkRanked(shape, density: density, generation: parameters.generation)
    }
  }

  /// Whether DELLA can rank the elements of a tensor's rows.
  static func checkRanked(
    _ shape: Shape, density: Double, generation: MergekitGeneration
  ) throws(MergeError) {
    let length = shape.rank < 2 ? shape.elementCount : shape[1]
    guard length > 1, shape.rank > 0 else {
      throw .parameter(
        "density", value: "\(density)",
        expected: "1 for a tensor of shape \(shape): DELLA ranks the elements of a row, and a row "
          + "of one has no ranks")
    }
    guard generation != .v00 || shape.rank < 3 else {
      throw .parameter(
        "density", value: "\(density)",
        expected: "1 for a tensor of shape \(shape): mergekit 0.0.x knows DELLA for two axes")
    }
  }
}
