// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Tensors
import Testing

@testable import Checkpoints

/// Files that torch wrote, compared with the same tensors as safetensors.
@Suite struct PickleGoldenTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func source(_ name: String) -> String { "\(TorchGolden.folder)/\(name)" }

  /// Every tensor of both: type, shape, bytes, and floats read in uneven pieces.
  private func expectEqual(
    _ found: [(name: String, source: TensorSource)],
    _ expected: [(name: String, source: TensorSource)]
  ) throws {
    #expect(found.map(\.name).sorted() == expected.map(\.name).sorted())
    let others = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.source) })
    for (name, source) in expected {
      let other = try #require(others[name], "\(name)")
      #expect(other.info == source.info, "\(name)")
      let (one, two) = (try source.prepare(), try other.prepare())
      let count = source.info.shape.elementCount
      let type = source.info.elementType
      #expect(try one.bytes(0..<count, as: type) == two.bytes(0..<count, as: type), "\(name)")
      for piece in [1, 3, 7] {
        for start in stride(from: 0, to: count, by: piece) {
          let range = start..<min(count, start + piece)
          #expect(try floats(one, range) == floats(two, range), "\(name) \(range)")
          if type == .float32 {
            #expect(
              try one.bytes(range, as: .bfloat16) == two.bytes(range, as: .bfloat16), "\(name)")
          }
        }
      }
    }
  }

  /// As bit patterns, since NaN does not equal itself.
  private func floats(_ reader: any TensorReader, _ range: Range<Int>) throws -> [UInt32] {
    var values = [Float](repeating: 0, count: range.count)
    try values.withMutableChunk { (output) throws(CheckpointError) in
      try reader.read(from: range.lowerBound, into: output)
    }
    return values.map(\.bitPattern)
  }

  @Test(arguments: [
    "types", "views", "views-3", "views-4", "views-5", "module", "parameters", "many",
    "state_dict", "model_state_dict", "model",
  ])
  func `a file of torch holds what its safetensors twin holds`(name: String) throws {
    let file = try TorchFile(source("\(name).pt"))
    try expectEqual(file.sources, SafetensorsFile(source("\(name).safetensors")).sources)
  }

  @Test func `contiguous tensors are used where they lie, others are gathered`() throws {
    let file = try TorchFile(source("views.pt"))
    let gathered = file.entries.filter { !$0.isContiguous }.map(\.name)
    #expect(
      gathered == [
        "transposed", "columns", "stepped", "one.column", "diagonal", "permuted", "channels.last",
        "cut", "bf16.transposed", "bytes.transposed", "longs.transposed",
      ])
    #expect(file.entries.first?.name == "base")
    #expect(file.skipped.isEmpty)
  }

  @Test func `entries that are no tensors are listed`() throws {
    let file = try TorchFile(source("state_dict.pt"))
    #expect(file.entries.map(\.name) == ["a", "b"])
    #expect(
      file.skipped.map { "\($0.name): \($0.kind)" } == [
        "epoch: a number", "loss: a number", "seed: a number", "small: a number",
        "negative: a number", "args: a dictionary of 3", "history: a list", "bytes: bytes",
        "optimizer: a dictionary of 1",
      ])
    let parameters = try TorchFile(source("parameters.pt"))
    #expect(
      parameters.skipped.map { "\($0.name): \($0.kind)" } == [
        "marked: Python attributes", "tagged: Python attributes",
      ])
  }

  @Test func `a folder of shards opens by its index`() throws {
    let checkpoint = try Checkpoint.open(directory: source("sharded"))
    try checkpoint.validate()
    let twin = try SafetensorsFile(source("sharded.safetensors"))
    #expect(checkpoint.names == twin.entries.map(\.name).sorted())
    try expectEqual(
      try checkpoint.names.map { ($0, try checkpoint.source($0)) }, twin.sources)
    // And its tensors are written as any others are.
    try CheckpointWriter.write(checkpoint, to: folder.file("out"))
    let written = try SafetensorsFile(folder.file("out/model.safetensors"))
    try expectEqual(written.sources, twin.sources)
  }

  /// A folder with a config and copies of golden files under other names.
  private func folder(_ files: [String: String]) throws -> Checkpoint {
    let path = folder.file(UUID().uuidString)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let config = source("sharded/config.json")
    try FileManager.default.copyItem(atPath: config, toPath: "\(path)/config.json")
    for (name, from) in files {
      try FileManager.default.copyItem(atPath: source(from), toPath: "\(path)/\(name)")
    }
    return try Checkpoint.open(directory: path)
  }

  @Test func `safetensors win, then pytorch_model.bin, then the only other file`() throws {
    #expect(
      try folder(["model.safetensors": "model.safetensors", "pytorch_model.bin": "module.pt"]).names
        == ["a", "b"])
    #expect(
      try folder(["pytorch_model.bin": "model.pt", "other.bin": "module.pt"]).names == ["a", "b"])
    #expect(
      try folder(["consolidated.pth": "model.pt", "training_args.bin": "module.pt"]).names
        == ["a", "b"])
  }

  @Test func `several files without an index are not guessed at`() throws {
    #expect {
      try folder(["a.bin": "model.pt", "b.bin": "module.pt"])
    } throws: { error in
      "\(error)".hasSuffix(
        "PyTorch weights are read from pytorch_model.bin, from shards with "
          + "pytorch_model.bin.index.json, or from the folder's only .bin, .pt or .pth file.")
    }
  }

  @Test func `an index of .bin shards is checked as one of safetensors`() throws {
    let path = folder.file("m")
    try FileManager.default.copyItem(atPath: source("sharded"), toPath: path)
    let shard = "\(path)/pytorch_model-00002-of-00002.bin"
    try FileManager.default.removeItem(atPath: shard)
    #expect {
      try Checkpoint.open(directory: path)
    } throws: {
      "\($0)".contains("in pytorch_model-00002-of-00002.bin, which is missing.")
    }
    try FileManager.default.copyItem(atPath: source("model.pt"), toPath: shard)
    #expect {
      try Checkpoint.open(directory: path)
    } throws: {
      "\($0)".hasPrefix(
        "The shard pytorch_model-00002-of-00002.bin holds the tensor `a`, which the index does not "
          + "list.")
    }
  }

  @Test(arguments: [
    ("legacy", "The file is in the format of torch before 1.6, expected its zip format."),
    (
      "attack",
      "The pickle refers to `posix.system`, expected only tensors, storages and plain containers."
    ),
    (
      "attack-4",
      "The pickle refers to `posix.system`, expected only tensors, storages and plain containers."
    ),
    (
      "complex",
      "The pickle holds `torch.ComplexFloatStorage`, expected real numbers of a plain type."
    ),
    (
      "sparse",
      "The pickle holds `torch._utils._rebuild_sparse_tensor`, expected real numbers of a plain type."
    ),
    (
      "expanded",
      "The shape [3, 4] with strides [1, 0] reads elements twice, expected each once."
    ),
    (
      "negated",
      "torch._utils._rebuild_tensor_v2 takes no metadata, found a dictionary."
    ),
    (
      "module",
      "The pickle refers to `torch.nn.modules.linear.Linear`, expected only tensors, storages and "
        + "plain containers."
    ),
    (
      "bare",
      "Expected a dictionary from name to tensor, or one under `state_dict`, `model_state_dict` or "
        + "`model`; found a tensor."
    ),
    (
      "list",
      "Expected a dictionary from name to tensor, or one under `state_dict`, `model_state_dict` or "
        + "`model`; found a list."
    ),
    (
      "no-tensors",
      "Expected a dictionary from name to tensor, or one under `state_dict`, `model_state_dict` or "
        + "`model`; found a dictionary with `epoch`."
    ),
    ("ambiguous", "Expected one dictionary of tensors, found several: `model`, `state_dict`."),
    ("number-key", "A tensor's name should be a text in UTF-8, found a number."),
    (
      "script",
      "The file is a TorchScript program (it holds "
        + "`script/code/__torch__/torch/nn/modules/linear.py`), expected weights."
    ),
  ])
  func `what torch can write and this reader refuses`(name: String, what: String) throws {
    do throws(CheckpointError) {
      _ = try TorchFile(source("refused/\(name).pt"))
      Issue.record("\(name) was read")
    } catch {
      let lines = error.description.split(separator: "\n").map(String.init)
      #expect(lines.first == what)
      #expect(lines.count == 3)
      #expect(error.diagnosis.kind == .malformedInput)
      #expect(lines[1].hasPrefix(source("refused/\(name).pt")))
    }
    #expect(!FileManager.default.fileExists(atPath: "koine-was-here"))
  }
}
