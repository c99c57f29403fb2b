// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Testing

  @testable import Models

  struct EngineTests {
    @Test func `OpenBLAS is the one in use`() throws {
      #expect(Engine.version == "0.32.4")
      #expect(throws: Never.self) { try Engine.requireFastBLAS() }
      if Engine.device == "cpu" { #expect(Engine.blas.contains("OpenBLAS")) }
    }

    @Test func `an exception of the engine becomes an error, and the engine goes on`() throws {
      for _ in 0..<3 {
        #expect(throws: ModelError.self) {
          try Engine.run {
            _ = try matmul(
              DeviceArray([1, 2, 3] as [Float], shape: [1, 3]),
              DeviceArray([1, 2] as [Float], shape: [1, 2]))
          }
        }
      }
      let sum: Float = try Engine.run {
        try Models.sum(DeviceArray([1, 2, 3] as [Float], shape: [3])).item()
      }
      #expect(sum == 6)
    }

    @Test func `an error thrown inside a differentiated function comes out as it was`() throws {
      struct Mine: Error, Equatable {}
      #expect(throws: Mine()) {
        try Engine.run {
          _ = try valueAndGradient(of: [DeviceArray([1] as [Float], shape: [1])]) { _ in
            throw Mine()
          }
        }
      }
    }

    @Test func `calls from many threads are served one after the other`() async throws {
      let results = try await withThrowingTaskGroup(of: Float.self) { group in
        for index in 0..<20 {
          group.addTask {
            try Engine.run {
              try Models.sum(DeviceArray([Float(index), 1] as [Float], shape: [2])).item()
            }
          }
        }
        return try await group.reduce(into: Set<Float>()) { $0.insert($1) }
      }
      #expect(results == Set((1...20).map { Float($0) }))
    }

    @Test(.enabled(if: Engine.device == "cpu"))
    func `memory of a result that is gone is a later one's, aligned and written anew`() throws {
      let count = 1 << 18
      let weight = [Float](repeating: 1, count: 512)
      func place(of factor: Float) throws -> UInt {
        let rows = (0..<count).map { factor * Float($0 % 7 + 1) }
        let normed = try Kernels.fused.rmsNorm(
          DeviceArray(rows, shape: [512, 512]), DeviceArray(weight, shape: [512]), epsilon: 0)
        let plain = try Kernels.plain.rmsNorm(
          DeviceArray(rows, shape: [512, 512]), DeviceArray(weight, shape: [512]), epsilon: 0)
        let expected = try plain.floats()
        return try normed.withFloats { start, count in
          #expect((0..<count).allSatisfy { abs(start[$0] - expected[$0]) < 1e-5 })
          return UInt(bitPattern: start)
        }
      }
      try Engine.run {
        // When a result's memory comes back is the engine's affair, so that it may be one later.
        let places = try (1...8).map { try place(of: Float($0) - 4.5) }
        #expect(Set(places).count < 8 && places.allSatisfy { $0 % 64 == 0 })
        Engine.releaseMemory()
        Engine.resetPeakMemory()
        _ = try place(of: 2)
        // Rows, weight and result, and the plain graph's.
        #expect((2 * 4 * count..<32 * count).contains(Engine.peakMemory))
      }
    }

    @Test func `a call within a call runs at once`() throws {
      let value: Int = try Engine.run { try Engine.run { 41 } + 1 }
      #expect(value == 42)
    }
  }
#endif
