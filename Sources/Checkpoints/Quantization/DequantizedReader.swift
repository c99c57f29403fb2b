// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

/// Reads a quantised matrix as the floats that it stands for.
struct DequantizedReader: TensorReader {
  let groups: AffineGroups
  let words: any TensorReader
  let scales: any TensorReader
  let biases: any TensorReader
  /// What the floats are rounded to.
  let type: ElementType

  /// Runs that are unpacked at once: what fits the first-level cache.
  private static let batch = 64

  func read(from start: Int, into output: MutableFloatChunk) throws(CheckpointError) {
    let size = groups.size
    let end = start + output.count
    var run = start / size
    while run * size < end {
      let count = min(Self.batch, (end - 1) / size + 1 - run)
      let first = run
      try withWorkspace(count: (2 + size) * count) { (memory) throws(CheckpointError) in
        let scales = memory[0..<count]
        let biases = memory[count..<(2 * count)]
        let values = memory[(2 * count)..<((2 + size) * count)]
        try self.scales.read(from: first, into: scales)
        try self.biases.read(from: first, into: biases)
        let wordCount = groups.wordCount
        try withByteWorkspace(count: 4 * wordCount * count) { (bytes) throws(CheckpointError) in
          try words.read(
            from: first * wordCount, count: wordCount * count, as: .uint32, into: &bytes)
          for index in 0..<count {
            groups.dequantize(
              bytes.bytes, at: 4 * wordCount * index, scale: scales[index], bias: biases[index],
              into: values[(index * size)..<((index + 1) * size)])
          }
        }
        let range = max(start, first * size)..<min(end, (first + count) * size)
        output[(range.lowerBound - start)..<(range.upperBound - start)].assign(
          values[(range.lowerBound - first * size)..<(range.upperBound - first * size)].reading)
      }
      run += count
    }
    Conversion.round(output, to: type)
  }
}

extension Checkpoint {
  /// The tensors of a folder, quantised ones as the floats they stand for.
  ///
  /// A matrix gets the type of its scales: its numbers are computed in float32 and rounded once.
  /// - Throws: ``CheckpointError/quantization(_:origin:)`` where tensors of a module do not fit each
  ///   other.
  static func dequantized(
    _ listed: [(name: String, source: TensorSource)], _ quantization: Quantization, origin: String
  ) throws(CheckpointError) -> [(name: String, source: TensorSource)] {
    let sources = Dictionary(listed.map { ($0.name, $0.source) }) { first, _ in first }
    var result: [(name: String, source: TensorSource)] = []
    for (name, source) in listed {
      guard let module = module(name, ending: ".weight"), let scales = sources[module + ".scales"]
      else {
        let owner = module(name, ending: ".scales") ?? module(name, ending: ".biases")
        // The companions of a matrix go with it.
        if let owner, sources[owner + ".weight"] != nil, sources[owner + ".scales"] != nil {
          continue
        }
        result.append((name, source))
        continue
      }
      guard let biases = sources[module + ".biases"] else {
        throw .quantization(
          .module(module, expected: "a tensor `biases`", found: "none"), origin: origin)
      }
      guard let groups = quantization.groups(of: module) else {
        throw .quantization(
          .module(module, expected: "no `scales`, as config.json says", found: "them"),
          origin: origin)
      }
      result.append(
        (name, try dequantized(module, groups, source, scales, biases, origin: origin)))
    }
    return result
  }

  private static func module(_ name: String, ending: String) -> String? {
    name.hasSuffix(ending) ? String(name.dropLast(ending.count)) : nil
  }

  private static func dequantized(
    _ module: String, _ groups: AffineGroups, _ words: TensorSource, _ scales: TensorSource,
    _ biases: TensorSource, origin: String
  ) throws(CheckpointError) -> TensorSource {
    let (packed, runs) = (words.info.shape.extents, scales.info.shape.extents)
    guard words.info.elementType == .uint32, scales.info.elementType.isFloatingPoint else {
      throw .quantization(
        .module(
          module, expected: "U32 words and float scales",
          found: "\(words.info.elementType.rawValue) and \(scales.info.elementType.rawValue)"),
        origin: origin)
    }
    guard let rowWords = packed.last, let rowRuns = runs.last,
      packed.count == runs.count, packed.dropLast() == runs.dropLast(),
      rowRuns.multipliedReportingOverflow(by: groups.wordCount) == (rowWords, false),
      biases.info == scales.info
    else {
      throw .quantization(
        .module(
          module,
          expected: "\(groups.wordCount) words, a scale and a bias for every run of "
            + "\(groups.size) weights of \(groups.bits) bits",
          found: "words \(words.info.shape), scales \(scales.info.shape), biases "
            + "\(biases.info.shape)"), origin: origin)
    }
    // A matrix without rows may claim any number of columns.
    let (columns, overflows) = rowRuns.multipliedReportingOverflow(by: groups.size)
    guard !overflows, let shape = Shape(checking: packed.dropLast() + [columns]) else {
      throw .quantization(
        .module(module, expected: "a shape that can be counted", found: "\(packed)"),
        origin: origin)
    }
    return TensorSource(
      info: TensorInfo(elementType: scales.info.elementType, shape: shape), origin: words.origin
    ) { () throws(CheckpointError) in
      DequantizedReader(
        groups: groups, words: try words.prepare(), scales: try scales.prepare(),
        biases: try biases.prepare(), type: scales.info.elementType)
    }
  }
}
