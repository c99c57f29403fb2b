// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// How large the weights of a tensor are, or of several: sums over their elements. Numbers that are
/// not finite are counted and left out of the sums.
public struct NormMeasures: TensorMeasures {
  /// A number that is not finite.
  public struct Place: Sendable, Equatable {
    public internal(set) var tensor: String
    /// The index in row-major order.
    public internal(set) var index: Int
  }

  public internal(set) var elementCount = 0
  public internal(set) var zeroCount = 0
  public internal(set) var nanCount = 0
  public internal(set) var infinityCount = 0
  /// The first of each, in order of computation.
  public internal(set) var firstNaN: Place?
  public internal(set) var firstInfinity: Place?
  /// Σ x²
  public internal(set) var squares = 0.0
  /// The largest |x|.
  public internal(set) var largest = 0.0

  public init() {}

  /// ‖x‖
  public var norm: Double { squares.squareRoot() }
  /// √(Σ x² / n) over the finite numbers; 0 for none.
  public var rms: Double {
    let count = elementCount - nanCount - infinityCount
    return count > 0 ? (squares / Double(count)).squareRoot() : 0
  }
  /// The share of elements that are zero; 0 for no elements.
  public var zeroShare: Double { shareOf(zeroCount, elementCount) }
  /// NaN and infinities.
  public var notFiniteCount: Int { nanCount + infinityCount }

  public static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.elementCount += right.elementCount
    sum.zeroCount += right.zeroCount
    sum.nanCount += right.nanCount
    sum.infinityCount += right.infinityCount
    sum.firstNaN = left.firstNaN ?? right.firstNaN
    sum.firstInfinity = left.firstInfinity ?? right.firstInfinity
    sum.squares += right.squares
    sum.largest = max(left.largest, right.largest)
    return sum
  }

  /// One block of `tensor`; `start` is the index of its first element.
  init(_ chunk: FloatChunk, of tensor: String, startingAt start: Int) {
    elementCount = chunk.count
    squares = Summation.squares(chunk)
    if squares.isFinite {
      var (zeros, top) = (0, Float(0))
      for i in chunk.indices {
        zeros += chunk[i] == 0 ? 1 : 0
        top = max(top, chunk[i].magnitude)
      }
      zeroCount = zeros
      largest = Double(top)
      return
    }
    // Squares of finite floats do not overflow a double, so something is not finite.
    squares = Summation.lanes(count: chunk.count) { i in
      chunk[i].isFinite ? Double(chunk[i]) * Double(chunk[i]) : 0
    }
    for i in chunk.indices {
      let value = chunk[i]
      if value.isNaN {
        nanCount += 1
        firstNaN = firstNaN ?? Place(tensor: tensor, index: start + i)
      } else if value.isInfinite {
        infinityCount += 1
        firstInfinity = firstInfinity ?? Place(tensor: tensor, index: start + i)
      } else {
        zeroCount += value == 0 ? 1 : 0
        largest = max(largest, Double(value.magnitude))
      }
    }
  }
}

/// The sizes of a model's weights, by layer and kind, and what is odd about them.
public struct ModelNorms: Sendable {
  public struct Tensor: Sendable, Equatable {
    public let name: String
    public let place: MeasuredPlace
    public let info: TensorInfo
    public let measures: NormMeasures
  }

  /// What a healthy model does not have.
  public enum Anomaly: Sendable, Equatable {
    /// Numbers that are NaN or infinite, and the index of the first.
    case notFinite(tensor: String, nan: Int, infinite: Int, first: Int)
    /// A tensor of zeros alone. Biases are often that, and are not told.
    case allZero(tensor: String)
    /// A tensor whose RMS is ``outlierFactor`` times as large as the median of its kind over the
    /// layers, or as small.
    case outlier(tensor: String, rms: Double, median: Double)
  }

  /// How much larger than the median a layer may be. Layers of trained models differ by factors of two
  /// to four; a diverged or a wrongly scaled one by orders of magnitude.
  public static let outlierFactor = 10.0

  /// In the order of computation.
  public let tensors: [Tensor]
  /// In the order of the tensors.
  public let anomalies: [Anomaly]

