// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Synchronization
import Tensors

/// Writes a folder of statistics tensor by tensor, in any order; it comes into being whole, by
/// ``commit()``, or not at all.
///
/// Sizes are known beforehand, so each tensor has its place in its file and none needs to be kept
/// in memory until the others are there. Numbers are stored as F32. The bytes depend on what is
/// written only.
package final class StatisticsWriter {
  /// A matrix or tensor to be stored.
  package struct Entry: Sendable {
    package let name: String
    package let shape: Shape

    package init(_ name: String, _ shape: Shape) {
      self.name = name
      self.shape = shape
    }
  }

  private let layout: SafetensorsLayout
  private let folder: StagedFolder
  private let files: [OutputFile]
  private var pending: [String: SafetensorsLayout.Placement]
  private var isOpen = true

  /// The size of the folder's tensors.
  package var byteCount: Int { layout.byteCount }

  /// Begins a folder.
  ///
  /// - Parameters:
  ///   - homes: for Gram matrices the stored matrix of each layer.
  ///   - force: whether statistics that are there are replaced; any other folder that is not empty
  ///     stays.
  /// - Throws: ``CheckpointError``; nothing at `directory` has changed then.
  package init(
    _ kind: ModelStatistics.Kind, _ provenance: ModelStatistics.Provenance, norm: Double = 0,
    homes: [String: String] = [:], entries: [Entry], to directory: String, force: Bool,
    shardByteLimit: Int = 5_000_000_000, calls: OutputCalls = .system
  ) throws(CheckpointError) {
    let origin = "the statistics"
    var sources: [String: TensorSource] = [:]
    for entry in entries {
      precondition(sources[entry.name] == nil, "two statistics are called `\(entry.name)`")
      let info = TensorInfo(elementType: .float32, shape: entry.shape)
      sources[entry.name] = TensorSource(info: info, origin: origin) {
        preconditionFailure("statistics are written, not read")
      }
    }
    var options = CheckpointWriter.Options(shardByteLimit: shardByteLimit)
    options.force = force
    layout = try SafetensorsLayout(
      Checkpoint(config: [:], origin: origin, sources: sources, tokenizerFiles: []),
      options: options, stem: "statistics",
      metadata: Self.metadata(kind, provenance, norm: norm, homes: homes))
    folder = try Self.stage(directory, force: force, byteCount: layout.byteCount, calls: calls)
    var files: [OutputFile] = []
    do throws(CheckpointError) {
      for shard in layout.shards {
        let file = try folder.createFile(shard.fileName)
        try file.write(shard.header, at: 0)
        files.append(file)
      }
    } catch {
      folder.discard()
      throw error
    }
    self.files = files
    pending = Dictionary(
      uniqueKeysWithValues: layout.shards.flatMap(\.placements).map { ($0.name, $0) })
  }

  deinit { discard() }

  /// Throws where a folder could not be begun at `directory`, without making anything.
  package static func check(_ directory: String, force: Bool) throws(CheckpointError) {
    try StagedFolder.check(
      directory, force: force, isOurs: Self.isOurs, mayHold: Self.mayHold)
  }

  private static func stage(
    _ directory: String, force: Bool, byteCount: Int, calls: OutputCalls
  ) throws(CheckpointError) -> StagedFolder {
    try StagedFolder(
      target: directory, force: force, byteCount: byteCount, calls: calls, isOurs: isOurs,
      mayHold: mayHold)
  }

  private static func isOurs(_ names: [String]) -> Bool {
    names.contains(ModelStatistics.fileName) || names.contains(ModelStatistics.indexName)
  }

  private static func mayHold(_ name: String) -> Bool {
    name.hasPrefix("statistics")
      && (name.hasSuffix(".safetensors") || name == ModelStatistics.indexName)
  }

  private static func metadata(
    _ kind: ModelStatistics.Kind, _ provenance: ModelStatistics.Provenance, norm: Double,
    homes: [String: String]
  ) -> JSON {
    var metadata: JSON = [
      "format": "pt", "kind": .string(kind.rawValue), "model": .string(provenance.model),
      "weights_hash": .string(provenance.weightsHash), "text_hash": .string(provenance.textHash),
      "tokens": .string(String(provenance.tokenCount)),
      "examples": .string(String(provenance.exampleCount)),
      "length": .string(String(provenance.sequenceLength)),
      "seed": .string(String(provenance.seed)), "labels": .string(provenance.labels),
    ]
    if let sample = provenance.weightsSample { metadata["weights_sample"] = .string(sample) }
    switch kind {
    case .fisher: metadata["norm"] = .string("\(norm)")
    case .gram:
      var map = JSONObject()
      for (layer, matrix) in homes.sorted(by: { $0.key < $1.key }) {
        map[layer] = .string(matrix)
      }
      metadata["layers"] = .string(JSON.object(map).serialized())
    }
    return metadata
  }

  /// Writes a tensor, each once; `values` are row-major.
  package func write(_ name: String, _ values: [Float]) throws(CheckpointError) {
    guard let placement = pending.removeValue(forKey: name) else {
      preconditionFailure("`\(name)` has no place, or has been written")
    }
    precondition(values.count == placement.info.shape.elementCount, "a tensor of another size")
    let ranges = chunkRanges(count: values.count)
    let file = files[placement.shard]
    try Parallel.forEach(count: ranges.count) { (index) throws(CheckpointError) in
      let range = ranges[index]
      var bytes = [UInt8](repeating: 0, count: range.count * 4)
      values.withChunk { chunk in
        var span = bytes.mutableSpan
        // Safety: any bytes are valid bytes.
        var target = unsafe span.mutableBytes
        Conversion.encode(chunk[range], as: .float32, into: &target)
      }
      try file.write(bytes, at: placement.offset + range.lowerBound * 4)
    }
  }

  /// Puts the folder in its place; every tensor has been written.
  package func commit() throws(CheckpointError) {
    precondition(pending.isEmpty, "\(pending.count) tensors have not been written")
    for file in files { try file.finish() }
    if let index = layout.index {
      try folder.write(index.serialized(pretty: true) + "\n", to: ModelStatistics.indexName)
    }
    try folder.commit()
    isOpen = false
  }

  /// Gives up; the target is as it was.
  package func discard() {
    if isOpen { folder.discard() }
    isOpen = false
  }
}
