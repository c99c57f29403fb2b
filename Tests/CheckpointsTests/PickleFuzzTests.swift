// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Tensors
import Testing

@testable import Checkpoints

/// Damaged inputs by the thousand: no reader crashes, hangs or makes more than its input warrants.
///
/// `KOINE_FUZZ_INPUTS=1000000 swift test -c release --filter PickleFuzzTests` is a campaign.
@Suite struct PickleFuzzTests {
  private static func golden(_ names: [String]) throws -> [[UInt8]] {
    try names.map(TorchGolden.bytes)
  }

  /// Reads every tensor whole, as its own type and as floats.
  private static func readAll(_ sources: [(name: String, source: TensorSource)]) throws {
    for (_, source) in sources {
      let count = source.info.shape.elementCount
      let reader = try source.prepare()
      _ = try reader.bytes(0..<count, as: source.info.elementType)
      var values = [Float](repeating: 0, count: count)
      try values.withMutableChunk { (output) throws(CheckpointError) in
        try reader.read(from: 0, into: output)
      }
    }
  }

  private func report(_ report: FuzzDriver.Report) {
    print(report)
    #expect(report.refused > report.accepted / 50, "nearly nothing was damaged")
  }

  private static let opcodes: [[UInt8]] = {
    let globals = [
      "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch\nHalfStorage\n", "cos\nsystem\n",
      "ccollections\nOrderedDict\n", "ctorch._tensor\n_rebuild_from_type_v2\n", "ctorch\nSize\n",
    ]
    let full = [UInt8](repeating: 0xFF, count: 8)
    var tokens: [[UInt8]] = globals.map { Array($0.utf8) }
    for opcode in "().NQR]abestu}".utf8 { tokens.append([opcode]) }
    for opcode in UInt8(0x80)...0x97 { tokens.append([opcode]) }
    tokens.append([0x58, 1, 0, 0, 0, 0x30])
    tokens.append([0x4A, 0xFF, 0xFF, 0xFF, 0x7F])
    tokens.append([0x8A, 8] + full)
    return tokens
  }()

  @Test(.timeLimit(.minutes(60)))
  func `damaged PyTorch files`() throws {
    let seeds = try Self.golden([
      "types.pt", "views.pt", "views-4.pt", "parameters.pt", "state_dict.pt",
      "refused/attack.pt",
    ])
    let records: [[UInt8]] = [
      [0x50, 0x4B, 1, 2], [0x50, 0x4B, 3, 4], [0x50, 0x4B, 5, 6], [0x50, 0x4B, 6, 6],
      [0x50, 0x4B, 6, 7], [1, 0, 16, 0],
    ]
    let driver = FuzzDriver(
      name: "files.pt",
      mutator: FuzzMutator(seeds: seeds, tokens: Self.opcodes + records, seed: FuzzDriver.seed))
    report(
      try driver.run(count: FuzzDriver.inputCount(usual: 10_000)) { path in
        try Self.readAll(TorchFile(path).sources)
      })
  }

  /// A golden file taken apart.
  private struct Parts {
    var pickle: [UInt8] = []
    var storages: [(key: String, bytes: [UInt8])] = []

    init(_ name: String) throws {
      let archive = try ZipArchive(MappedFile("\(TorchGolden.folder)/\(name)"))
      for entry in archive.entries {
        let bytes = archive.file.bytes(entry.offset..<(entry.offset + entry.byteCount))
        if entry.name.hasSuffix("/data.pkl") { pickle = bytes }
        guard let range = entry.name.range(of: "/data/") else { continue }
        storages.append((String(entry.name[range.upperBound...]), bytes))
      }
    }
  }

