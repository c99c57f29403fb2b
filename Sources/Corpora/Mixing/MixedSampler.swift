// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Windows of several samplers, interleaved by shares of windows, such as text and task examples
/// trained jointly.
///
/// The next window comes from the part that is furthest behind its share (windows / share; the first
/// part wins a tie), so shares hold at every moment to within one window. All windows have the same
/// length, so a share of windows is a share of computed tokens, not of trained ones.
public struct MixedSampler: WindowSampler {
  /// A sampler and its share.
  public struct Part: Sendable {
    /// The windows.
    public var sampler: any WindowSampler
    /// The share of windows; positive, any scale.
    public var share: Double

    /// Makes a part.
    public init(_ sampler: any WindowSampler, share: Double) {
      self.sampler = sampler
      self.share = share
    }
  }

  /// Where the sampler stands.
  public struct State: Codable, Equatable, Sendable {
    var shares: [Double]
    var windows: [Int]
    var parts: [SamplerState]
  }

  public let windowLength: Int
  private var parts: [Part]
  private var windows: [Int]
  /// Where each part's sources begin in the statistics.
  private let firstSources: [Int32]

  /// Makes a sampler. Throws ``CorpusError/setting(_:expected:found:)`` for no parts, shares that are
  /// not positive, or parts of different window lengths.
  public init(_ parts: [Part]) throws {
    guard let first = parts.first else {
      throw CorpusError.setting("parts of the mixture", expected: "at least one", found: "none")
    }
    for part in parts {
      guard part.share > 0, part.share.isFinite else {
        throw CorpusError.setting("share", expected: "a positive number", found: "\(part.share)")
      }
      guard part.sampler.windowLength == first.sampler.windowLength else {
        throw CorpusError.setting(
          "window length of a part", expected: "\(first.sampler.windowLength)",
          found: "\(part.sampler.windowLength)")
      }
    }
    windowLength = first.sampler.windowLength
    self.parts = parts
    windows = [Int](repeating: 0, count: parts.count)
    var sourceCount: Int32 = 0
    firstSources = parts.map { part in
      defer { sourceCount += Int32(part.sampler.statistics.count) }
      return sourceCount
    }
  }

  public var state: SamplerState {
    .mixed(
      State(shares: parts.map(\.share), windows: windows, parts: parts.map(\.sampler.state)))
  }

  public mutating func restore(_ state: SamplerState) throws {
    guard case .mixed(let saved) = state else {
      throw CorpusError.stateMismatch("mixture", expected: "a mixture", found: state.kind)
    }
    let shares = parts.map(\.share)
    guard saved.shares == shares, saved.parts.count == parts.count,
      saved.windows.count == parts.count
    else {
      throw CorpusError.stateMismatch(
        "mixture", expected: "shares \(shares)", found: "shares \(saved.shares)")
    }
    var restored = parts
    for i in restored.indices { try restored[i].sampler.restore(saved.parts[i]) }
    parts = restored
    windows = saved.windows
  }

  public var statistics: [SourceStatistics] { parts.flatMap(\.sampler.statistics) }

  public mutating func next() -> Window {
    var chosen = 0
    var least = Double.infinity
    for i in parts.indices {
      let progress = Double(windows[i]) / parts[i].share
      if progress < least { (chosen, least) = (i, progress) }
    }
    windows[chosen] += 1
    var window = parts[chosen].sampler.next()
    for i in window.sources.indices { window.sources[i] += firstSources[chosen] }
    return window
  }
}
