// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Foundation

  @testable import Models

  /// What Koine's models give for the inputs of a `FamilyGolden`, as differences from what
  /// transformers gave.
  struct FamilyParity {
    let golden: FamilyGolden
    let model: Model

    init(_ golden: FamilyGolden, kernels: Kernels = .best) throws {
      self.golden = golden
      model = try Model(golden.checkpoint(), kernels: kernels)
    }

    private func logits(_ hidden: DeviceArray) throws -> [[Double]] {
      let flat = try model.logits(ofHidden: hidden).floats()
      return stride(from: 0, to: flat.count, by: model.vocabularySize).map { first in
        flat[first..<first + model.vocabularySize].map { Double($0) }
      }
    }

    /// The largest difference over rows that should be alike.
    private func worst(_ found: [[Double]], _ expected: [[Double]]) -> Double {
      guard found.count == expected.count else { return .infinity }
      return zip(found, expected).reduce(0) { max($0, relativeDifference($1.0, $1.1)) }
    }

    /// One pass over a batch padded on the right.
    func rightPadded() throws -> Double {
      let ids = golden.ids("ids")
      let length = ids[0].count
      return try Engine.run {
        let segments = golden.lengths.flatMap { text in
          (0..<length).map { Int32($0 < text ? 0 : -1) }
        }
        let hidden = try model.architecture.hidden(
          model.parameters, ids: DeviceArray(ids.flatMap { $0 }, shape: [ids.count, length]),
          segments: DeviceArray(segments, shape: [ids.count, length]), cache: nil,
          kernels: model.kernels)
        let all = try logits(hidden)
        let found = golden.lengths.enumerated().flatMap { row, text in
          [0, text / 2, text - 1].map { all[row * length + $0] }
        }
        return worst(found, golden.rows("right"))
      }
    }

    /// The same texts padded on the left, over a cache: two long calls, then column by column.
    func cachedLeftPadded() throws -> Double {
      let ids = golden.ids("ids")
      let length = ids[0].count
      let starts = golden.lengths.map { length - $0 }
      let padded = zip(ids, golden.lengths).map { row, text in
        [Int32](repeating: 0, count: length - text) + row.prefix(text)
      }
      return try Engine.run {
        let cache = KeyValueCache(layerCount: model.architecture.sizes.layerCount, starts: starts)
        var found: [[Double]] = []
        for (call, count) in golden.calls.enumerated() {
          let range = cache.length..<cache.length + count
          let hidden = try model.architecture.hidden(
            model.parameters,
            ids: DeviceArray(padded.flatMap { $0[range] }, shape: [ids.count, count]),
            segments: nil, cache: cache, kernels: model.kernels)
          let all = try logits(hidden)
          try evaluate(cache.arrays)
          guard [0, 1, 2, 5, 8].contains(call) else { continue }
          for row in starts.indices where range.upperBound > starts[row] {
            found.append(all[row * count + count - 1])
          }
        }
        return worst(found, golden.rows("left"))
      }
    }

    /// The loss of the texts, packed into one row, and its gradients.
    func gradients() throws -> (loss: Double, gradients: Double) {
      let texts = golden.ids("texts")
      let ids = texts.flatMap { $0.dropLast() }
      let targets = texts.flatMap { $0.dropFirst() }
      let segments = texts.enumerated().flatMap { index, text in
        [Int32](repeating: Int32(index), count: text.count - 1)
      }
      let expectedLoss = golden.values["loss"]?.double ?? .nan
      let expected = golden.values["gradients"]?.object?.members ?? []
      let names = expected.map(\.key)
      return try Engine.run {
        let loss = try LossFunction(config: golden.config(4), kernels: model.kernels)
        let shape = [1, ids.count]
        let (values, found) = try valueAndGradient(of: names.map { try model.parameters[$0] }) {
          arrays in
          let parameters = Parameters(
            Dictionary(uniqueKeysWithValues: zip(names, arrays)))
          return [
            try loss(
              parameters, ids: DeviceArray(ids, shape: shape),
              targets: DeviceArray(targets, shape: shape),
              weights: DeviceArray([Float](repeating: 1, count: ids.count), shape: shape),
              segments: DeviceArray(segments, shape: shape))
          ]
        }
        // A gradient that is 0 but for rounding (a bias of keys that are not turned) has no digits.
        let whole = expected.reduce(0) { $0 + pow(FamilyGolden.numbers($1.value)[0], 2) }
        let least = 1e-3 * whole.squareRoot()
        var worst = 0.0
        for ((name, json), array) in zip(expected, found) {
          let numbers = FamilyGolden.numbers(json)
          let gradient = try array.floats().map { Double($0) }
          let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
          let product = zip(gradient, FamilyGolden.uniform(name + "?", gradient.count)).reduce(0) {
            $0 + $1.0 * Double($1.1)
          }
          // A product with random numbers moves as much as the gradient does.
          let difference = max(abs(norm - numbers[0]), abs(product - numbers[1]))
          worst = max(worst, difference / max(numbers[0], least))
        }
        let lossDifference = try abs(Double(values[0].item()) - expectedLoss) / expectedLoss
        return (lossDifference, worst)
      }
    }
  }
#endif
