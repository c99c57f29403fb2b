// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Tensors, or rows of them, that are trained otherwise than the rest: an element of `groups`.
///
/// Groups are applied in order; of several that set the same, the last counts.
public struct ParameterGroup: Equatable, Sendable {
  /// Globs over names, regular expressions between slashes, or words (`embeddings`, `norms`,
  /// `biases`, `matrices`).
  public var match: [String]
  /// Multiplies the schedule's rate; at least 0, where 0 leaves the weights as they are.
  public var learningRateFactor: Double?
  /// λ, in place of the training's.
  public var weightDecay: Double?
  /// The rows that the factor is for; `nil` for all.
  public var rows: RowSelection?

  /// Rows of an embedding or a head, by token.
  public enum RowSelection: Equatable, Sendable {
    /// This row and all behind it.
    case from(Int)
    /// The rows of these token ids, each once, rising.
    case ids([Int])

    /// Maximal ranges of rows among `count`, in order.
    func ranges(count: Int) -> [Range<Int>] {
      switch self {
      case .from(let first): return first < count ? [first..<count] : []
      case .ids(let ids):
        var ranges: [Range<Int>] = []
        for id in ids {
          if let last = ranges.last, last.upperBound == id {
            ranges[ranges.count - 1] = last.lowerBound..<(id + 1)
          } else {
            ranges.append(id..<(id + 1))
          }
        }
        return ranges
      }
    }

    var largest: Int? {
      switch self {
      case .from(let first): first
      case .ids(let ids): ids.last
      }
    }
  }

  public init(
    match: [String], learningRateFactor: Double? = nil, weightDecay: Double? = nil,
    rows: RowSelection? = nil
  ) {
    self.match = match
    self.learningRateFactor = learningRateFactor
    self.weightDecay = weightDecay
    self.rows = rows
  }

  /// Reads one mapping of the list `groups`, all of it.
  init(_ settings: inout Settings) throws(DocumentError) {
    match = try settings.strings("match")
    guard !match.isEmpty else {
      throw settings.wrong("match", expected: "a pattern over tensor names", found: "none")
    }
    learningRateFactor = try settings.optionalDouble("learning_rate_factor", in: 0...1e6)
    weightDecay = try settings.optionalDouble("weight_decay", in: 0...10)
    rows = try Self.rows(&settings)
    if rows != nil {
      guard learningRateFactor != nil else {
        throw settings.wrong(
          "rows", expected: "a `learning_rate_factor` beside it", found: "none")
      }
      guard weightDecay == nil else {
        throw settings.wrong(
          "weight_decay", expected: "a group without `rows` for it", found: "both")
      }
    }
    try settings.finish()
  }

  /// `rows: {from: 32000}`, `rows: {ids: [1, 5]}` or `rows: {file: new_tokens.txt}`.
  private static func rows(_ settings: inout Settings) throws(DocumentError) -> RowSelection? {
    guard var rows = try settings.optionalChild("rows") else { return nil }
    let from = try rows.optionalInt("from", in: 0...Int(Int32.max))
    let ids = try rows.optionalDoubles("ids")
    let file = try rows.optionalString("file")
    try rows.finish()
    switch (from, ids, file) {
    case (let from?, nil, nil): return .from(from)
    case (nil, let ids?, nil): return try sorted(ids.map { Int(exactly: $0) }, settings)
    case (nil, nil, let file?):
      guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
        throw settings.wrong("rows", expected: "a readable file of token ids", found: "`\(file)`")
      }
      return try sorted(
        text.split(whereSeparator: { $0.isWhitespace || $0 == "," }).map { Int($0) }, settings)
    default:
      throw settings.wrong("rows", expected: "one of from, ids, file", found: "none or several")
    }
  }

  private static func sorted(
    _ ids: [Int?], _ settings: Settings
  ) throws(DocumentError) -> RowSelection {
    var known: Set<Int> = []
    for id in ids {
      guard let id, (0...Int(Int32.max)).contains(id) else {
        throw settings.wrong("rows", expected: "token ids from 0 on", found: "something else")
      }
      known.insert(id)
    }
    guard !known.isEmpty else {
      throw settings.wrong("rows", expected: "at least one token id", found: "none")
    }
    return .ids(known.sorted())
  }

  var identity: JSON {
    var object = JSONObject()
    object["match"] = .array(match.map { .string($0) })
    if let learningRateFactor { object["learning_rate_factor"] = JSON(learningRateFactor) }
    if let weightDecay { object["weight_decay"] = JSON(weightDecay) }
    switch rows {
    case nil: break
    case .from(let first)?: object["rows"] = ["from": JSON(first)]
    case .ids(let ids)?: object["rows"] = ["ids": .array(ids.map { JSON($0) })]
    }
    return .object(object)
  }
}

/// What groups say of one tensor.
struct TensorTreatment {
  /// λ; `nil` for the training's own.
  var weightDecay: Double?
  /// Factors of rows, in order, without gaps.
  var rates: [(rows: Range<Int>, factor: Double)]

  init(rowCount: Int) { rates = [(0..<rowCount, 1)] }

  /// Sets the factor of some rows.
  mutating func set(_ factor: Double, rows: Range<Int>) {
    var next: [(rows: Range<Int>, factor: Double)] = []
    for old in rates {
      let inside = old.rows.clamped(to: rows)
      guard !inside.isEmpty else {
        next.append(old)
        continue
      }
      for (part, value) in [
        (old.rows.lowerBound..<inside.lowerBound, old.factor), (inside, factor),
        (inside.upperBound..<old.rows.upperBound, old.factor),
      ] where !part.isEmpty {
        next.append((part, value))
      }
    }
    rates = next
  }
}