  /// All measures, by layer and kind.
  public var table: LayerTable<NormMeasures> {
    LayerTable(tensors.map { ($0.place, $0.measures) })
  }

  /// Reads every float tensor once. Memory: a chunk a thread, and some numbers for every 4096 elements
  /// of one tensor.
  ///
  /// - Parameters:
  ///   - threads: how many may compute; `nil` for one per processor. The result does not depend on it.
  ///   - progress: told of elements done, of how many.
  public static func compute(
    _ model: Checkpoint, threads: Int? = nil,
    progress: ((_ done: Int, _ total: Int) -> Void)? = nil
  ) throws(CheckpointError) -> ModelNorms {
    let places = MeasuredPlaces([model])
    var items: [(place: MeasuredPlace, name: String, source: TensorSource)] = []
    for name in model.names {
      let source = try model.source(name)
      guard source.info.elementType.isFloatingPoint else { continue }
      items.append((places.find(name).place, name, source))
    }
    items.sort { places.comesBefore(($0.place, $0.name), ($1.place, $1.name)) }
    let total = items.reduce(0) { $0 + $1.source.info.shape.elementCount }
    var tensors: [Tensor] = []
    var done = 0
    for (place, name, source) in items {
      let measures = try measure(source, name, threads)
      tensors.append(Tensor(name: name, place: place, info: source.info, measures: measures))
      done += source.info.shape.elementCount
      progress?(done, total)
    }
    return ModelNorms(tensors: tensors, anomalies: anomalies(tensors))
  }

  private static func measure(
    _ source: TensorSource, _ name: String, _ threads: Int?
  ) throws(CheckpointError) -> NormMeasures {
    let reader = try source.prepare()
    let ranges = chunkRanges(count: source.info.shape.elementCount)
    let parts = try Parallel.map(count: ranges.count, threads: threads) {
      (index) throws(CheckpointError) -> [NormMeasures] in
      let range = ranges[index]
      return try withScratch(count: range.count) { (chunk) throws(CheckpointError) in
        try reader.read(from: range.lowerBound, into: chunk)
        return stride(from: 0, to: range.count, by: Summation.blockLength).map { first in
          let block = first..<min(range.count, first + Summation.blockLength)
          return NormMeasures(
            chunk.reading[block], of: name, startingAt: range.lowerBound + first)
        }
      }
    }
    return Summation.combineInTree(parts.flatMap { $0 }, +) ?? NormMeasures()
  }

  private static func anomalies(_ tensors: [Tensor]) -> [Anomaly] {
    // By kind and shape: a stack may have layers of two widths.
    var groups: [String: [Double]] = [:]
    func key(_ tensor: Tensor) -> String? {
      guard tensor.place.layer != nil, !tensor.name.hasSuffix(".bias") else { return nil }
      return "\(tensor.place.module) \(tensor.place.kind) \(tensor.info.shape)"
    }
    for tensor in tensors where tensor.measures.rms > 0 {
      if let key = key(tensor) { groups[key, default: []].append(tensor.measures.rms) }
    }
    let medians = groups.compactMapValues { values -> Double? in
      // Of two or three layers none can be called the odd one.
      values.count < 4 ? nil : values.sorted()[values.count / 2]
    }
    return tensors.flatMap { tensor -> [Anomaly] in
      let measures = tensor.measures
      var found: [Anomaly] = []
      if let first = [measures.firstNaN, measures.firstInfinity].compactMap({ $0?.index }).min() {
        found.append(
          .notFinite(
            tensor: tensor.name, nan: measures.nanCount, infinite: measures.infinityCount,
            first: first))
      }
      if measures.elementCount > 0, measures.zeroCount == measures.elementCount {
        if !tensor.name.hasSuffix(".bias") { found.append(.allZero(tensor: tensor.name)) }
      } else if let median = key(tensor).flatMap({ medians[$0] }), measures.rms > 0,
        max(measures.rms / median, median / measures.rms) >= outlierFactor
      {
        found.append(.outlier(tensor: tensor.name, rms: measures.rms, median: median))
      }
      return found
    }
  }
}
