// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much text a source of a mixture has.
public struct MixtureSource: Equatable, Sendable {
  public var name: String
  /// Tokens, the ends of documents included.
  public var tokenCount: Int
  /// UTF-8 bytes behind them.
  public var byteCount: Int

  /// Describes a source.
  public init(name: String, tokenCount: Int, byteCount: Int) {
    self.name = name
    self.tokenCount = tokenCount
    self.byteCount = byteCount
  }

  /// The source that a token file is.
  public init(name: String, shard: TokenShard) {
    self.init(
      name: name, tokenCount: shard.tokenCount, byteCount: shard.header.textByteCount)
  }
}

extension MixSettings {
  /// The shares of text for a training of `budget` tokens of text.
  ///
  /// Without a schedule a cap on epochs is met by filling: with weights wᵢ and caps cᵢ (tokens of
  /// the source times its epochs) source i has
  ///
  ///     Uᵢ = min(cᵢ, λ · wᵢ),   λ such that Σ Uᵢ = budget,
  ///
  /// for the whole training; equal weights make this UniMax. With a schedule, caps are met while
  /// drawing: a source that has reached its cap is left out. Where `unit` is bytes, weights and
  /// sizes are of bytes; tokens follow by each source's mean tokens a byte.
  ///
  /// **Source:** Chung et al. 2023, arXiv:2304.09151, algorithm 1 (UniMax); Arivazhagan et al.
  /// 2019, arXiv:1907.05019 (temperature). **Departs:** the paper counts characters, fills in the
  /// order of sizes and has one cap; here the order is that of cap over weight.
  ///
  /// - Parameters:
  ///   - sources: all texts of the training, in the order of the configuration.
  ///   - budget: tokens drawn from text in the whole training, at least 1.
  /// - Returns: a mixture of the sources that are drawn from, in the order of `sources`.
  /// - Throws: ``CorpusError/unknownSource(_:place:known:)`` for names that are no text,
  ///   ``CorpusError/mixtureTooSmall(budget:capacity:)``, and ``CorpusError/setting(_:expected:found:)``.
  public func mixture(of sources: [MixtureSource], budget: Int) throws -> Mixture {
    guard budget > 0 else {
      throw CorpusError.setting(
        "tokens of the training", expected: "at least 1", found: "\(budget)")
    }
    try checkNames(texts: sources.map(\.name))
    for source in sources where source.tokenCount <= 0 {
      throw CorpusError.emptyCorpus(source.name, reason: "no tokens")
    }
    let total = Double(budget)
    let caps = sources.map { maxEpochs(of: $0.name) * Double($0.tokenCount) }
    let moments = schedule.map {
      switch $0.moment {
      case .share(let share): share * total
      case .tokens(let tokens): Double(tokens)
      }
    }
    var points: [Mixture.Point] = []
    for (index, point) in schedule.enumerated() {
      if index > 0, moments[index] < moments[index - 1] {
        throw CorpusError.setting(
          "mix.schedule[\(index)]",
          expected: "a moment after token \(Int(moments[index - 1])), where the point before is",
          found: "token \(Int(moments[index]))")
      }
      let weights = tokenWeights(point.rule, sources)
      try checkWeights(weights, sources)
      points.append(Mixture.Point(tokens: moments[index], shares: withReplay(weights, sources)))
    }
    if points.isEmpty {
      let weights = tokenWeights(rule, sources)
      try checkWeights(weights, sources)
      points = [
        Mixture.Point(tokens: 0, shares: try filled(weights, caps, sources, budget: total))
      ]
    }
    let used = sources.indices.filter { i in points.contains { $0.shares[i] > 0 } }
    let capacity = used.reduce(0) { $0 + caps[$1] }
    guard capacity >= total else {
      throw CorpusError.mixtureTooSmall(budget: budget, capacity: Int(capacity))
    }
    return try Mixture(
      names: used.map { sources[$0].name },
      points: points.map { point in
        Mixture.Point(tokens: point.tokens, shares: used.map { point.shares[$0] })
      },
      maxEpochs: used.map { maxEpochs(of: sources[$0].name) })
  }

  /// Throws ``CorpusError/unknownSource(_:place:known:)`` for a name that no text or set has.
  public func check(texts: [String], examples sets: [String]) throws {
    try checkNames(texts: texts)
    for entry in examples where !sets.contains(entry.name) {
      throw CorpusError.unknownSource(entry.name, place: "mix.examples", known: sets)
    }
  }

