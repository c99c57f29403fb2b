// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

#if MLX
  import Models
#endif

/// Momentum with all singular values made alike, for the matrices between embedding and head.
///
///     b ← b + (1−μ)(g − b),   u = g + μ(b − g) with Nesterov, else b
///     O = NS₅(u / ‖u‖) ≈ UVᵀ of u's singular value decomposition
///     θ ← (1 − ηλ)θ − η·s·O
///
/// `scale` chooses s for a matrix of d_out × d_in: `match_rms_adamw`, the default, is
/// 0.2·√max(d_out, d_in), so that changes are as large as AdamW's and its rates and decay serve;
/// `original` is √max(1, d_out / d_in), which wants rates about 20 times as high. Embeddings, heads,
/// norms, biases and the factors of adapters are trained by AdamW with the same rate: with
/// `original`, give them a `learning_rate_factor` in a group.
///
/// - Cost: a buffer of the matrix's size, and 5·(4s²l + 2s³) operations for sides s ≤ l.
package struct Muon: Optimizer {
  package static let card = OptimizerCard(
    id: "muon",
    source: "Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the default scale: "
      + "Liu et al. 2025, arXiv:2502.16982, eq. 4",
    departs: "iterated in float32, not bfloat16; otherwise as torch.optim.Muon")

  static let buffer = "momentum_buffer"

  /// Of the Newton–Schulz iteration; newtonSchulz in CMLX has the same.
  private static let coefficients = (3.4445, -4.7750, 2.0315)

  /// s
  package enum Scale: String, CaseIterable, Sendable {
    case matchRMSAdamW = "match_rms_adamw"
    case original

    func factor(rows: Int, columns: Int) -> Double {
      switch self {
      case .matchRMSAdamW: 0.2 * Double(max(rows, columns)).squareRoot()
      case .original: max(1, Double(rows) / Double(columns)).squareRoot()
      }
    }
  }

  /// μ, in [0, 1).
  package var momentum = 0.95
  package var nesterov = true
  /// Newton–Schulz steps.
  package var steps = 5
  package var scale = Scale.matchRMSAdamW
  private let others = AdamW()

  package init() {}

  package init(_ settings: inout Settings) throws(DocumentError) {
    momentum = try settings.double("momentum", default: momentum, in: 0...0.999999)
    nesterov = try settings.bool("nesterov", default: nesterov)
    steps = try settings.int("ns_steps", default: steps, in: 1...99)
    let name = try settings.choice(
      "scale", default: scale.rawValue, of: Scale.allCases.map(\.rawValue))
    scale = Scale(rawValue: name) ?? scale
  }

  package var options: JSONObject {
    var object = JSONObject()
    object["momentum"] = JSON(momentum)
    object["nesterov"] = .bool(nesterov)
    object["ns_steps"] = JSON(steps)
    object["scale"] = .string(scale.rawValue)
    return object
  }

  private func isHidden(_ tensor: TensorOutline) -> Bool {
    tensor.role == .matrix && tensor.shape.count == 2
  }

  package func buffers(for tensor: TensorOutline) -> [StateOutline] {
    isHidden(tensor)
      ? [StateOutline(name: Self.buffer, shape: tensor.shape)] : others.buffers(for: tensor)
  }

  #if MLX
    package func update(
      _ tensor: TrainedTensor, gradient: UnsafePointer<Float>, _ step: OptimizerStep
    ) throws {
      guard isHidden(tensor.outline) else {
        return try others.update(tensor, gradient: gradient, step)
      }
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      let size = scale.factor(rows: rows, columns: columns)
      try MuonDirection.with(
        gradients: gradient, momentumBuffer: tensor.state(Self.buffer), rows: rows,
        columns: columns, gradientScale: step.gradientScale, momentum: momentum,
        nesterov: nesterov, steps: steps
      ) { direction in
        for (weights, factor) in tensor.ranges(step) {
          let rate = step.learningRate * factor
          weights.apply(
            direction: direction, keep: 1 - rate * tensor.weightDecay, rate: rate * size)
        }
      }
    }

    package func update(_ step: DeviceStep) throws {
      guard isHidden(step.tensor.outline) else { return try others.update(step) }
      let (rows, columns) = (step.tensor.shape[0], step.tensor.shape[1])
      let g = step.gradient
      let b = try step.remember(
        Self.buffer, movingAverage(step.state(Self.buffer), g, momentum))
      let direction = try orthogonalized(nesterov ? movingAverage(g, b, 1 - momentum) : b)
      let rate = try step.rate()
      try step.apply(
        multiply(rate, direction) * scale.factor(rows: rows, columns: columns),
        decayingWith: rate)
    }

    /// `matrix` with its singular values near 1; in float32.
    private func orthogonalized(_ matrix: DeviceArray) throws -> DeviceArray {
      let isTall = matrix.shape[0] > matrix.shape[1]
      let norm = try maximum(squareRoot(sum(multiply(matrix, matrix))), DeviceArray(1e-7))
      var x = try divide(isTall ? transpose(matrix, [1, 0]) : matrix, norm)
      let (a, b, c) = Self.coefficients
      for _ in 0..<steps {
        let gram = try matmul(x, transpose(x, [1, 0]))
        let bent = try add(gram * b, matmul(gram, gram) * c)
        x = try add(x * a, matmul(bent, x))
      }
      return isTall ? try transpose(x, [1, 0]) : x
    }
  #endif
}
