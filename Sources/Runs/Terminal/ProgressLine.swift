// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A line of progress as a value; making it text is pure, writing it is the tool's.
public struct ProgressLine: Sendable, Equatable {
  /// What is being done: "ct 3/9".
  public var label: String
  /// Units done.
  public var done: Double
  /// Units in all; `nil` when unknown, then there is neither bar nor ETA.
  public var total: Double?
  /// Short name of the unit: "tok".
  public var unit: String
  /// Units a second; `nil` before it is known, 0 where there is none.
  public var rate: Double?
  /// Resident memory in bytes.
  public var memoryByteCount: Int?
  /// Recent losses, oldest first; drawn as a sparkline behind the last value.
  public var losses: [Double]
  /// Share of the machine's matrix product in use, 0 to 1; of trainings.
  public var utilization: Double?
  /// Seconds to go, where the caller knows better than the present rate.
  public var estimatedSeconds: Double?

  public init(
    label: String, done: Double, total: Double? = nil, unit: String = "", rate: Double? = nil,
    memoryByteCount: Int? = nil, losses: [Double] = [], utilization: Double? = nil,
    estimatedSeconds: Double? = nil
  ) {
    self.label = label
    self.done = done
    self.total = total
    self.unit = unit
    self.rate = rate
    self.memoryByteCount = memoryByteCount
    self.losses = losses
    self.utilization = utilization
    self.estimatedSeconds = estimatedSeconds
  }

  /// Part done, 0 to 1; `nil` without a usable total.
  public var fraction: Double? {
    guard let total, total > 0, done.isFinite else { return nil }
    return min(1, max(0, done / total))
  }

  /// Seconds to go at the present rate.
  public var remainingSeconds: Double? {
    if let estimatedSeconds { return max(0, estimatedSeconds) }
    guard let total, let rate, rate > 0 else { return nil }
    return max(0, total - done) / rate
  }

  /// One line of at most `width` cells. Too narrow: sparkline, memory, rate, bar go, in this order
  /// (of a training: bar, memory, count, utilisation, sparkline, rate); then the label is cut.
  public func rendered(width: Int) -> String {
    let label = DisplayWidth.printable(label)
    let percent = fraction.map { DisplayWidth.padded("\(Int($0 * 100))%", to: 4, right: true) }
    let count =
      total.map {
        "\(NumberText.count(Int(done.rounded())))/\(NumberText.count(Int($0.rounded())))"
      } ?? NumberText.count(Int(done.rounded()))
    let bar = fraction.map { "▕\(Self.bar($0, width: 16))▏" }
    let speed = rate.flatMap { $0 > 0 ? $0 : nil }.map {
      NumberText.scaled($0, base: 1000, units: ["", "k", "M", "G", "T"])
        + (unit.isEmpty ? "/s" : " \(unit)/s")
    }
    let eta = remainingSeconds.map { "ETA \(NumberText.duration(seconds: $0))" }
    let memory = memoryByteCount.map { NumberText.bytes($0) }
    let share = utilization.map { "MFU \(NumberText.fixed($0 * 100, 0))%" }
    let loss = losses.last.map { "loss \(NumberText.fixed($0, 3))" }
    let trend = losses.count > 1 ? Self.sparkline(losses, width: 12) : nil
    // A training is watched by its loss, other work by its bar.
    let ranks: (bar: Int, count: Int, speed: Int, share: Int, trend: Int, memory: Int) =
      utilization == nil ? (1, 0, 2, 3, 5, 4) : (6, 4, 1, 3, 2, 5)
    let parts: [(text: String?, rank: Int)] = [
      (bar, ranks.bar), (percent, 0), (count, ranks.count), (speed, ranks.speed),
      (share, ranks.share), (eta, 0), (loss, 0), (trend, ranks.trend), (memory, ranks.memory),
    ]
    for level in [7, 6, 5, 4, 3, 2, 1] {
      let line = ([label] + parts.compactMap { $0.rank < level ? $0.text : nil })
        .joined(separator: "  ")
      if DisplayWidth.of(line) <= width { return line }
    }
    let tail = [fraction.map { "\(Int($0 * 100))%" }, eta].compactMap { $0 }.joined(separator: "  ")
    let room = width - DisplayWidth.of(tail) - 2
    return room >= 4
      ? DisplayWidth.truncated(label, to: room) + "  " + tail
      : DisplayWidth.truncated(tail.isEmpty ? label : tail, to: width)
  }

  /// A bar of `width` cells, exact to an eighth of a cell.
  static func bar(_ fraction: Double, width: Int) -> String {
    let eighths = Int((fraction * Double(width * 8)).rounded(.down))
    let parts: [Character] = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    var text = String(repeating: "█", count: eighths / 8)
    if eighths % 8 > 0 { text.append(parts[eighths % 8]) }
    return DisplayWidth.padded(text, to: width)
  }

  /// `values` in at most `width` cells of eight heights, each the mean of its share; what is not
  /// finite shows as a space.
  static func sparkline(_ values: [Double], width: Int) -> String {
    let count = min(width, values.count)
    guard count > 0 else { return "" }
    let means = (0..<count).map { cell -> Double in
      let share = values[(cell * values.count / count)..<((cell + 1) * values.count / count)]
      return share.reduce(0, +) / Double(share.count)
    }
    let finite = means.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return "" }
    let heights: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    return String(
      means.map { mean in
        guard mean.isFinite else { return " " }
        return high > low ? heights[Int(((mean - low) / (high - low) * 7).rounded())] : heights[3]
      })
  }
}

/// When a progress line is written, and how: redrawn at most ten times a second on a terminal,
/// else a new line every five seconds. Times come from the caller's monotonic clock.
public struct ProgressPolicy: Sendable {
  /// Where it is written to.
  public let style: TerminalStyle
  /// Shortest time between two writings.
  public let interval: Duration
  private var last: Duration?

  public init(_ style: TerminalStyle) {
    self.style = style
    interval = style.isTerminal ? .milliseconds(100) : .seconds(5)
  }

  /// The bytes to write at `now` (time since any fixed start), or `nil` while it is too early.
  /// `isFinal` is always written and, on a terminal, leaves the line standing.
  public mutating func text(
    for line: ProgressLine, now: Duration, isFinal: Bool = false
  ) -> String? {
    if let last, !isFinal, now - last < interval { return nil }
    last = isFinal ? nil : now
    guard style.isTerminal else { return line.rendered(width: max(style.width, 100)) + "\n" }
    // One cell less: a full line would wrap on some terminals.
    return "\r" + line.rendered(width: style.width - 1) + "\u{1B}[K" + (isFinal ? "\n" : "")
  }

  /// What to write before a message so that it does not land behind a half-drawn line.
  public var clearing: String { style.isTerminal ? "\r\u{1B}[K" : "" }
}

/// Units a second over the last while: a mean that forgets with a half-life of ten seconds, so
/// that a pause shows and a single slow step does not.
public struct RateMeter: Sendable {
  private var last: (time: Duration, done: Double)?
  private var units = 0.0
  private var seconds = 0.0

  public init() {}

  /// Tells how much is done at `now`; returns the rate once two moments are known. A resumed
  /// count may start anywhere.
  public mutating func update(done: Double, now: Duration) -> Double? {
    defer { last = (now, done) }
    guard let last, now > last.time else { return seconds > 0 ? units / seconds : nil }
    let elapsed = (now - last.time) / .seconds(1)
    let kept = exp2(-elapsed / 10)
    units = units * kept + max(0, done - last.done)
    seconds = seconds * kept + elapsed
    return units / seconds
  }
}