  private func checkNames(texts: [String]) throws {
    var places: [(name: String, place: String)] = []
    func note(_ rule: Rule, _ place: String) {
      if case .weights(let weights) = rule {
        places += weights.map { ($0.name, "\(place).weights") }
      }
    }
    note(rule, "mix")
    for (index, point) in schedule.enumerated() { note(point.rule, "mix.schedule[\(index)]") }
    places += (sources ?? []).map { ($0, "mix.sources") }
    places += replay.map { ($0.name, "mix.replay") }
    places += sourceMaxEpochs.map { ($0.name, "mix.max_epochs") }
    for (name, place) in places where !texts.contains(name) {
      throw CorpusError.unknownSource(name, place: place, known: texts)
    }
    for (name, place) in places where place.hasSuffix("weights") {
      guard !replay.contains(where: { $0.name == name }) else {
        throw CorpusError.setting(
          "\(place).\(name)", expected: "no weight for a source of `mix.replay`", found: "both")
      }
    }
  }

  private func maxEpochs(of name: String) -> Double {
    if let own = sourceMaxEpochs.first(where: { $0.name == name }) { return own.value }
    if case .uniMax(let cap) = rule, schedule.isEmpty,
      !replay.contains(where: { $0.name == name })
    {
      return min(cap, maxEpochs)
    }
    return maxEpochs
  }

  /// Weights of tokens by a rule; 0 for replay and for sources that are not drawn from.
  private func tokenWeights(_ rule: Rule, _ texts: [MixtureSource]) -> [Double] {
    texts.map { source in
      if replay.contains(where: { $0.name == source.name }) { return 0 }
      let tokens = Double(source.tokenCount)
      // Sources without a known text (0 bytes) count as one byte a token.
      let bytes = source.byteCount > 0 ? Double(source.byteCount) : tokens
      let size = unit == .tokens ? tokens : bytes
      let toTokens = unit == .tokens ? 1 : tokens / bytes
      let isMeant = sources?.contains(source.name) ?? true
      switch rule {
      case .weights(let weights):
        return (weights.first { $0.name == source.name }?.value ?? 0) * toTokens
      case .temperature(let temperature):
        return isMeant ? pow(size, 1 / temperature) * toTokens : 0
      case .uniMax:
        return isMeant ? toTokens : 0
      }
    }
  }

  private func checkWeights(_ weights: [Double], _ texts: [MixtureSource]) throws {
    guard weights.contains(where: { $0 > 0 }) || texts.count == replay.count else {
      throw CorpusError.setting(
        "mix", expected: "a source besides those of `mix.replay`", found: "none")
    }
  }

  private func replayShare(_ name: String) -> Double {
    replay.first { $0.name == name }?.value ?? 0
  }

  private func withReplay(_ weights: [Double], _ texts: [MixtureSource]) -> [Double] {
    let sum = weights.reduce(0, +)
    let rest = 1 - replay.reduce(0) { $0 + $1.value }
    return texts.indices.map { i in
      let share = replayShare(texts[i].name)
      return share > 0 ? share : sum > 0 ? weights[i] / sum * rest : 0
    }
  }

  /// Tokens of each source within its cap.
  private func filled(
    _ weights: [Double], _ caps: [Double], _ texts: [MixtureSource], budget: Double
  ) throws -> [Double] {
    var amounts = [Double](repeating: 0, count: texts.count)
    var left = budget
    for (i, source) in texts.enumerated() {
      let share = replayShare(source.name)
      guard share > 0 else { continue }
      amounts[i] = share * budget
      left -= amounts[i]
      guard amounts[i] <= caps[i] else {
        throw CorpusError.setting(
          "mix.replay.\(source.name)",
          expected: "at most \(caps[i] / budget) of this training, by its cap on epochs",
          found: "\(share)")
      }
    }
    let order = texts.indices.filter { weights[$0] > 0 }
      .sorted { (caps[$0] / weights[$0], $0) < (caps[$1] / weights[$1], $1) }
    var weightLeft = order.reduce(0) { $0 + weights[$1] }
    for i in order {
      amounts[i] = min(caps[i], left * (weights[i] / weightLeft))
      left -= amounts[i]
      weightLeft -= weights[i]
    }
    // What is left by rounding does not matter; what caps leave does.
    guard left <= 1e-6 * budget || order.isEmpty else {
      throw CorpusError.mixtureTooSmall(
        budget: Int(budget), capacity: Int(amounts.reduce(0, +)))
    }
    return amounts
  }
}
