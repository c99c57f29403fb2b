// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension MixedSampler {
  /// The windows of a training: its texts by their mixture, and its examples beside them.
  ///
  /// - Parameters:
  ///   - texts: all texts of the configuration, in its order; those that `mix` gives no share are
  ///     left out.
  ///   - examples: all sets, in their order. With texts, those that `mix.examples` does not name
  ///     are an error, since nothing says how often they come.
  ///   - windowCount: windows of the whole training, which schedules and caps are reckoned by.
  ///
  /// How many lanes are read side by side, and how long their passages are, goes by how much text
  /// there is: lanes hold at most a thirtieth of it, so that an epoch is that, but for 3 %.
  /// - Throws: ``CorpusError``.
  public init(
    _ mix: MixSettings, texts: [(name: String, shard: TokenShard)], examples: [ExampleSet],
    windowLength: Int, windowCount: Int, endOfText: Int32, seed: UInt64
  ) throws {
    try mix.check(texts: texts.map(\.name), examples: examples.map(\.name))
    func share(_ set: ExampleSet) -> Double? {
      mix.examples.first { $0.name == set.name }?.value
    }
    let exampleShare = examples.reduce(0) { $0 + (share($1) ?? 0) }
    var parts: [Part] = []
    if !texts.isEmpty {
      guard exampleShare < 1 else {
        throw CorpusError.setting(
          "mix.examples", expected: "shares that sum to less than 1, beside text",
          found: "\(exampleShare)")
      }
      for set in examples where share(set) == nil {
        throw CorpusError.setting(
          "mix.examples.\(set.name)", expected: "a share of the windows, beside text",
          found: "none")
      }
      let budget = Double(windowCount) * (1 - exampleShare) * Double(windowLength)
      let mixture = try mix.mixture(
        of: texts.map { MixtureSource(name: $0.name, shard: $0.shard) },
        budget: max(1, Int(budget.rounded())))
      let used = texts.filter { mixture.names.contains($0.name) }
      let held = used.reduce(0) { $0 + $1.shard.tokenCount } / windowLength / 30
      let laneCount = max(1, min(32, held))
      let sampler = try TextSampler(
        texts, mixture: mixture, windowLength: windowLength, seed: seed, laneCount: laneCount,
        passageWindows: max(1, min(8, held / laneCount)))
      parts.append(Part(sampler, share: 1 - exampleShare))
    }
    for set in examples {
      let sampler = try ExampleSampler(
        set, windowLength: windowLength, endOfText: endOfText, seed: seed)
      parts.append(Part(sampler, share: share(set) ?? 1))
    }
    try self.init(parts)
  }

  /// The part of all windows so far that was padding, 0 to 1.
  public var paddingShare: Double {
    let (padding, seen) = statistics.reduce((0, 0)) { ($0.0 + $1.padding, $0.1 + $1.seen) }
    return seen == 0 ? 0 : Double(padding) / Double(seen)
  }
}
