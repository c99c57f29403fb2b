// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Writes model folders of random bfloat16 weights: a base, and models that differ from it a little.
///
/// Numbers come from two lists of normal deviates whose lengths have no common factor, read round
/// and round from places that depend on tensor and model: cheap, the same on every machine, and no
/// pair of weight and change occurs twice in a model of this size.
struct ModelWriter {
  private let weights = Self.normals(count: 1_048_573, scale: 0.02, seed: 1)
  private let changes = Self.normals(count: 999_983, scale: 0.002, seed: 2)

  /// Writes `folder`; model 0 is the base. A folder with a model of that size is left as it is.
  func write(_ shape: LlamaShape, model: Int, to folder: URL) throws {
    let file = folder.appendingPathComponent("model.safetensors")
    let header = Self.header(shape)
    let size = header.count + 2 * shape.parameterCount
    let found = try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
    if found == size { return }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(shape.config.utf8).write(to: folder.appendingPathComponent("config.json"))
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    try handle.write(contentsOf: header)
    for (number, tensor) in shape.tensors.enumerated() {
      let count = tensor.extents.reduce(1, *)
      let start = (
        number * 7919 % weights.count, (number * 104_729 + model * 333_667) % changes.count
      )
      for first in stride(from: 0, to: count, by: 1 << 22) {
        let length = min(1 << 22, count - first)
        let codes = codes(
          weightsFrom: start.0 + first, changesFrom: model == 0 ? nil : start.1 + first,
          count: length, isNorm: tensor.extents.count == 1)
        try codes.withUnsafeBytes { try handle.write(contentsOf: Data($0)) }
      }
    }
    try handle.close()
  }

  private func codes(
    weightsFrom first: Int, changesFrom other: Int?, count: Int, isNorm: Bool
  ) -> [UInt16] {
    var result = [UInt16](repeating: 0, count: count)
    var (weight, change) = (first % weights.count, (other ?? 0) % changes.count)
    for i in 0..<count {
      var code = Self.bfloat16(weights[weight] + (isNorm ? 1 : 0))
      if other != nil {
        code = Self.bfloat16(Float(bitPattern: UInt32(code) << 16) + changes[change])
      }
      result[i] = code.littleEndian
      weight = weight + 1 == weights.count ? 0 : weight + 1
      change = change + 1 == changes.count ? 0 : change + 1
    }
    return result
  }

  private static func header(_ shape: LlamaShape) -> Data {
    var offset = 0
    let entries = shape.tensors.map { tensor in
      let end = offset + 2 * tensor.extents.reduce(1, *)
      defer { offset = end }
      return "\"\(tensor.name)\":{\"dtype\":\"BF16\",\"shape\":\(tensor.extents),"
        + "\"data_offsets\":[\(offset),\(end)]}"
    }
    var text = "{\"__metadata__\":{\"format\":\"pt\"},\(entries.joined(separator: ","))}"
    text += String(repeating: " ", count: (8 - text.utf8.count % 8) % 8)
    let length = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Data($0) }
    return length + Data(text.utf8)
  }

  /// The nearest code, ties to even; for finite numbers.
  private static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }

  /// By Box and Muller, from SplitMix64.
  private static func normals(count: Int, scale: Double, seed: UInt64) -> [Float] {
    var state = seed
    func uniform() -> Double {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return (Double((z ^ (z >> 31)) >> 11) + 1) * 0x1p-53
    }
    return (0..<count).map { _ in
      Float(scale * (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()))
    }
  }
}
