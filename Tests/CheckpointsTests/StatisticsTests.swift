// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Tensors
import Testing

@testable import Checkpoints

/// Statistics on disk.
@Suite struct StatisticsTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private static let provenance = ModelStatistics.Provenance(
    model: "runs/ct", weightsHash: "ab", textHash: "cd", tokenCount: 96, exampleCount: 6,
    sequenceLength: 16, seed: 7, labels: "sampled")

  private func writeFisher(
    _ name: String = "f", force: Bool = false, limit: Int = 5_000_000_000,
    calls: OutputCalls = .system
  ) throws {
    let writer = try StatisticsWriter(
      .fisher, Self.provenance, norm: 1.5,
      entries: [.init("a", [2, 3]), .init("b", [4]), .init("empty", [0])],
      to: folder.file(name), force: force, shardByteLimit: limit, calls: calls)
    // In another order than they lie in.
    try writer.write("b", [0, 1, 2, 3])
    try writer.write("empty", [])
    try writer.write("a", [0.5, 1.5, 2.5, 3.5, 4.5, 1e-30])
    try writer.commit()
  }

  private func floats(_ source: TensorSource?) throws -> [Float] {
    let source = try #require(source)
    var values = [Float](repeating: .nan, count: source.info.shape.elementCount)
    let reader = try source.prepare()
    try values.withMutableChunk { try reader.read(from: 0, into: $0) }
    return values
  }

  private func lines(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return (error as? any Diagnosed)?.description ?? "\(error)" }
  }

  /// A safetensors file with one float tensor and these metadata.
  private func file(
    _ metadata: JSON, tensor: String = "a", shape: Shape = [2], values: [Float] = [1, 2],
    type: String = "F32"
  ) throws -> String {
    var header: JSON = ["__metadata__": metadata]
    header[tensor] = [
      "dtype": .string(type), "shape": JSON(shape.extents.map { JSON($0) }),
      "data_offsets": [0, JSON(4 * values.count)],
    ]
    let text = Array(header.serialized().utf8)
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: UInt64(text.count) >> ($0 * 8)) } + text
    for value in values {
      bytes += (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
    }
    let path = folder.file("\(UUID().uuidString).safetensors")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  private static let metadata: JSON = [
    "kind": "fisher", "model": "m", "weights_hash": "1", "text_hash": "2", "tokens": "8",
    "examples": "2", "length": "4", "seed": "0", "labels": "text", "norm": "1",
  ]

  private static func changed(_ key: String, _ value: JSON?) -> JSON {
    var metadata = metadata
    metadata[key] = value
    return metadata
  }

  @Test(arguments: [5_000_000_000, 20])
  func `what is written is read, from one file and from shards`(limit: Int) throws {
    try writeFisher(limit: limit)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("f")).sorted()
    #expect(
      names
        == (limit > 20
          ? ["statistics.safetensors"]
          : [
            "statistics-00001-of-00002.safetensors", "statistics-00002-of-00002.safetensors",
            "statistics.safetensors.index.json",
          ]))
    let read = try ModelStatistics.open(folder.file("f"))
    #expect(read.kind == .fisher && read.norm == 1.5 && read.provenance == Self.provenance)
    #expect(read.names == ["a", "b", "empty"])
    #expect(read.shape(of: "a") == [2, 3] && read.shape(of: "c") == nil)
    #expect(try floats(read.source(of: "a")) == [0.5, 1.5, 2.5, 3.5, 4.5, 1e-30])
    #expect(try floats(read.source(of: "b")) == [0, 1, 2, 3])
    #expect(try floats(read.source(of: "empty")).isEmpty)
    #expect(read.source(of: "c") == nil)
  }

  @Test func `a file opens by its own name, and the bytes are the same each time`() throws {
    try writeFisher("f")
    try writeFisher("g")
    let path = folder.file("f/statistics.safetensors")
    #expect(try ModelStatistics.open(path).names == ["a", "b", "empty"])
    #expect(
      try folder.bytes("f/statistics.safetensors") == folder.bytes("g/statistics.safetensors"))
  }

  @Test func `layers that share an input share a matrix`() throws {
    let writer = try StatisticsWriter(
      .gram, Self.provenance, homes: ["q": "q", "k": "q", "o": "o"],
      entries: [.init("q", [2, 2]), .init("o", [1, 1])], to: folder.file("g"), force: false)
    try writer.write("q", [1, -2, -2, 5])
    try writer.write("o", [3])
    try writer.commit()
    let read = try ModelStatistics.open(folder.file("g"))
    #expect(read.kind == .gram && read.names == ["k", "o", "q"])
    #expect(try floats(read.source(of: "k")) == [1, -2, -2, 5])
    #expect(try floats(read.source(of: "o")) == [3])
  }

  @Test func `a large tensor is written whole`() throws {
    let count = 200_003
    let writer = try StatisticsWriter(
      .fisher, Self.provenance, entries: [.init("w", [count])], to: folder.file("f"), force: false)
    try writer.write("w", (0..<count).map { Float($0) })
    try writer.commit()
    let read = try ModelStatistics.open(folder.file("f"))
    #expect(try floats(read.source(of: "w")) == (0..<count).map { Float($0) })
  }

  // MARK: Writing that fails

  @Test func `statistics are replaced by force only, and nothing else is`() throws {
    try writeFisher("f")
    #expect(
      lines { try writeFisher("f") }
        == """
        The output folder exists and is not empty.
        \(folder.file("f"))
        Choose another folder, or pass --force to replace it.
        """)
    try writeFisher("f", force: true)
    try Data().write(to: URL(fileURLWithPath: folder.file("f/notes.txt")))
    #expect(lines { try writeFisher("f", force: true) }.contains("notes.txt"))
    try CheckpointWriter.write(TinyModels.checkpoint(), to: folder.file("m"))
    #expect(lines { try writeFisher("m", force: true) }.contains("is not replaced"))
    #expect(try folder.names == ["f", "m"])
  }

  @Test(arguments: [0, 300, 1000])
  func `a full disk leaves nothing, and what is given up leaves nothing`(room: Int) throws {
    let calls = OutputCalls { descriptor, bytes, offset in
      guard offset + bytes.byteCount <= room else {
        errno = ENOSPC
        return -1
      }
      return OutputCalls.system.write(descriptor, bytes, offset)
    }
    if room < 700 {
      #expect(lines { try writeFisher(calls: calls) }.contains("No space left on device"))
    } else {
      let writer = try StatisticsWriter(
        .fisher, Self.provenance, entries: [.init("a", [1])], to: folder.file("f"), force: false)
      try writer.write("a", [1])
      writer.discard()
    }
    #expect(try folder.names.isEmpty)
  }

  // MARK: Files that are no statistics

  @Test func `a folder without statistics is told by what it holds`() throws {
    try CheckpointWriter.write(TinyModels.checkpoint(), to: folder.file("m"))
    #expect(
      lines { _ = try ModelStatistics.open(folder.file("m")) }
        == """
        The folder holds no statistics; it holds config.json, model.safetensors.
        \(folder.file("m"))
        Name a folder that `koine statistics` wrote, or make one with it.
        """)
    #expect(
      lines { _ = try ModelStatistics.open(folder.file("m/model.safetensors")) }
        == """
        The metadata's `kind` should be `fisher` or `gram`, found nothing.
        \(folder.file("m/model.safetensors"))
        Name a file that `koine statistics` wrote; this may be one of weights.
        """)
    #expect(lines { _ = try ModelStatistics.open(folder.file("absent")) }.contains("absent"))
  }

  @Test(arguments: [
    ("kind", "hessian"), ("tokens", "0"), ("examples", "-1"), ("length", "many"), ("seed", "-1"),
    ("norm", "nan"), ("norm", "-1"), ("norm", "inf"),
  ])
  func `metadata that cannot be are named`(key: String, value: String) throws {
    let path = try file(Self.changed(key, .string(value)))
    let message = lines { _ = try ModelStatistics.open(path) }
    #expect(message.hasPrefix("The metadata's `\(key)` should be"))
    #expect(message.contains("found `\(value)`"))
  }

  @Test(arguments: [
    "kind", "model", "weights_hash", "text_hash", "tokens", "examples", "length", "seed", "labels",
    "norm",
  ])
  func `metadata that are missing are named`(key: String) throws {
    let path = try file(Self.changed(key, nil))
    #expect(
      lines { _ = try ModelStatistics.open(path) }.hasPrefix("The metadata's `\(key)` should be"))
  }

  @Test func `a map to matrices that are absent, or no map, is an error`() throws {
    func gram(_ layers: String, shape: Shape = [1, 1]) throws -> String {
      var metadata = Self.changed("kind", "gram")
      metadata["layers"] = .string(layers)
      let path = try file(
        metadata, shape: shape, values: [Float](repeating: 1, count: shape.elementCount))
      return lines { _ = try ModelStatistics.open(path) }
    }
    #expect(try gram(#"{"k": "a", "q": "a"}"#) == "no error")
    #expect(try gram(#"{"k": "b"}"#).hasPrefix("The metadata promise `b` for the layer `k`"))
    #expect(try gram(#"{"k": 1}"#).contains("names of matrices"))
    #expect(try gram("[").contains("an object from layer to matrix"))
    #expect(
      try gram(#"{"k": "a"}"#, shape: [2, 1]).hasPrefix("The Gram matrix `a` should be square"))
    #expect(try gram(#"{"k": "a"}"#, shape: [4]).hasPrefix("The Gram matrix `a` should be square"))
  }

  @Test func `integers are no statistics`() throws {
    let path = try file(Self.metadata, type: "I32")
    #expect(
      lines { _ = try ModelStatistics.open(path) }
        .hasPrefix("The statistics of `a` should be floats, found I32."))
  }

  @Test(arguments: [Float.nan, .infinity, -1])
  func `a number that no mean of squares is, is found on reading`(value: Float) throws {
    let path = try file(Self.metadata, values: [1, value])
    let read = try ModelStatistics.open(path)
    #expect(
      lines { _ = try floats(read.source(of: "a")) }
        .hasPrefix("The statistics of `a` hold \(value) at element 1."))
  }

  @Test func `shards of different statistics are refused`() throws {
    try writeFisher(limit: 20)
    var metadata = Self.changed("kind", "fisher")
    metadata["text_hash"] = "other"
    let other = try file(metadata, tensor: "b", shape: [4], values: [1, 2, 3, 4])
    let shards = try FileManager.default.contentsOfDirectory(atPath: folder.file("f"))
    for shard in shards where shard.hasSuffix(".safetensors") {
      let path = folder.file("f/\(shard)")
      guard try SafetensorsFile(path).entries.contains(where: { $0.name == "b" }) else { continue }
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.moveItem(atPath: other, toPath: path)
    }
    #expect(lines { _ = try ModelStatistics.open(folder.file("f")) } != "no error")
  }
}
