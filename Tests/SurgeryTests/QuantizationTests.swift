// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Tensors
import Testing

@testable import Surgery

@Suite struct QuantizationTests {
  static let types: [ElementType] = [.float32, .float16, .bfloat16]

  private static func golden(_ type: ElementType) throws -> Checkpoint {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../Golden/quantization/\(type.torchName)").standardized.path
    return try Checkpoint.open(directory: folder)
  }

  private static func bytes(_ checkpoint: Checkpoint, _ name: String) throws -> [UInt8] {
    let source = try checkpoint.source(name)
    return try source.prepare().bytes(
      0..<source.info.shape.elementCount, as: source.info.elementType)
  }

  /// A model of one matrix.
  private static func model(_ golden: Checkpoint) throws -> Checkpoint {
    Checkpoint(
      config: ["model_type": "golden"], origin: "golden",
      sources: ["input.weight": try golden.source("input.weight")], tokenizerFiles: [])
  }

  @Test(arguments: types, AffineGroups.allBits)
  func `integers, scales and biases equal MLX's to the bit`(
    type: ElementType, bits: Int
  ) throws {
    let golden = try Self.golden(type)
    for size in AffineGroups.allSizes {
      let groups = try #require(AffineGroups(bits: bits, size: size))
      let (quantized, unfitting) = try ModelQuantization(groups: groups).apply(
        to: try Self.model(golden))
      #expect(unfitting.isEmpty)
      for (ours, theirs) in [("weight", "words"), ("scales", "scales"), ("biases", "biases")] {
        let found = try Self.bytes(quantized, "input.\(ours)")
        let expected = try Self.bytes(golden, "b\(bits)g\(size).\(theirs)")
        #expect(found == expected, "\(type), \(bits) bits, runs of \(size): \(theirs)")
      }
    }
  }

  @Test(arguments: types)
  func `any part of the integers is the part of the whole`(type: ElementType) throws {
    let golden = try Self.golden(type)
    for bits in AffineGroups.allBits {
      let groups = try #require(AffineGroups(bits: bits, size: 32))
      let quantized = try ModelQuantization(groups: groups).apply(to: try Self.model(golden)).model
      let whole = try Self.bytes(quantized, "input.weight")
      let reader = try quantized.source("input.weight").prepare()
      for range in [0..<1, 1..<7, 5..<29, 3..<(whole.count / 4)] {
        let part = try reader.bytes(range, as: .uint32)
        #expect(part == Array(whole[(4 * range.lowerBound)..<(4 * range.upperBound)]))
      }
    }
  }

