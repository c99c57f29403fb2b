// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Finds the first stop text in a text that comes in pieces, and lets through only what can no longer
/// be part of one.
public struct StopTexts: Sendable {
  private let stops: [[UInt8]]
  /// The longest end of the text so far that a stop text begins with.
  private var held: [UInt8] = []
  /// Whether one was found; nothing comes through after that.
  public private(set) var isFound = false

  /// Empty stop texts are left out: they would stop everything.
  public init(_ stops: [String]) {
    self.stops = stops.filter { !$0.isEmpty }.map { Array($0.utf8) }
  }

  /// The text that is safe to show: everything before a stop text, compared byte by byte.
  public mutating func add(_ piece: String) -> String {
    guard !isFound else { return "" }
    guard !stops.isEmpty else { return piece }
    held += piece.utf8
    if let start = stops.compactMap(first).min() {
      isFound = true
      defer { held = [] }
      return String(decoding: held[..<start], as: UTF8.self)
    }
    let kept = stops.map(heldCount).max() ?? 0
    let safe = held.count - kept
    defer { held.removeFirst(safe) }
    return String(decoding: held[..<safe], as: UTF8.self)
  }

  /// What was held back, when the text has ended without a stop text.
  public mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }

  private func first(_ stop: [UInt8]) -> Int? {
    guard held.count >= stop.count else { return nil }
    return (0...held.count - stop.count).first { held[$0...].starts(with: stop) }
  }

  /// How much of the end of `held` could be the beginning of `stop`.
  private func heldCount(_ stop: [UInt8]) -> Int {
    (0..<min(stop.count, held.count + 1)).last { held.suffix($0).elementsEqual(stop.prefix($0)) }
      ?? 0
  }
}
