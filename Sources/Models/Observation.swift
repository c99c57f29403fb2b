// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation

  // What statistics ask of a model besides its loss.

  extension LossFunction {
    /// Builds a forward pass and shows `observer` what every linear layer is given, the head
    /// included where it is a tensor of its own.
    ///
    /// - Parameters: ids and segments (B, L) int32.
    package func observeLinearInputs(
      _ parameters: Parameters, ids: DeviceArray, segments: DeviceArray, _ observer: LinearObserver
    ) throws {
      try withoutActuallyEscaping(observer) { observer in
        let hidden = try architecture.hidden(
          parameters, ids: ids, segments: segments, cache: nil, kernels: kernels,
          observer: observer)
        if !architecture.tiesEmbeddings {
          try observer([architecture.headName(in: parameters)], hidden)
        }
      }
    }

    /// XᵀX of the rows of an input (N, D) → (D, D).
    package func gram(_ input: DeviceArray) throws -> DeviceArray {
      let columns = try contiguous(transpose(input, [1, 0]))
      return try kernels.linear(columns, [columns])[0]
    }

    /// Tokens drawn from the model's predictions after each input: ids and segments (1, L) → L.
    ///
    /// - Parameter uniform: a number in [0, 1) for each row.
    /// - Note: At most 64 rows of logits are in memory at a time.
    package func sampleTargets(
      _ parameters: Parameters, ids: DeviceArray, segments: DeviceArray,
      uniform: (_ row: Int) -> Double
    ) throws -> [Int32] {
      let hidden = try architecture.hidden(
        parameters, ids: ids, segments: segments, cache: nil, kernels: kernels)
      try evaluate([hidden])
      let (rows, width) = (hidden.shape[0], hidden.shape[1])
      var drawn: [Int32] = []
      for first in stride(from: 0, to: rows, by: 64) {
        let last = min(rows, first + 64)
        let part = try contiguous(slice(hidden, from: [first, 0], to: [last, width]))
        try architecture.logits(parameters, hidden: part, kernels: kernels).withFloats {
          logits, count in
          let vocabulary = count / (last - first)
          for row in first..<last {
            let line = UnsafeBufferPointer(
              start: logits + (row - first) * vocabulary, count: vocabulary)
            drawn.append(Self.draw(line, uniform(row)))
          }
        }
      }
      return drawn
    }

    /// The first token at which the sum of probabilities exceeds `uniform`.
    private static func draw(_ logits: UnsafeBufferPointer<Float>, _ uniform: Double) -> Int32 {
      let peak = logits.max() ?? 0
      var total = 0.0
      for logit in logits { total += exp(Double(logit - peak)) }
      var left = uniform * total
      for (token, logit) in logits.enumerated() {
        left -= exp(Double(logit - peak))
        if left < 0 { return Int32(token) }
      }
      return Int32(logits.count - 1)
    }
  }
#endif
