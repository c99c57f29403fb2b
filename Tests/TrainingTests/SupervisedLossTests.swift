// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Corpora
  import Documents
  import Foundation
  import Models
  import Testing

  @testable import Training

  /// What packing, padding and splitting must not change, by loss and gradient.
  struct SupervisedLossTests {
    private struct Result {
      /// Σ weight · cross-entropy / Σ weight.
      var loss: Double
      /// Of that loss, by tensor.
      var gradients: [[Float]]
    }

    private let start: Checkpoint

    init() throws {
      let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Golden/models/llama-rich")
      start = try Checkpoint.open(directory: golden.path)
    }

    /// Loss and gradient of windows in micro-batches of the given sizes.
    private func result(_ windows: [Window], split: [Int]? = nil, _ kernels: Kernels = .best) throws
      -> Result
    {
      try Engine.run {
        let names = start.names.sorted()
        let arrays = try names.map {
          try DeviceArray(start.floats($0), shape: start.info($0)?.shape.extents ?? [])
        }
        let loss = try LossFunction(config: start.config, kernels: kernels)
        var sum = 0.0
        var weight = 0.0
        var total: [[Float]] = []
        var rest = windows[...]
        for count in split ?? [windows.count] {
          let batch = try Batch(Array(rest.prefix(count)), vocabularySize: loss.vocabularySize)
          rest = rest.dropFirst(count)
          let (values, gradients) = try valueAndGradient(of: arrays) { arrays in
            [
              try loss(
                Parameters(Dictionary(uniqueKeysWithValues: zip(names, arrays))), ids: batch.ids,
                targets: batch.targets, weights: batch.weights, segments: batch.segments)
            ]
          }
          try evaluate(values + gradients)
          sum += Double(try values[0].item())
          weight += batch.weightSum
          let found = try gradients.map { try $0.floats() }
          total = total.isEmpty ? found : zip(total, found).map { zip($0, $1).map(+) }
        }
        precondition(rest.isEmpty)
        return Result(
          loss: sum / weight, gradients: total.map { $0.map { Float(Double($0) / weight) } })
      }
    }

    private func expectEqual(
      _ a: Result, _ b: Result, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      #expect(abs(a.loss - b.loss) < 1e-5, sourceLocation: sourceLocation)
      var worst: Float = 0
      for (x, y) in zip(a.gradients.joined(), b.gradients.joined()) {
        worst = max(worst, abs(x - y))
      }
      #expect(worst < 1e-5, sourceLocation: sourceLocation)
      #expect(a.gradients.joined().contains { abs($0) > 1e-3 }, sourceLocation: sourceLocation)
    }

    /// Examples of unequal lengths with answers, weighted prompts and an end.
    private func examples(promptWeight: Float) -> [EncodedExample] {
      (0..<9).map { i in
        let prompt = (0..<(2 + i * 3 % 7)).map { Int32(1 + (i * 11 + $0 * 5) % 60) }
        let answer = (0..<(1 + i % 4)).map { Int32(1 + (i * 7 + $0 * 3) % 60) }
        return EncodedExample(
          tokens: prompt + answer + [0],
          weights: prompt.map { _ in promptWeight } + answer.map { _ in 1 } + [1])
      }
    }

    /// The windows of one epoch.
    private func epoch(
      _ packing: ExampleSettings.Packing, promptWeight: Float = 0.3, length: Int = 24
    ) throws -> [Window] {
      let examples = examples(promptWeight: promptWeight)
      var sampler = try ExampleSampler(
        ExampleSet(name: "set", examples: examples, packing: packing, packingBuffer: 9),
        windowLength: length, endOfText: 0, seed: 4)
      var windows: [Window] = []
      while sampler.statistics[0].epochs < 1 { windows.append(sampler.next()) }
      return windows
    }

    @Test(arguments: [Kernels.fused, .plain])
    func `packing changes neither loss nor gradient (axolotl 3301, 3453, 3465; functionary 265)`(
      kernels: Kernels
    ) throws {
      let apart = try epoch(.none)
      let packed = try epoch(.bestFit)
      #expect(apart.count == 9 && packed.count < 6)
      expectEqual(try result(packed, kernels), try result(apart, kernels))
    }

    @Test
    func
      `split batches equal whole ones, with fractional weights and unequal counts (transformers 34191, 35203, 37766; trl 2175; axolotl 1100)`()
      throws
    {
      let windows = try epoch(.bestFit)
      let whole = try result(windows)
      expectEqual(try result(windows, split: windows.map { _ in 1 }), whole)
      expectEqual(try result(windows, split: [1, windows.count - 1]), whole)
      let apart = try epoch(.none)
      expectEqual(try result(apart, split: [5, 1, 3]), whole)
    }

    @Test func `the padding token is not in the loss, whatever its id (mlx-lm 1697, axolotl 2227)`()
      throws
    {
      let windows = try epoch(.none)
      let others = windows.map { window in
        var window = window
        for place in window.tokens.indices where window.segments[place] == -1 {
          window.tokens[place] = Int32(1 + place % 50)
        }
        return window
      }
      #expect(others != windows)
      let (a, b) = (try result(windows), try result(others))
      #expect(a.loss == b.loss)
      expectEqual(a, b)
    }

    @Test func `a weight of the prompt between 0 and 1 lies between both in the loss`() throws {
      func sums(_ weight: Float) throws -> (loss: Double, weight: Double) {
        let windows = try epoch(.none, promptWeight: weight)
        let sum = windows.reduce(0) { $0 + $1.weights.reduce(0) { $0 + Double($1) } }
        return (try result(windows).loss * sum, sum)
      }
      let (none, half, whole) = (try sums(0), try sums(0.5), try sums(1))
      #expect(abs(half.loss - (none.loss + whole.loss) / 2) < 1e-4)
      #expect(abs(half.weight - (none.weight + whole.weight) / 2) < 1e-9)
      #expect(none.loss < half.loss)
    }

    @Test func `longer rows of padding change nothing`() throws {
      expectEqual(try result(epoch(.none, length: 24)), try result(epoch(.none, length: 40)))
    }
  }
#endif
