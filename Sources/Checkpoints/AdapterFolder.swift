// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Writes the folder of an adapter: `adapter_config.json` and one file of weights.
package enum AdapterFolder {
  /// Writes it all or nothing, as ``CheckpointWriter`` does it.
  /// - Parameters:
  ///   - config: `adapter_config.json`.
  ///   - weightsName: `adapter_model.safetensors` (PEFT) or `adapters.safetensors` (mlx-lm).
  ///   - force: whether an adapter that is there is replaced; any other folder that is not empty
  ///     stays.
  ///   - progress: called after each tensor, from one thread at a time.
  /// - Throws: ``CheckpointError``; nothing at `directory` has changed then.
  package static func write(
    _ tensors: Checkpoint, config: JSON, weightsName: String, to directory: String,
    force: Bool = false, threads: Int? = nil,
    progress: (@Sendable (CheckpointWriter.Progress) -> Void)? = nil
  ) throws(CheckpointError) {
    let target = URL(fileURLWithPath: directory).standardizedFileURL
    let files = FileManager.default
    try check(target, path: directory, force: force)
    // The weights go through the writer of checkpoints into a hidden sibling, which then gets the
    // adapter's file names and takes the target's place.
    let staging = target.deletingLastPathComponent().appendingPathComponent(
      ".\(target.lastPathComponent).adapter-\(ProcessInfo.processInfo.processIdentifier)")
    defer { try? files.removeItem(at: staging) }
    try CheckpointWriter.write(
      tensors, to: staging.path,
      options: CheckpointWriter.Options(shardByteLimit: .max, force: true, threads: threads),
      progress: progress)
    try system(directory) {
      try files.removeItem(at: staging.appendingPathComponent("config.json"))
      try files.moveItem(
        at: staging.appendingPathComponent("model.safetensors"),
        to: staging.appendingPathComponent(weightsName))
      let settings = staging.appendingPathComponent("adapter_config.json")
      try Data((config.serialized(pretty: true) + "\n").utf8).write(to: settings)
      let handle = try FileHandle(forUpdating: settings)
      try handle.synchronize()
      try handle.close()
      try exchange(staging, target)
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
