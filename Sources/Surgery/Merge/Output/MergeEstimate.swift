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

  /// Estimates the time, too, by computing some of the result: the first tensor of each shape and
  /// action, from small to large, until `limit` is used up; the rest is taken in proportion. Reads
  /// weights.
  ///
  /// - Throws: `CheckpointError` where an input cannot be read or merged.
  public static func measured(
    _ plan: MergePlan, limit: Duration = .seconds(2), threads: Int? = nil
  ) throws(CheckpointError) -> MergeEstimate {
    var groups: [Key: (first: MergePlan.Tensor, work: Double)] = [:]
    var total = 0.0
    let decomposes = (try? MergeMethods.named(plan.method))?.card.wholeTensors != nil
    for tensor in plan.tensors {
      guard let info = plan.checkpoint.info(tensor.name) else { continue }
      let work = work(tensor, info, decomposes: decomposes)
      total += work
      let key = Key(shape: info.shape, action: tensor.action)
      groups[key] = groups[key] ?? (tensor, work)
    }
    let samples = groups.values.sorted { ($0.work, $0.first.name) < ($1.work, $1.first.name) }
    let start = ContinuousClock.now
    var done = 0.0
    for (tensor, work) in samples {
      let reached = ContinuousClock.now - start
      // The next is larger; it may take as much longer as it has more work.
      if done > 0, reached * ((done + work) / done) > limit { break }
      try plan.checkpoint.compute(tensor.name, threads: threads)
      done += work
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return MergeEstimate(plan, threads: threads, seconds: done > 0 ? seconds / done * total : nil)
  }

  private struct Key: Hashable {
    let shape: Shape
    let action: MergePlan.Tensor.Action
  }

  /// How much there is to do for a tensor, in units that only compare: elements, or for methods
  /// that decompose matrices the products of a decomposition.
  private static func work(
    _ tensor: MergePlan.Tensor, _ info: TensorInfo, decomposes: Bool
  ) -> Double {
    let count = Double(info.shape.elementCount)
    guard tensor.workingByteCount > 0, decomposes, info.shape.rank == 2 else {
      return count
    }
    return count * Double(max(1, min(info.shape[0], info.shape[1])))
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
