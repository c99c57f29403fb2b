// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Carries out an extraction, tensor by tensor.
struct ExtractionAssembly {
  /// A decomposed module.
  struct Product {
    let module: String
    let rank: Int
    let isEmbedding: Bool
    /// rank × inputs and outputs × rank.
    let down, up: Matrix
    /// The extents of a convolution's kernel; empty for a matrix.
    let kernel: [Int]
    let storesInputsFirst: Bool
    let elementType: ElementType
  }

  let plan: ExtractionPlan
  let options: AdapterExtraction.Options
  private var products: [Product] = []
  private var saved: [ExtractionPlan.Step] = []
  private var reports: [AdapterExtraction.TensorReport] = []

  init(plan: ExtractionPlan, options: AdapterExtraction.Options) {
    self.plan = plan
    self.options = options
  }

  mutating func carryOut(
    _ step: ExtractionPlan.Step
  ) throws(AdapterError) -> AdapterExtraction.TensorReport {
    let report = try outcome(of: step)
    reports.append(report)
    return report
  }

  private mutating func outcome(
    of step: ExtractionPlan.Step
  ) throws(AdapterError) -> AdapterExtraction.TensorReport {
    func report(
      _ outcome: AdapterExtraction.TensorReport.Outcome, rank: Int = 0, energy: Double = 0,
      kept: Double = 1, isConverged: Bool = true
    ) -> AdapterExtraction.TensorReport {
      .init(
        tensor: step.name, outcome: outcome, rank: rank, energy: energy, keptEnergy: kept,
        isConverged: isConverged)
    }
    switch step.kind {
    case .excluded: return report(.excluded, kept: 0)
    case .buffer:
      guard try areEqual(step) else {
        throw .notExtractable(
          tensor: step.name, reason: "it differs between the models and is no float",
          origin: step.tuned.origin, advice: "Give the models the same buffer, or remove it.")
      }
      return report(.unchanged)
    case .whole:
      let isResized = step.tuned.info.shape != step.base.info.shape
      let energy = isResized ? 0 : try difference(step).squaredNorm(threads: options.threads)
      if energy == 0, !isResized { return report(.unchanged) }
      saved.append(step)
      return report(.saved, energy: energy)
    case .matrix, .embedding:
      var change = try difference(step)
      // The adapter's own orientation is outputs × inputs.
      let isTransposed = step.kind == .embedding || step.storesInputsFirst
      if isTransposed { change = change.transposed() }
      let svd: SingularValueDecomposition
      do throws(LinearAlgebraError) {
        svd = try .of(
          change, rank: options.rank, options: options.truncation, threads: options.threads)
      } catch {
        throw .decomposition(tensor: step.name, problem: "\(error)", origin: step.tuned.origin)
      }
      if svd.energy == 0 { return report(.unchanged) }
      // Floats hold nothing of values that are smaller by seven digits.
      let noise = (svd.values.first ?? 0) * 1e-7
      let rank = svd.values.count { $0 > max(options.epsilon, noise) }
      guard rank > 0 else { return report(.decomposed, energy: svd.energy, kept: 0) }
      let kept = svd.prefix(rank)
      products.append(product(step, kept))
      return report(
        .decomposed, rank: rank, energy: svd.energy, kept: 1 - kept.tailEnergy / svd.energy,
        isConverged: svd.isConverged)
    }
  }

  /// B and A of a decomposition.
  private func product(
    _ step: ExtractionPlan.Step, _ svd: SingularValueDecomposition
  ) -> Product {
    var (up, down) = (svd.u, svd.vt)
    let rank = svd.rank
    for (i, value) in svd.values.enumerated() {
      let part = Float(options.distributesScale ? value.squareRoot() : value)
      for j in 0..<down.columns { down.values[i * down.columns + j] *= part }
      if options.distributesScale {
        for j in 0..<up.rows { up.values[j * rank + i] *= part }
      }
    }
    let shape = step.base.info.shape
    return Product(
      module: step.module, rank: rank, isEmbedding: step.kind == .embedding, down: down, up: up,
      kernel: Array(shape.extents.dropFirst(2)), storesInputsFirst: step.storesInputsFirst,
      elementType: options.elementType ?? step.base.info.elementType)
  }

