// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Tensors

/// What a planned merge will read, write, hold in memory and take.
public struct MergeEstimate: Sendable, Equatable {
  /// The bytes of all stored tensors that are read, each counted once; a statistics pass reads them
  /// again, mostly from the system's cache.
  public let inputByteCount: Int
  /// The bytes of the result's tensors.
  public let outputByteCount: Int
  /// An upper bound of the memory for weights that is held at once, without what the system caches
  /// of the files.
  public let workingByteCount: Int
  /// The time all threads together need to compute the result, without waiting for the disk;
  /// `nil` where nothing was measured.
  public let seconds: Double?

  /// Estimates from the plan alone; `seconds` is `nil`.
  ///
  /// - Parameter threads: how many compute; `nil` for one per processor.
  public init(_ plan: MergePlan, threads: Int? = nil) {
    self.init(plan, threads: threads, seconds: nil)
  }

  private init(_ plan: MergePlan, threads: Int?, seconds: Double?) {
    inputByteCount = plan.models.reduce(0) { $0 + $1.checkpoint.byteCount }
    outputByteCount = plan.checkpoint.byteCount
    workingByteCount = Self.workingByteCount(plan, threads: threads)
    self.seconds = seconds
  }

  /// Estimates the time, too, by computing some of the result: one tensor of each shape and action,
  /// from small to large, until `limit` is used up; those that are left are taken in proportion to
  /// the largest measured. Reads weights.
  ///
  /// Methods that decompose matrices are measured apart, for their work grows with the third power of
  /// the sides. Where even the smallest matrix would take long, `seconds` stays `nil`.
  ///
  /// - Throws: `CheckpointError` where an input cannot be read or merged.
  public static func measured(
    _ plan: MergePlan, limit: Duration = .seconds(2), threads: Int? = nil
  ) throws(CheckpointError) -> MergeEstimate {
    var groups: [Group.Key: Group] = [:]
    let decomposes = (try? MergeMethods.named(plan.method))?.card.wholeTensors != nil
    for tensor in plan.tensors {
      guard let info = plan.checkpoint.info(tensor.name) else { continue }
      let group = Group(tensor, info, decomposes: decomposes)
      groups[group.key, default: group].count += 1
    }
    let start = ContinuousClock.now
    var total: Double? = 0
    for isDecomposed in [false, true] {
      let members = groups.values.filter { $0.key.isDecomposed == isDecomposed }
        .sorted { ($0.work, $0.tensor) < ($1.work, $1.tensor) }
      var last: (seconds: Double, work: Double)?
      for group in members {
        let predicted = last.map { $0.seconds / $0.work * group.work }
        let left = limit - (ContinuousClock.now - start)
        if group.work <= Group.firstLimit, predicted.map({ .seconds($0) < left }) ?? true {
          let begin = ContinuousClock.now
          try plan.checkpoint.compute(group.tensor, threads: threads)
          last = ((ContinuousClock.now - begin) / .seconds(1), max(1, group.work))
          total? += Double(group.count) * (last?.seconds ?? 0)
        } else if let predicted {
          total? += Double(group.count) * predicted
        } else {
          total = nil
        }
      }
    }
    return MergeEstimate(plan, threads: threads, seconds: plan.tensors.isEmpty ? nil : total)
  }

  /// Tensors that take the same time.
  private struct Group {
    struct Key: Hashable {
      let shape: Shape
      let action: MergePlan.Tensor.Action
      let isDecomposed: Bool
    }

    /// More work than this is not done for an estimate: some seconds of elements, or of products.
    static let firstLimit = 2e9

    let key: Key
    /// The first of them.
    let tensor: String
    /// What compares within a kind: elements, or the products of a decomposition.
    let work: Double
    var count = 0

    init(_ tensor: MergePlan.Tensor, _ info: TensorInfo, decomposes: Bool) {
      // Embeddings and heads are decomposed on demand alone.
      let isInLayer = if case .layer = tensor.place { true } else { false }
      let isAsked = isInLayer || tensor.parameters["vocabulary"]?.bool ?? true
      let isDecomposed =
        decomposes && isAsked && tensor.workingByteCount > 0 && info.shape.rank == 2
      key = Key(shape: info.shape, action: tensor.action, isDecomposed: isDecomposed)
      self.tensor = tensor.name
      let side = isDecomposed ? max(1, min(info.shape[0], info.shape[1])) : 1
      work = Double(info.shape.elementCount) * Double(side)
    }
  }

  private static func workingByteCount(_ plan: MergePlan, threads: Int?) -> Int {
    let threads = threads ?? Parallel.processorCount
    var largest = 0
    for tensor in plan.tensors {
      guard let info = plan.checkpoint.info(tensor.name) else { continue }
      let inputs = tensor.sources.count + (tensor.base == nil ? 0 : 1)
      // Each thread holds a chunk of every input, the changes made from them, and the result.
      let chunk = min(info.shape.elementCount, defaultChunkLength)
      var bytes = threads * chunk * 4 * (2 * inputs + 2)
      // Tensors of a chunk and less are computed beside each other.
      let beside = info.shape.elementCount <= defaultChunkLength ? threads : 1
      bytes += tensor.workingByteCount * beside
      largest = max(largest, bytes)
    }
    return largest
  }
}
