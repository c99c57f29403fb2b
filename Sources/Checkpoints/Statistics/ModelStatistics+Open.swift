// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension ModelStatistics {
  /// The name of the single file in a folder.
  static let fileName = "statistics.safetensors"
  static let indexName = "statistics.safetensors.index.json"

  /// Opens a folder of statistics, or a single file; reads headers only.
  ///
  /// - Throws: ``CheckpointError``, for anything but what ``StatisticsWriter`` writes.
  public static func open(_ path: String) throws(CheckpointError) -> ModelStatistics {
    var tensors: [(name: String, source: TensorSource)] = []
    var headers: [[String: String]] = []
    func read(
      _ file: MappedFile
    ) throws(CheckpointError) -> [(name: String, source: TensorSource)] {
      let opened = try SafetensorsFile(file)
      headers.append(Dictionary(opened.metadata.map { ($0.key, $0.value) }) { first, _ in first })
      return opened.sources
    }
    if FileSystem.isDirectory(path) {
      let folder = try ModelFolder(path)
      if folder.has(fileName) {
        tensors = try read(folder.file(fileName))
      } else if folder.has(indexName) {
        tensors = try Checkpoint.shardedSources(indexName, in: folder) {
          (shard) throws(CheckpointError) in try read(shard)
        }
      } else {
        throw .statistics(path: path, .none(found: folder.names))
      }
    } else {
      tensors = try read(MappedFile(path))
    }
    guard let metadata = headers.first else { throw .statistics(path: path, .none(found: [])) }
    for other in headers.dropFirst() {
      for key in metadata.keys.sorted() where other[key] != metadata[key] {
        throw .statistics(path: path, .differentShards(key: key))
      }
    }
    return try make(metadata, tensors, origin: path)
  }

  private static func make(
    _ metadata: [String: String], _ tensors: [(name: String, source: TensorSource)], origin: String
  ) throws(CheckpointError) -> ModelStatistics {
    func text(_ key: String, _ expected: String) throws(CheckpointError) -> String {
      guard let text = metadata[key] else {
        throw .statistics(path: origin, .metadata(key: key, expected: expected, found: nil))
      }
      return text
    }
    func value<V>(
      _ key: String, _ expected: String, _ convert: (String) -> V?
    ) throws(CheckpointError) -> V {
      let found = try text(key, expected)
      guard let value = convert(found) else {
        throw .statistics(
          path: origin, .metadata(key: key, expected: expected, found: "`\(found)`"))
      }
      return value
    }
    func count(_ key: String) throws(CheckpointError) -> Int {
      try value(key, "a whole number of at least 1") { Int($0).flatMap { $0 > 0 ? $0 : nil } }
    }
    let kinds = Kind.allCases.map { "`\($0.rawValue)`" }.joined(separator: " or ")
    let kind = try value("kind", kinds, Kind.init(rawValue:))
    let provenance = Provenance(
      model: try text("model", "the model's name"),
      weightsHash: try text("weights_hash", "a hash"), textHash: try text("text_hash", "a hash"),
      tokenCount: try count("tokens"), exampleCount: try count("examples"),
      sequenceLength: try count("length"),
      seed: try value("seed", "a whole number of at least 0", UInt64.init),
      labels: try text("labels", "`text` or `sampled`"),
      weightsSample: metadata["weights_sample"])
    var norm = 0.0
    var homes: [String: String] = [:]
    switch kind {
    case .fisher:
      norm = try value("norm", "a number of at least 0") { text in
        Double(text).flatMap { $0 >= 0 && $0.isFinite ? $0 : nil }
      }
      for (name, _) in tensors { homes[name] = name }
    case .gram:
      let map: JSONObject = try value("layers", "an object from layer to matrix") { text in
        (try? JSON.parse(text, origin: origin))?.object
      }
      for (layer, matrix) in map.members {
        guard let name = matrix.string else {
          throw .statistics(
            path: origin,
            .metadata(key: "layers", expected: "names of matrices", found: matrix.kindName))
        }
        homes[layer] = name
      }
    }
    return try ModelStatistics(
      kind: kind, provenance: provenance, norm: norm, homes: homes,
      sources: Dictionary(tensors.map { ($0.name, $0.source) }) { first, _ in first },
      origin: origin)
  }
}