  /// tuned − base in floats, as rows × everything else.
  private func difference(_ step: ExtractionPlan.Step) throws(AdapterError) -> Matrix {
    let shape = step.tuned.info.shape
    let count = shape.elementCount
    let rows = shape.rank == 0 ? 1 : shape[0]
    let (tunedSource, baseSource) = (step.tuned, step.base)
    let (threads, name) = (options.threads, step.name)
    do throws(CheckpointError) {
      let (tuned, base) = (try tunedSource.prepare(), try baseSource.prepare())
      var values = [Float](repeating: 0, count: count)
      try values.withMutableChunk { (output) throws(CheckpointError) in
        let ranges = chunkRanges(count: count)
        try Parallel.forEach(count: ranges.count, threads: threads) {
          (index) throws(CheckpointError) in
          let range = ranges[index]
          let first = try TensorSource.floats(tuned, range, name: name, origin: tunedSource.origin)
          let second = try TensorSource.floats(base, range, name: name, origin: baseSource.origin)
          for i in first.indices { output[range.lowerBound + i] = first[i] - second[i] }
        }
      }
      return Matrix(rows: rows, columns: rows == 0 ? 0 : count / rows, values: values)
    } catch {
      throw .checkpoint(error)
    }
  }

  private func areEqual(_ step: ExtractionPlan.Step) throws(AdapterError) -> Bool {
    guard step.tuned.info == step.base.info else { return false }
    let type = step.tuned.info.elementType
    do throws(CheckpointError) {
      let (tuned, base) = (try step.tuned.prepare(), try step.base.prepare())
      for range in chunkRanges(count: step.tuned.info.shape.elementCount) {
        if try tuned.bytes(range, as: type) != base.bytes(range, as: type) { return false }
      }
      return true
    } catch {
      throw .checkpoint(error)
    }
  }

  /// The adapter's folder in memory.
  func finish() throws(AdapterError) -> ExtractedAdapter {
    guard !products.isEmpty || !saved.isEmpty else {
      throw .noDifference(tuned: plan.tuned.origin, base: plan.base.origin)
    }
    let products = try products.isEmpty && options.format == .peft ? [nothing()] : products
    // PEFT copies a module whole, so that all its tensors must be there, also those that are as in
    // the base. Biases alone need no copy.
    let copied = Set(saved.filter { !$0.isBias }.map(\.module))
      .subtracting(products.map(\.module))
    let names = Set(saved.map(\.name))
    let kept = plan.steps.filter { step in
      names.contains(step.name) || (options.format == .peft && copied.contains(step.module))
    }
    do throws(CheckpointError) {
      let layout = ExtractionLayout(
        plan: plan, options: options, products: products, saved: kept)
      return ExtractedAdapter(
        format: options.format, config: layout.config, tensors: try layout.tensors(),
        reports: reports)
    } catch {
      throw .checkpoint(error)
    }
  }

  /// A product of zeros for some matrix: PEFT loads no adapter that has none.
  private func nothing() throws(AdapterError) -> Product {
    guard
      let step = plan.steps.first(where: { $0.kind == .matrix && $0.base.info.shape.rank == 2 })
    else {
      throw .notExtractable(
        tensor: saved.first?.name ?? "", reason: "PEFT's adapters need a matrix beside it",
        origin: plan.tuned.origin, advice: "Choose the layout of mlx-lm, or merge the models.")
    }
    let shape = step.base.info.shape
    let (rows, columns) = step.storesInputsFirst ? (shape[1], shape[0]) : (shape[0], shape[1])
    return Product(
      module: step.module, rank: 1, isEmbedding: false, down: Matrix(rows: 1, columns: columns),
      up: Matrix(rows: rows, columns: 1), kernel: [], storesInputsFirst: step.storesInputsFirst,
      elementType: options.elementType ?? step.base.info.elementType)
  }
}