  @Test(arguments: types, [4, 8])
  func `a quantised folder opens as the floats it stands for`(type: ElementType, bits: Int) throws {
    let golden = try Self.golden(type)
    let folder = try AdapterFixture()
    let groups = try #require(AffineGroups(bits: bits, size: 64))
    let quantized = try ModelQuantization(groups: groups).apply(to: try Self.model(golden)).model
    try CheckpointWriter.write(quantized, to: folder.file("q"))
    let opened = try Checkpoint.open(directory: folder.file("q"))
    #expect(opened.names == ["input.weight"])
    #expect(opened.quantization == Quantization(groups: groups))
    #expect(opened.config["quantization"] == nil && opened.config["quantization_config"] == nil)
    #expect(opened.info("input.weight")?.elementType == type)
    let values = try opened.floats("input.weight")
    // MLX rounds the product as well as the sum, we the sum alone.
    let unit: Float = type == .float32 ? 0x1p-23 : type == .float16 ? 0x1p-10 : 0x1p-7
    for (row, expected) in zip(values.indices, try golden.floats("b\(bits)g64.values")) {
      let scale = values[(row / 64 * 64)..<(row / 64 * 64 + 64)].map(abs).max() ?? 0
      #expect(abs(values[row] - expected) <= 2 * unit * max(scale, abs(expected)))
    }
    // Half a step from the original, or one where an extreme is cut off; and the rounding of scale
    // and bias.
    let steps = try quantized.floats("input.scales").map(abs)
    let original = try golden.floats("input.weight")
    for index in values.indices {
      let largest = original[(index / 64 * 64)..<(index / 64 * 64 + 64)].map(abs).max() ?? 0
      #expect(
        abs(values[index] - original[index])
          <= steps[index / 64] * (1 + unit * Float(1 << bits)) + 2 * unit * largest)
    }
  }

  @Test func `a part of a dequantised matrix is that part of the whole`() throws {
    let golden = try Self.golden(.bfloat16)
    let folder = try AdapterFixture()
    let groups = try #require(AffineGroups(bits: 3, size: 32))
    let quantized = try ModelQuantization(groups: groups).apply(to: try Self.model(golden)).model
    try CheckpointWriter.write(quantized, to: folder.file("q"))
    let opened = try Checkpoint.open(directory: folder.file("q"))
    let whole = try opened.floats("input.weight")
    let reader = try opened.source("input.weight").prepare()
    for range in [0..<1, 31..<33, 5..<500, 700..<768] {
      var part = [Float](repeating: .nan, count: range.count)
      try part.withMutableChunk { (chunk) throws(CheckpointError) in
        try reader.read(from: range.lowerBound, into: chunk)
        Conversion.round(chunk, to: .bfloat16)
      }
      #expect(part == Array(whole[range]))
    }
  }

  @Test func `overrides leave modules as they are or give them other bits`() throws {
    let folder = try AdapterFixture()
    let matrix = (0..<(4 * 64)).map { Float($0 % 16) - 8 }
    let model = try Checkpoint.inMemory(
      config: ["model_type": "unknown"],
      tensors: [
        ("a.weight", [4, 64], matrix), ("b.weight", [4, 64], matrix),
        ("c.weight", [4, 64], matrix),
        ("d.weight", [4, 48], Array(matrix.prefix(4 * 48))),
        ("norm.weight", [64], Array(matrix[..<64])),
      ])
    let four = try #require(AffineGroups(bits: 4, size: 64))
    let left: AffineGroups? = nil
    let eight = try #require(AffineGroups(bits: 8, size: 32))
    let (quantized, unfitting) = try ModelQuantization(
      groups: four, overrides: [("^b", nil), ("[bc]\\.weight$", eight)]
    ).apply(to: model)
    #expect(unfitting == ["d"])
    try CheckpointWriter.write(quantized, to: folder.file("q"))
    let opened = try Checkpoint.open(directory: folder.file("q"))
    #expect(
      opened.quantization
        == Quantization(groups: four, overrides: ["b": left, "c": eight, "d": left]))
    #expect(opened.names == ["a.weight", "b.weight", "c.weight", "d.weight", "norm.weight"])
    #expect(try opened.floats("b.weight") == matrix)
    // Eight bits hold 16 whole numbers exactly.
    let close = zip(try opened.floats("c.weight"), matrix).allSatisfy { abs($0 - $1) < 1e-5 }
    #expect(close)
  }

  @Test func `what cannot be quantised is refused`() throws {
    let four = try #require(AffineGroups(bits: 4, size: 64))
    let narrow = try Checkpoint.inMemory(
      config: [:], tensors: [("a.weight", [4, 16], [Float](repeating: 1, count: 64))])
    #expect(throws: CheckpointError.self) { try ModelQuantization(groups: four).apply(to: narrow) }
    #expect(throws: CheckpointError.self) {
      try ModelQuantization(groups: four, overrides: [("(", nil)])
    }
    let plain = try Checkpoint.inMemory(
      config: [:], tensors: [("a.weight", [1, 64], [Float](repeating: 1, count: 64))])
    let idle = #expect(throws: CheckpointError.self) {
      try ModelQuantization(groups: four, overrides: [("lm_head", nil)]).apply(to: plain)
    }
    #expect(idle?.diagnosis.what.contains("`lm_head` occurs in no") == true)
    let wide = try Checkpoint.inMemory(
      config: [:], tensors: [("a.weight", [1, 64], [Float](repeating: 1, count: 63) + [.nan])])
    let quantized = try ModelQuantization(groups: four).apply(to: wide).model
    let twice = #expect(throws: CheckpointError.self) {
      try ModelQuantization(groups: four).apply(to: quantized)
    }
    #expect(twice?.diagnosis.what.contains("already") == true)
    let folder = try AdapterFixture()
    let error = #expect(throws: CheckpointError.self) {
      try CheckpointWriter.write(quantized, to: folder.file("q"))
    }
    #expect(error?.diagnosis.what.contains("Element 63 of the tensor `a.weight`") == true)
    #expect(!FileManager.default.fileExists(atPath: folder.file("q")))
  }

  @Test(
    arguments: [
      (["quantization": ["bits": 7, "group_size": 64]], "bits"),
      (["quantization": ["bits": 4, "group_size": 48]], "group_size"),
      (["quantization": ["bits": "4"]], "bits"),
      (["quantization": ["bits": 4, "mode": "mxfp4"]], "mxfp4"),
      (["quantization": 4], "object"),
      (["quantization": ["bits": 4, "input": 3]], "input"),
      (["quantization_config": ["quant_method": "gptq", "bits": 4]], "gptq"),
      (["quantization": ["bits": 8, "group_size": 64]], "words"),
      (["quantization": ["bits": 4, "group_size": 64, "input": false]], "input"),
    ] as [(JSON, String)])
  func `a folder that says wrongly how it is quantised is refused`(
    settings: JSON, mentioned: String
  ) throws {
    let folder = try AdapterFixture()
    let groups = try #require(AffineGroups(bits: 4, size: 64))
    let quantized = try ModelQuantization(groups: groups).apply(
      to: try Self.model(try Self.golden(.float32))
    ).model
    try CheckpointWriter.write(quantized.replacing(config: settings), to: folder.file("q"))
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(directory: folder.file("q"))
    }
    #expect("\(error?.diagnosis as Any)".contains(mentioned))
  }
}
