// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization
import Tensors
import Testing

@testable import Checkpoints

@Suite struct RoundTripTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: ElementType.allCases.filter(\.isFloatingPoint))
  func `a written checkpoint reads back as the one in memory`(type: ElementType) throws {
    let model = try TinyModels.checkpoint(elementType: type)
    try CheckpointWriter.write(model, to: folder.file("m"))
    let read = try Checkpoint.open(directory: folder.file("m"))
    #expect(read.names == model.names)
    try read.validate()
    for name in model.names {
      #expect(read.info(name) == model.info(name))
      #expect(try read.floats(name) == model.floats(name), "\(name)")
    }
    #expect(read.config["torch_dtype"]?.string == type.torchName)
    #expect(read.config["dtype"]?.string == type.torchName)
    #expect(read.parameterCount == model.parameterCount)
    #expect(read.byteCount == model.parameterCount * type.byteCount)
  }

  @Test func `the header is padded to eight bytes and says pt`() throws {
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("m"))
    let bytes = try folder.bytes("m/model.safetensors")
    let length = bytes[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(length.isMultiple(of: 8))
    let file = try SafetensorsFile(folder.file("m/model.safetensors"))
    #expect(file.metadata.map(\.key) == ["format"])
    #expect(file.metadata.map(\.value) == ["pt"])
    #expect(file.entries.allSatisfy { $0.offset.isMultiple(of: $0.info.elementType.byteCount) })
  }

  @Test func `a known tiny file has these bytes`() throws {
    let model = try Checkpoint.inMemory(
      config: [:],
      tensors: [("b", [2], [1, -2]), ("a", [1, 1], [0.5])], elementType: .bfloat16)
    try CheckpointWriter.write(model, to: folder.file("m"))
    let bytes = try folder.bytes("m/model.safetensors")
    let header =
      #"{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]},"#
      + #""b":{"dtype":"BF16","shape":[2],"data_offsets":[2,6]}}"#
    let text = String(decoding: bytes[8..<(bytes.count - 6)], as: UTF8.self)
    #expect(text.trimmingCharacters(in: .whitespaces) == header)
    #expect(Array(bytes.suffix(6)) == [0x00, 0x3F, 0x80, 0x3F, 0x00, 0xC0])
  }

  @Test func `bytes depend neither on threads nor on the chunk length`() throws {
    let model = try Checkpoint.inMemory(
      config: [:],
      tensors: (0..<5).map { k in
        let count = [0, 1, 4096, 4097, 40_009][k]
        let random = CounterRandom(seed: 3, stream: "t\(k)")
        return (
          name: "t\(k)", shape: Shape([count]),
          values: (0..<count).map { random.uniform(at: $0) - 0.5 }
        )
      })
    var outputs: [[UInt8]] = []
    for (threads, chunk) in [(1, 65_536), (1, 4096), (3, 4096), (8, 8192)] {
      var options = CheckpointWriter.Options(elementType: .bfloat16, threads: threads)
      options.chunkLength = chunk
      let name = "m-\(threads)-\(chunk)"
      try CheckpointWriter.write(model, to: folder.file(name), options: options)
      outputs.append(try folder.bytes("\(name)/model.safetensors"))
    }
    #expect(outputs.dropFirst().allSatisfy { $0 == outputs[0] })
  }

  @Test func `shards respect the byte limit and are listed in the index`() throws {
    let model = try TinyModels.checkpoint()
    let options = CheckpointWriter.Options(shardByteLimit: 1000)
    try CheckpointWriter.write(model, to: folder.file("m"), options: options)
    let shards = try FileManager.default.contentsOfDirectory(atPath: folder.file("m"))
      .filter { $0.hasSuffix(".safetensors") }.sorted()
    #expect(shards.count > 2)
    #expect(shards.first?.hasPrefix("model-00001-of-0000") == true)
    for shard in shards {
      let file = try SafetensorsFile(folder.file("m/\(shard)"))
      let size = file.entries.reduce(0) { $0 + $1.info.byteCount }
      #expect(size <= 1000 || file.entries.count == 1)
    }
    let index = try JSON.parse(
      try folder.bytes("m/model.safetensors.index.json"), origin: "index")
    #expect(index["metadata"]?["total_size"]?.int == model.byteCount)
    #expect(index["weight_map"]?.object?.keys == model.names)
    let read = try Checkpoint.open(directory: folder.file("m"))
    for name in model.names { #expect(try read.floats(name) == model.floats(name)) }
  }

  @Test func `unknown config keys and the text of numbers are kept`() throws {
    let text =
      #"{"model_type":"llama","x_future":[1.50,1e-05,{"a":12345678901234567890}],"z":null}"#
    let config = try JSON.parse(text, origin: "test")
    let model = try Checkpoint.inMemory(config: config, tensors: [("a", [1], [1])])
    try CheckpointWriter.write(model, to: folder.file("m"))
    let read = try Checkpoint.open(directory: folder.file("m")).config
    #expect(read["x_future"]?.serialized() == config["x_future"]?.serialized())
    #expect(read["z"] == .null)
  }

  @Test func `integers and booleans are kept when floats change their type`() throws {
    let header =
      #"{"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},"#
      + #""w":{"dtype":"F64","shape":[1],"data_offsets":[16,24]},"#
      + #""m":{"dtype":"BOOL","shape":[3],"data_offsets":[24,27]}}"#
    // 2⁶² + 1 has no float: copying must not go through one.
    let ids: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0x40, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
    // 1 + 2⁻⁸ + 2⁻⁴⁰: just above a midpoint of bfloat16; through Float it would land on it.
    let double = 1 + 0x1p-8 + 0x1p-40
    let bits = (0..<8).map { UInt8(truncatingIfNeeded: double.bitPattern >> ($0 * 8)) }
    try FileManager.default.createDirectory(
      atPath: folder.file("a"), withIntermediateDirectories: true)
    try folder.write(safetensors(header, ids + bits + [1, 0, 1]), "a/model.safetensors")
    try folder.write("{}", "a/config.json")
    let model = try Checkpoint.open(directory: folder.file("a"))
    #expect(try model.floats("m") == [1, 0, 1])
    #expect(try model.floats("ids") == [0x1p62, -1])
    try CheckpointWriter.write(
      model, to: folder.file("b"), options: .init(elementType: .bfloat16))
    let read = try SafetensorsFile(folder.file("b/model.safetensors"))
    #expect(read.entries.map(\.name) == ["ids", "w", "m"])
    let bytes = try folder.bytes("b/model.safetensors")
    #expect(Array(bytes.suffix(21)) == ids + [0x81, 0x3F] + [1, 0, 1])
  }

  @Test func `templates travel in their folder, and a folder with one may be replaced`() throws {
    let extra = "additional_chat_templates"
    try FileManager.default.createDirectory(
      atPath: folder.file(extra), withIntermediateDirectories: true)
    for name in ["rag.jinja", "tools.jinja", "notes.txt"] {
      try folder.write("the \(name)", "\(extra)/\(name)")
    }
    try folder.write("template", "chat_template.jinja")
    let model = try TinyModels.checkpoint(tokenizerFilesFrom: folder.path)
    #expect(
      model.tokenizerFiles.map(\.name) == [
        "\(extra)/rag.jinja", "\(extra)/tools.jinja", "chat_template.jinja",
      ])
    for isSecond in [false, true] {
      try CheckpointWriter.write(model, to: folder.file("m"), options: .init(force: isSecond))
      #expect(try folder.bytes("m/\(extra)/rag.jinja") == Array("the rag.jinja".utf8))
      #expect(!FileManager.default.fileExists(atPath: folder.file("m/\(extra)/notes.txt")))
    }
    #expect(
      try Checkpoint.open(directory: folder.file("m")).tokenizerFiles.map(\.name)
        == model.tokenizerFiles.map(\.name))
  }

  @Test func `a sample of weights knows a model, in any type, from another`() throws {
    func sample(_ change: Float, at index: Int, _ type: ElementType = .float32) throws -> String {
      var values = (0..<4096).map { Float($0 % 250) }
      values[index] += change
      return try Checkpoint.inMemory(
        config: [:],
        tensors: [
          (name: "a", shape: [64, 64], values: values), (name: "none", shape: [0], values: []),
          (name: "b", shape: [3], values: [1, 2, 3]),
        ], elementType: type
      ).weightsSample()
    }
    let whole = try sample(0, at: 0)
    #expect(whole.utf8.count == 16)
    #expect(try sample(0, at: 0, .bfloat16) == whole)
    for index in [0, 15, 1024, 3087] { #expect(try sample(1, at: index) != whole) }
    // What lies between the places is not looked at.
    #expect(try sample(1, at: 16) == whole)
  }

  @Test func `numbers take the places of placeholders`() {
    #expect("a.{layer}.b".filling("{layer}", with: 12) == "a.12.b")
    #expect("{layer}{layer}".filling("{layer}", with: 0) == "00")
    #expect("a.{layer.{lay}ér{".filling("{layer}", with: 3) == "a.{layer.{lay}ér{")
    #expect("".filling("{layer}", with: 3) == "")
  }

  @Test func `tokenizer files travel with the weights`() throws {
    try folder.write("{\"t\":1}", "tokenizer.json")
    try folder.write("template", "chat_template.jinja")
    try folder.write("no", "notes.txt")
    let model = try TinyModels.checkpoint(tokenizerFilesFrom: folder.path)
    #expect(model.tokenizerFiles.map(\.name) == ["chat_template.jinja", "tokenizer.json"])
    try CheckpointWriter.write(model, to: folder.file("m"))
    #expect(try folder.bytes("m/tokenizer.json") == Array("{\"t\":1}".utf8))
    #expect(try folder.bytes("m/chat_template.jinja") == Array("template".utf8))
    #expect(!FileManager.default.fileExists(atPath: folder.file("m/notes.txt")))
    let other = try TemporaryFolder()
    try other.write("{\"t\":2}", "tokenizer.json")
    let replaced = try model.replacingTokenizer(fromDirectory: other.path)
    #expect(replaced.tokenizerFiles.map(\.path) == [other.file("tokenizer.json")])
  }

  @Test func `progress counts every byte once`() throws {
    let model = try TinyModels.checkpoint()
    let seen = Mutex<[CheckpointWriter.Progress]>([])
    try CheckpointWriter.write(model, to: folder.file("m")) { step in
      seen.withLock { $0.append(step) }
    }
    let steps = seen.withLock { $0 }
    #expect(steps.count == model.names.count)
    #expect(Set(steps.map(\.tensor)) == Set(model.names))
    #expect(steps.last?.writtenByteCount == model.byteCount)
    #expect(steps.allSatisfy { $0.totalByteCount == model.byteCount })
  }
}

/// A safetensors file of this header and data.
func safetensors(_ header: String, _ data: [UInt8]) -> [UInt8] {
  let text = Array(header.utf8)
  return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) } + text + data
}