  /// The same pickles in archives that are whole, so that the machine is reached.
  @Test(.timeLimit(.minutes(60)))
  func `damaged pickles in whole archives`() throws {
    let names = ["types.pt", "views.pt", "views-4.pt", "parameters.pt", "state_dict.pt"]
    let seeds = try names.map(Parts.init)
    let pickles = seeds.map(\.pickle)
    // One mutator for each file, since its pickle fits its own storages only; all splice from all.
    let mutators = pickles.indices.map { index in
      FuzzMutator(
        seeds: [pickles[index]], tokens: Self.opcodes + pickles.map { Array($0.prefix(200)) },
        seed: FuzzDriver.seed &+ 10 &+ UInt64(index))
    }
    var isBounded = true
    var report = FuzzDriver.Report(name: "pickles", seed: FuzzDriver.seed &+ 10)
    let folder = try FuzzFolder()
    let clock = ContinuousClock()
    let start = clock.now
    for index in 0..<FuzzDriver.inputCount(usual: 10_000) {
      let choice = index % seeds.count
      let pickle = mutators[choice].input(index)
      var machine = PickleMachine(pickle)
      do throws(CheckpointError.PickleFault) {
        _ = try machine.run()
      } catch {
        report.refused += 1
        if machine.valueCount > 4 * pickle.count { isBounded = false }
        continue
      }
      if machine.valueCount > 4 * pickle.count { isBounded = false }
      let archive = TorchArchive(pickle: pickle, storages: seeds[choice].storages)
      try folder.replace("x.pt", with: archive.bytes)
      do {
        try Self.readAll(TorchFile(folder.file("x.pt")).sources)
        report.accepted += 1
      } catch is CheckpointError {
        report.refused += 1
      }
    }
    report.seconds = (clock.now - start) / .seconds(1)
    #expect(isBounded)
    self.report(report)
  }

  @Test(.timeLimit(.minutes(60)))
  func `damaged safetensors files`() throws {
    let seeds = try Self.golden(["types.safetensors", "views.safetensors", "model.safetensors"])
    let tokens = ["{", "}", "[", "]", ",", ":", "\"", "\"dtype\":\"F64\"", "[0,0]", "null", "\\u"]
    let driver = FuzzDriver(
      name: "files.safetensors",
      mutator: FuzzMutator(
        seeds: seeds, tokens: tokens.map { Array($0.utf8) }, seed: FuzzDriver.seed &+ 2))
    report(
      try driver.run(count: FuzzDriver.inputCount(usual: 3_000)) { path in
        try Self.readAll(SafetensorsFile(path).sources)
      })
  }

  @Test(.timeLimit(.minutes(60)))
  func `damaged indices`() throws {
    let index = try TorchGolden.bytes("sharded/pytorch_model.bin.index.json")
    let tokens = ["../x", "/etc/passwd", "..", "\\u0000", "null", "{", "}", "\"", ":", "[]", "1e9"]
    let mutator = FuzzMutator(
      seeds: [index], tokens: tokens.map { Array($0.utf8) }, seed: FuzzDriver.seed &+ 3)
    // The shards are whole and lie in the folder; only the index lies.
    let folder = try TemporaryFolder()
    for name in ["config.json"] + (1...2).map({ "pytorch_model-0000\($0)-of-00002.bin" }) {
      try folder.write(try TorchGolden.bytes("sharded/\(name)"), name)
    }
    var report = FuzzDriver.Report(name: "indices", seed: mutator.seed)
    let clock = ContinuousClock()
    let start = clock.now
    for number in 0..<FuzzDriver.inputCount(usual: 2_000) {
      try folder.write(mutator.input(number), "pytorch_model.bin.index.json")
      do {
        try Self.expectInside(Checkpoint.open(directory: folder.path), folder.path)
        report.accepted += 1
      } catch is CheckpointError {
        report.refused += 1
      }
    }
    report.seconds = (clock.now - start) / .seconds(1)
    self.report(report)
  }

  private static func expectInside(_ checkpoint: Checkpoint, _ folder: String) throws {
    for name in checkpoint.names {
      let origin = try checkpoint.source(name).origin
      #expect(origin.hasPrefix(folder + "/") && !origin.contains(".."))
    }
  }

  @Test func `an input is a function of seed and number`() {
    let mutator = FuzzMutator(seeds: [[1, 2, 3, 4, 5, 6, 7, 8]], tokens: [[9]], seed: 5)
    #expect((0..<50).map(mutator.input) == (0..<50).reversed().map(mutator.input).reversed())
    #expect(Set((0..<200).map(mutator.input)).count > 100)
    let other = FuzzMutator(seeds: mutator.seeds, tokens: mutator.tokens, seed: 6)
    #expect((0..<50).map(mutator.input) != (0..<50).map(other.input))
    // No seed is too short to be damaged.
    let empty = FuzzMutator(seeds: [[]], seed: 1)
    for number in 0..<500 { #expect(empty.input(number).count < 64) }
  }
}
