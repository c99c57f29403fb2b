// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX
  import Foundation

  extension Kernels {
    /// Cosines, then sines, of the angles of some positions: (L, R), or (B, L, R) where rows differ.
    struct Rotation {
      let table: DeviceArray
    }

    /// The rotation at `positions`, shared by all layers of its kind.
    func rotation(_ rotary: RotaryEmbedding, at positions: TokenPositions) throws -> Rotation {
      let frequencies = rotary.inverseFrequencies(length: positions.end)
      let (values, shape) = positions.numbers
      switch self {
      case .fused:
        let (numbers, factors) = try (
          DeviceArray(values, shape: shape), DeviceArray(frequencies, shape: [frequencies.count])
        )
        let table = DeviceArray(
          owning: try check("fused rope_table") {
            cmlx_fused_rope_table($0, numbers.handle, factors.handle)
          })
        guard rotary.amplitude != 1 else { return Rotation(table: table) }
        return Rotation(table: try multiply(table, DeviceArray(rotary.amplitude)))
      case .plain, .bfloat16:
        let table = values.flatMap { position in
          // The angle is rounded to Float before its cosine is taken, as transformers does.
          let angles = frequencies.map { Float(position) * $0 }
          return angles.map { cos($0) * rotary.amplitude }
            + angles.map { sin($0) * rotary.amplitude }
        }
        return Rotation(
          table: try DeviceArray(table, shape: shape + [2 * frequencies.count]))
      }
    }

    /// Rotates the first R numbers of each head, half against half, by position: x (B, L, H, K).
    ///
    /// - Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
    func rope(_ x: DeviceArray, _ rotation: Rotation) throws -> DeviceArray {
      switch self {
      case .fused:
        return DeviceArray(
          owning: try check("fused rope") {
            cmlx_fused_rope($0, x.handle, rotation.table.handle)
          })
      case .plain, .bfloat16:
        let shape = x.shape
        let size = rotation.table.shape.last ?? 0  // R
        let half = size / 2
        // (1 or B, L, 1, R)
        let table = try reshape(
          rotation.table, Array(([1] + rotation.table.shape).suffix(3).dropLast()) + [1, size])
        func part(_ a: DeviceArray, _ range: Range<Int>) throws -> DeviceArray {
          let extents = a.shape
          return try slice(
            a, from: [0, 0, 0, range.lowerBound],
            to: Array(extents.dropLast()) + [range.upperBound])
        }
        let (cosines, sines) = try (part(table, 0..<half), part(table, half..<size))
        let (a, b) = try (part(x, 0..<half), part(x, half..<size))
        var parts = try [
          subtract(multiply(a, cosines), multiply(b, sines)),
          add(multiply(b, cosines), multiply(a, sines)),
        ]
        if size < shape[3] { parts.append(try part(x, size..<shape[3])) }
        return try concatenate(parts, axis: 3)
      }
    }
  }
#endif
