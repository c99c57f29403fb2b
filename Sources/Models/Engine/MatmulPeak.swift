// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import CMLX

  /// How fast this machine multiplies matrices: what a training's share is a share of.
  package enum MatmulPeak {
    /// Floating-point operations a second of `x · wᵀ` with 1024 rows and columns, 4096 on a GPU, the best
    /// of several products, by the operator that training uses.
    ///
    /// Cost: about `seconds`, which ends the repetitions once there were three.
    package static func measure(_ kernels: Kernels = .best, seconds: Double = 0.3) throws -> Double
    {
      try Engine.run {
        let size = kernels == .fused ? 1024 : 4096
        let values = (0..<size * size).map { Float($0 % 7) - 3 }
        let x = try kernels.operand(DeviceArray(values, shape: [size, size]))
        let w = try kernels.operand(DeviceArray(values, shape: [size, size]))
        try evaluate([x, w])
        let work = 2.0 * Double(size) * Double(size) * Double(size)
        let start = ContinuousClock.now
        var best = 0.0
        var count = 0
        while count < 3 || ContinuousClock.now - start < .seconds(seconds) {
          let begin = ContinuousClock.now
          try evaluate(kernels.linear(x, [w]))
          let elapsed = (ContinuousClock.now - begin) / .seconds(1)
          best = max(best, work / max(elapsed, 1e-9))
          count += 1
        }
        return best
      }
    }
  }
#endif
