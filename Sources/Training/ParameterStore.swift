// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Models
  import Tensors

  /// The trained tensors: float32 masters and AdamW's two moments, updated in place.
  ///
  /// AdamW: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²,
  /// θ ← θ − η·(m̂ / (√v̂ + ε) + λθ) with m̂ = m / (1−β₁ᵗ), v̂ = v / (1−β₂ᵗ).
  /// - Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
  /// - Departs: λ is scaled by η, as in PyTorch; norms and biases (rank below 2) do not decay.
  final class ParameterStore {
    struct Tensor {
      var name: String
      var shape: [Int]
      var weights: FloatBuffer
      var firstMoment: FloatBuffer
      var secondMoment: FloatBuffer
      var decays: Bool { shape.count > 1 }
    }

    /// In the order of the names, so that everything summed over them is reproducible.
    let tensors: [Tensor]
    /// Over the memory of the weights.
    let arrays: [DeviceArray]

    init(_ weights: [(name: String, shape: [Int], values: [Float])]) throws {
      tensors = try weights.sorted { $0.name < $1.name }.map { entry in
        Tensor(
          name: entry.name, shape: entry.shape,
          weights: try FloatBuffer(entry.values, shape: entry.shape),
          firstMoment: try FloatBuffer(zeros: entry.shape),
          secondMoment: try FloatBuffer(zeros: entry.shape))
      }
      arrays = tensors.map(\.weights.array)
    }

    /// The arrays by name.
    func parameters(_ arrays: [DeviceArray]) -> Parameters {
      Parameters(
        Dictionary(uniqueKeysWithValues: zip(tensors.map(\.name), arrays)))
    }

    var parameterCount: Int { tensors.reduce(0) { $0 + $1.weights.count } }
  }
#endif
