// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation
  import Tensors

  /// How to continue a text.
  public struct GenerationOptions: Sendable {
    /// At most so many new tokens.
    public var maximumTokens: Int
    /// 0 takes the most likely token each time; otherwise logits are divided by it and sampled.
    public var temperature: Double
    /// Decides the samples together with the position.
    public var seed: UInt64
    /// Ids that end the text; they are not part of the answer.
    public var stopIDs: Set<Int32>
    /// Keys and values are kept between tokens; without, each token reads the whole text again.
    public var usesCache: Bool

    public init(
      maximumTokens: Int = 64, temperature: Double = 0, seed: UInt64 = 0,
      stopIDs: Set<Int32> = [], usesCache: Bool = true
    ) {
      self.maximumTokens = maximumTokens
      self.temperature = temperature
      self.seed = seed
      self.stopIDs = stopIDs
      self.usesCache = usesCache
    }
  }

  extension Model {
    /// The tokens that follow `prompt`.
    ///
    /// Stops at a stop id, at `maximumTokens`, or when the model's positions are used up.
    /// - Throws: `ModelError` for an empty prompt or ids out of range, `.notFinite` for NaN logits.
    public func generate(
      after prompt: [Int32], options: GenerationOptions = GenerationOptions()
    ) throws -> [Int32] {
      try checkIDs(prompt)
      let random = CounterRandom(seed: options.seed, stream: "generate")
      return try Engine.run {
        var cache =
          options.usesCache ? KeyValueCache(layerCount: architecture.sizes.layerCount) : nil
        var all = prompt
        var pending = prompt
        while all.count - prompt.count < options.maximumTokens, all.count < maximumPositions {
          if let length = cache?.length, length > 0,
            architecture.outgrowsCache(from: length, to: all.count)
          {
            cache = KeyValueCache(layerCount: architecture.sizes.layerCount)
            pending = all
          }
          let input = cache == nil ? all : pending
          let hidden = try architecture.hidden(
            parameters, ids: DeviceArray(input, shape: [1, input.count]), segments: nil,
            cache: cache, kernels: kernels)
          let width = hidden.shape[1]
          let last = try slice(hidden, from: [input.count - 1, 0], to: [input.count, width])
          let logitsArray = try logits(ofHidden: last)
          try evaluate([logitsArray] + (cache?.arrays ?? []))
          let logits = try logitsArray.floats()
          let next = try choose(logits, options, random, step: all.count - prompt.count)
          if options.stopIDs.contains(next) { break }
          all.append(next)
          pending = [next]
        }
        return Array(all[prompt.count...])
      }
    }

    private func choose(
      _ logits: [Float], _ options: GenerationOptions, _ random: CounterRandom, step: Int
    ) throws -> Int32 {
      var best = 0
      for index in logits.indices {
        guard logits[index].isFinite else {
          throw ModelError.notFinite(name: "logits", index: index)
        }
        if logits[index] > logits[best] { best = index }
      }
      guard options.temperature > 0 else { return Int32(best) }
      let weights = logits.map { exp(Double($0 - logits[best]) / options.temperature) }
      var remaining = Double(random.uniform(at: step)) * weights.reduce(0, +)
      for (index, weight) in weights.enumerated() {
        remaining -= weight
        if remaining < 0 { return Int32(index) }
      }
      return Int32(best)
    }
  }
#endif
