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
    let target = URL(fileURLWithPath: directory).standardizedFileURL
    let files = FileManager.default
    do throws(CheckpointError) {
      try Self.check(target, path: directory, force: force)
      // The weights go through the writer of checkpoints into a hidden sibling, which then gets the
      // adapter's file names and takes the target's place.
      let staging = target.deletingLastPathComponent().appendingPathComponent(
        ".\(target.lastPathComponent).adapter-\(ProcessInfo.processInfo.processIdentifier)")
      defer { try? files.removeItem(at: staging) }
      try CheckpointWriter.write(
        tensors, to: staging.path,
        options: CheckpointWriter.Options(shardByteLimit: .max, force: true, threads: threads),
        progress: progress)
      try Self.system(directory) {
        try files.removeItem(at: staging.appendingPathComponent("config.json"))
        try files.moveItem(
          at: staging.appendingPathComponent("model.safetensors"),
          to: staging.appendingPathComponent(weightsName))
        let settings = staging.appendingPathComponent("adapter_config.json")
        try Data((config.serialized(pretty: true) + "\n").utf8).write(to: settings)
        let handle = try FileHandle(forUpdating: settings)
        try handle.synchronize()
        try handle.close()
        try Self.exchange(staging, target)
      }
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

  private static func check(
    _ target: URL, path: String, force: Bool
  ) throws(CheckpointError) {
    guard !path.isEmpty, target.lastPathComponent != "/" else { throw .target(path, .noName) }
    let files = FileManager.default
    if let link = try? files.destinationOfSymbolicLink(atPath: target.path) {
      throw .target(path, .link(to: link))
    }
    var isDirectory: ObjCBool = false
    guard files.fileExists(atPath: target.path, isDirectory: &isDirectory) else { return }
    guard isDirectory.boolValue else { throw .target(path, .file) }
    let names = (try? files.contentsOfDirectory(atPath: target.path)) ?? ["?"]
    let isAdapter = names.contains("adapter_config.json")
    if !names.isEmpty, !(force && isAdapter) {
      throw .targetExists(directory: path, isCheckpoint: isAdapter, force: force)
    }
    if let foreign = names.sorted().first(where: { !Checkpoint.mayHold($0) }) {
      throw .target(path, .foreignFile(foreign))
    }
  }

  /// Puts the new folder in the target's place; the old one is gone only when the new one is there.
  private static func exchange(_ staging: URL, _ target: URL) throws {
    let files = FileManager.default
    let old = staging.appendingPathExtension("old")
    let isReplacing = files.fileExists(atPath: target.path)
    if isReplacing { try files.moveItem(at: target, to: old) }
    do {
      try files.moveItem(at: staging, to: target)
    } catch {
      if isReplacing { try? files.moveItem(at: old, to: target) }
      throw error
    }
    if isReplacing { try? files.removeItem(at: old) }
  }

  private static func system(
    _ path: String, _ body: () throws -> Void
  ) throws(CheckpointError) {
    do { try body() } catch {
      throw .cannotWrite(
        path: path, reason: error.localizedDescription.clause, neededByteCount: 0)
    }
  }
}
