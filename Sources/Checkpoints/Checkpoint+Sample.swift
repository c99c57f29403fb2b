// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Tensors

extension Checkpoint {
  /// A hash of a few weights: tells one model from another, trained further or edited, without reading
  /// either. It is no proof: a model that differs in few elements may have the same.
  ///
  /// Hashed (FNV-1a, 64 bits, as 16 hexadecimal digits) are, for each float tensor in the order of
  /// names, the name, the shape and 16 elements at each of the places 0, ¼, ½ and ¾, as floats, so that
  /// a copy in a wider type has the same hash. Cost: four short reads of each tensor; a lazy tensor
  /// is computed there.
  package func weightsSample() throws(CheckpointError) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    for name in names {
      guard let info = info(name), info.elementType.isFloatingPoint else { continue }
      for byte in "\(name)\t\(info.shape)\n".utf8 { add(byte) }
      let reader = try source(name).prepare()
      let count = info.shape.elementCount
      for quarter in 0..<4 {
        let start = count / 4 * quarter
        var run = [Float](repeating: 0, count: min(16, count - start))
        try run.withMutableChunk { (output) throws(CheckpointError) in
          try reader.read(from: start, into: output)
        }
        for value in run {
          let bits = value.bitPattern
          for shift in stride(from: UInt32(0), to: 32, by: 8) {
            add(UInt8(truncatingIfNeeded: bits >> shift))
          }
        }
      }
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
