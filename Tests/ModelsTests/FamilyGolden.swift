// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Tensors
  import Testing

  @testable import Models

  /// One variant of one family in Tests/Golden/models/families, with its weights by formula.
  struct FamilyGolden: CustomTestStringConvertible {
    let family: String
    let title: String
    let values: JSON
    /// Columns of text in each row of the batches.
    let lengths: [Int]
    /// Columns of each call over a cache.
    let calls: [Int]

    var testDescription: String { "\(family), \(title)" }

    static let folder = Golden.folder.appending(path: "families")

    static let all: [FamilyGolden] = DecoderFamilies.modelTypes.sorted().flatMap { family in
      guard let text = try? Data(contentsOf: folder.appending(path: family + ".json")),
        let golden = try? JSON.parse(text, origin: family)
      else { return [FamilyGolden]() }
      return (golden["variants"]?.object?.members ?? []).map { title, values in
        FamilyGolden(
          family: family, title: title, values: values, lengths: integers(golden["lengths"]),
          calls: integers(golden["calls"]))
      }
    }

    /// `config.json` as transformers 4 or 5 writes it.
    func config(_ generation: Int) -> JSON { values["config_\(generation)"] ?? .null }

    static func integers(_ json: JSON?) -> [Int] { (json?.array ?? []).compactMap(\.int) }

    static func numbers(_ json: JSON?) -> [Double] { (json?.array ?? []).compactMap(\.double) }

    func rows(_ key: String) -> [[Double]] { (values[key]?.array ?? []).map(Self.numbers) }

    func ids(_ key: String) -> [[Int32]] {
      (values[key]?.array ?? []).map { Self.integers($0).map { Int32($0) } }
    }

    /// u of families.py: numbers in [−1, 1), a function of the name and the index.
    static func uniform(_ name: String, _ count: Int) -> [Float] {
      var seed: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in name.utf8 { seed = (seed ^ UInt64(byte)) &* 0x100_0000_01B3 }
      return (0..<count).map { index in
        var z = seed &+ UInt64(index) &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Float(z >> 40) / Float(1 << 23) - 1
      }
    }

    /// The weights of families.py.
    func checkpoint(generation: Int = 4) throws -> Checkpoint {
      let config = config(generation)
      let blueprint = try Blueprint.of(config, origin: family)
      let tensors = try blueprint.expectations(config, origin: family).filter(\.isRequired).map {
        expectation in
        let shape = expectation.shape
        let u = Self.uniform(expectation.name, shape.elementCount)
        let values: [Float]
        switch expectation.role {
        case .bias: values = u.map { Float(0.3) * $0 }
        case .norm: values = u.map { Float(0.3) * $0 + blueprint.neutralNorm }
        case .inputEmbedding, .outputHead: values = u
        case .matrix:
          let strong = ["q_proj", "k_proj", "qkv_proj"].contains { expectation.name.contains($0) }
          let scale = Float((strong ? 4 : 2) / Double(shape.extents[1]).squareRoot())
          values = u.map { scale * $0 }
        }
        return (name: expectation.name, shape: shape, values: values)
      }
      return try Checkpoint.inMemory(config: config, tensors: tensors)
    }
  }

  /// The largest |found − expected|, in units of the largest |expected| of the row.
  func relativeDifference(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count, !expected.isEmpty else { return .infinity }
    let scale = expected.reduce(0) { max($0, abs($1)) }
    return zip(found, expected).reduce(0) { worst, pair in
      let difference = abs(pair.0 - pair.1) / scale
      return difference.isNaN ? .infinity : max(worst, difference)
    }
  }
#endif
