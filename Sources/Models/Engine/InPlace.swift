// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  extension FloatBuffer {
    /// Moves every number a `share` of the way toward the one of `weights`: in place, or as a graph that
    /// the caller evaluates.
    package func move(
      toward weights: WeightBuffer, share: Double, kernels: Kernels = .fused
    ) throws {
      precondition(weights.count == count, "as many numbers as the buffer holds")
      guard kernels == .fused else {
        let difference = try subtract(widened(weights.array), array)
        return try assign(add(array, multiply(DeviceArray(Float(share)), difference)))
      }
      try widened(weights.array).withFloats { values, _ in
        cmlx_move_toward(base, values, count, Float(share))
      }
    }

    /// The index of the first NaN or infinity, or `nil`.
    package var firstNonFinite: Int? { PlainMemory.firstNonFinite(base, count) }
  }

  /// Scans over plain memory.
  package enum PlainMemory {
    /// Σ x² in double; the same for any number of threads.
    package static func squaredNorm(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
      cmlx_squared_norm(values, count)
    }

    /// The index of the first NaN or infinity, or `nil`.
    package static func firstNonFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Int? {
      let index = cmlx_first_non_finite(values, count)
      return index < count ? index : nil
    }
  }
#endif
