// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// How the sources of a training are mixed: the section `mix` of a configuration.
///
///     mix:
///       weights: {fao: 0.8, eng: 0.2}    # or temperature: 3, or unimax: {max_epochs: 4}
///       replay: {eng: 0.2}
///       max_epochs: 4
///       schedule:
///         - {at: 0.0, weights: {eng: 9, fao: 1}}
///         - {at: 0.5, weights: {eng: 3, fao: 7}}
///       examples: {chat: 0.1}
public struct MixSettings: Equatable, Sendable {
  /// A name with a number.
  public struct Named: Equatable, Sendable {
    /// The source.
    public var name: String
    /// A weight, a share or a cap.
    public var value: Double

    /// Names a number.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// How sources that are no replay divide what replay leaves.
  public enum Rule: Equatable, Sendable {
    /// As written; sources that are not named are not drawn from.
    case weights([Named])
    /// pᵢ ∝ nᵢ^(1/T) with nᵢ the size of the source; T of at least 1, which is proportional.
    case temperature(Double)
    /// As equal as a cap on epochs allows.
    case uniMax(maxEpochs: Double)
  }

  /// A point of a schedule.
  public struct Point: Equatable, Sendable {
    /// When its shares hold.
    public enum Moment: Equatable, Sendable {
      /// A share of the training, 0 to 1.
      case share(Double)
      /// Tokens drawn from text.
      case tokens(Int)
    }
    public var moment: Moment
    /// ``Rule/weights(_:)`` or ``Rule/temperature(_:)``.
    public var rule: Rule

    /// Makes a point.
    public init(_ moment: Moment, _ rule: Rule) {
      self.moment = moment
      self.rule = rule
    }
  }

  /// What shares and sizes count.
  public enum Unit: String, CaseIterable, Sendable {
    case tokens
    /// UTF-8 bytes of text, by the mean of a source.
    case bytes
  }

  public var unit = Unit.tokens
  /// In force where there is no schedule.
  public var rule = Rule.temperature(1)
  /// The sources that `temperature` and `unimax` divide; `nil`: all texts.
  public var sources: [String]?
  /// Sources with a fixed share of the text, such as the source language's text against
  /// forgetting, in (0, 1); the others divide the rest.
  public var replay: [Named] = []
  /// How often any source may be gone through; infinity for no cap.
  public var maxEpochs = Double.infinity
  /// Caps of single sources, before ``maxEpochs``.
  public var sourceMaxEpochs: [Named] = []
  /// Shares over time instead of ``rule``; empty for none.
  public var schedule: [Point] = []
  /// Sets of examples with their shares of the windows, in (0, 1); text has the rest. Without text
  /// any positive numbers, 1 for a set that is not named.
  public var examples: [Named] = []

  /// One source alone, or several by size.
  public init() {}

  /// Reads the section. Does not call `finish`.
  public init(_ settings: inout Settings) throws(DocumentError) {
    let unitName = try settings.choice(
      "unit", default: Unit.tokens.rawValue, of: Unit.allCases.map(\.rawValue))
    unit = Unit(rawValue: unitName) ?? .tokens
    sources = try settings.optionalStrings("sources")
    replay = try Self.named("replay", &settings, in: 1e-9...0.999_999_999)
    if replay.reduce(0, { $0 + $1.value }) >= 1 {
      throw settings.wrong(
        "replay", expected: "shares that sum to less than 1",
        found: "\(replay.reduce(0) { $0 + $1.value })")
    }
    let chosen = try Self.rule(&settings, allowsUniMax: true)
    if let chosen { rule = chosen }
    if let node = settings.node("max_epochs") {
      if case .mapping = node.content {
        sourceMaxEpochs = try Self.named("max_epochs", &settings, in: 1e-6...1e9)
      } else {
        maxEpochs = try settings.double("max_epochs", in: 1e-6...1e9)
      }
    }
    for (index, var child) in try settings.children("schedule").enumerated() {
      schedule.append(try Self.point(&child, after: schedule.last, index: index))
      try child.finish()
    }
    if schedule.isEmpty, settings.keys.contains("schedule") {
      throw settings.wrong("schedule", expected: "at least one point", found: "none")
    }
    if !schedule.isEmpty, chosen != nil {
      throw settings.wrong(
        "schedule", expected: "no `weights`, `temperature` or `unimax` beside it",
        found: "both")
    }
    examples = try Self.named("examples", &settings, in: 1e-9...1e9)
  }

