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

    @Test func `a call within a call runs at once`() throws {
      let value: Int = try Engine.run { try Engine.run { 41 } + 1 }
      #expect(value == 42)
    }
  }
#endif
