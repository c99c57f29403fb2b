// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors

/// An adapter that has been extracted and not yet been written.
public struct ExtractedAdapter: Sendable {
  public let format: Adapter.Format
  /// `adapter_config.json`.
  public let config: JSON
  /// What became of each tensor, in order of name.
  public let reports: [AdapterExtraction.TensorReport]
  private let tensors: Checkpoint

  init(
    format: Adapter.Format, config: JSON, tensors: [String: TensorSource],
    reports: [AdapterExtraction.TensorReport]
  ) {
    self.format = format
    self.config = config
    self.reports = reports
    self.tensors = Checkpoint(
      config: [:], origin: "the extraction", sources: tensors, tokenizerFiles: [])
  }

  /// The names of the adapter's tensors, sorted.
  public var names: [String] { tensors.names }
  /// Type and shape of a tensor; `nil` when there is none of that name.
  public func info(_ name: String) -> TensorInfo? { tensors.info(name) }
  /// The number of the adapter's weights.
  public var parameterCount: Int { tensors.parameterCount }
  /// The size of its tensors on disk.
  public var byteCount: Int { tensors.byteCount }

  /// The share of the whole change that the adapter holds: Σ kept energy / Σ energy over the tensors
  /// that changed and were not excluded.
  public var keptEnergy: Double {
    let total = reports.reduce(0) { $0 + $1.energy }
    if total == 0 { return 1 }
    return reports.reduce(0) { $0 + $1.energy * $1.keptEnergy } / total
  }

  /// Writes the folder: `adapter_config.json` and `adapter_model.safetensors` (PEFT) or
  /// `adapters.safetensors` (mlx-lm); all or nothing, as ``CheckpointWriter`` does it.
  /// - Parameters:
  ///   - force: whether an adapter that is there is replaced; any other folder that is not empty
  ///     stays.
  ///   - progress: called after each tensor, from one thread at a time.
  /// - Throws: ``AdapterError``; nothing at `directory` has changed then.
  public func write(
    to directory: String, force: Bool = false, threads: Int? = nil,
    progress: (@Sendable (CheckpointWriter.Progress) -> Void)? = nil
  ) throws(AdapterError) {
    do throws(CheckpointError) {
      try AdapterFolder.write(
        tensors, config: config, weightsName: weightsName, to: directory, force: force,
        threads: threads, progress: progress)
    } catch {
      throw .checkpoint(error)
    }
  }

  private var weightsName: String {
    switch format {
    case .peft: "adapter_model.safetensors"
    case .mlx: "adapters.safetensors"
    }
  }
}