  private static func named(
    _ key: String, _ settings: inout Settings, in range: ClosedRange<Double>
  ) throws(DocumentError) -> [Named] {
    guard var child = try settings.optionalChild(key) else { return [] }
    var found: [Named] = []
    for name in child.keys { found.append(Named(name, try child.double(name, in: range))) }
    return found
  }

  private static func rule(
    _ settings: inout Settings, allowsUniMax: Bool
  ) throws(DocumentError) -> Rule? {
    var found: [(key: String, rule: Rule)] = []
    let weights = try named("weights", &settings, in: 0...1e9)
    if !weights.isEmpty {
      guard weights.contains(where: { $0.value > 0 }) else {
        throw settings.wrong("weights", expected: "a weight above 0", found: "none")
      }
      found.append(("weights", .weights(weights)))
    }
    if let temperature = try settings.optionalDouble("temperature", in: 1...1e6) {
      found.append(("temperature", .temperature(temperature)))
    }
    if allowsUniMax, var child = try settings.optionalChild("unimax") {
      let epochs = try child.double("max_epochs", in: 1e-6...1e9)
      try child.finish()
      found.append(("unimax", .uniMax(maxEpochs: epochs)))
    }
    if found.count > 1 {
      throw settings.wrong(
        found[1].key, expected: "no `\(found[0].key)` beside it", found: "both")
    }
    return found.first?.rule
  }

  private static func point(
    _ settings: inout Settings, after last: Point?, index: Int
  ) throws(DocumentError) -> Point {
    let share = try settings.optionalDouble("at", in: 0...1)
    let tokens = try settings.optionalInt("at_tokens", in: 0...Int.max)
    let moment: Point.Moment
    switch (share, tokens) {
    case (let share?, nil): moment = .share(share)
    case (nil, let tokens?): moment = .tokens(tokens)
    case (nil, nil): moment = .share(try settings.double("at", in: 0...1))
    case (_?, _?):
      throw settings.wrong("at_tokens", expected: "no `at` beside it", found: "both")
    }
    let falls =
      switch (last?.moment, moment) {
      case (.share(let a), .share(let b)): b < a
      case (.tokens(let a), .tokens(let b)): b < a
      default: false
      }
    if falls {
      throw settings.wrong(
        share == nil ? "at_tokens" : "at", expected: "a moment after the point before",
        found: "an earlier one")
    }
    guard let rule = try rule(&settings, allowsUniMax: false) else {
      throw settings.wrong("weights", expected: "weights, or `temperature`", found: "none")
    }
    return Point(moment, rule)
  }
}

extension MixSettings {
  /// What decides the result, for keys of steps and saved states.
  public var identity: JSON {
    func pairs(_ named: [Named]) -> JSON {
      .array(named.map { [JSON($0.name), JSON($0.value)] })
    }
    func rule(_ rule: Rule) -> JSON {
      switch rule {
      case .weights(let weights): ["weights": pairs(weights)]
      case .temperature(let temperature): ["temperature": JSON(temperature)]
      case .uniMax(let epochs): ["unimax": JSON(epochs)]
      }
    }
    var identity: JSON = ["unit": JSON(unit.rawValue), "rule": rule(self.rule)]
    if let sources { identity["sources"] = .array(sources.map { JSON($0) }) }
    if !replay.isEmpty { identity["replay"] = pairs(replay) }
    if maxEpochs.isFinite { identity["max_epochs"] = JSON(maxEpochs) }
    if !sourceMaxEpochs.isEmpty { identity["source_max_epochs"] = pairs(sourceMaxEpochs) }
    if !schedule.isEmpty {
      identity["schedule"] = .array(
        schedule.map { point in
          switch point.moment {
          case .share(let share): [JSON(share), rule(point.rule)]
          case .tokens(let tokens): [["tokens": JSON(tokens)], rule(point.rule)]
          }
        })
    }
    if !examples.isEmpty { identity["examples"] = pairs(examples) }
    return identity
  }
}
