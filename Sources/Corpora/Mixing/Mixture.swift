// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which share of a training's tokens each source of text has, at each moment.
///
/// A moment is the number of tokens drawn so far from all sources together. Between two points
/// shares go in straight lines; before the first and after the last they stand still. With
/// pᵢ(u) the share of source i at moment u, the source is owed
///
///     targetᵢ(t) = ∫₀ᵗ pᵢ(u) du
///
/// tokens at moment t, which is what ``TextSampler`` keeps to.
public struct Mixture: Equatable, Sendable {
  /// Shares that hold at one moment.
  public struct Point: Equatable, Sendable {
    /// The moment: tokens drawn from all sources.
    public var tokens: Double
    /// The share of each source, in the order of the names; they sum to 1.
    public var shares: [Double]

    /// Makes a point. Shares need not sum to 1 yet.
    public init(tokens: Double, shares: [Double]) {
      self.tokens = tokens
      self.shares = shares
    }
  }

  /// The sources.
  public let names: [String]
  /// Shares at moments that do not fall; two at one moment are a jump.
  public let points: [Point]
  /// How often each source may be gone through; infinity for no cap. The sampler leaves a source
  /// out that has reached its cap, and the others take over its part.
  public let maxEpochs: [Double]

  /// A stretch of time in which every share is a straight line.
  private struct Piece: Equatable, Sendable {
    var start: Double
    var length: Double  // the last one's is infinite
    var shares: [Double]  // at the start
    var slopes: [Double]  // per token
    var owed: [Double]  // targets at the start
  }
  private let pieces: [Piece]

  /// Makes a mixture; the shares of each point are divided by their sum and rounded to multiples
  /// of 2⁻⁴⁰, so that libraries whose powers differ in the last bit give one order of texts.
  ///
  /// - Parameter maxEpochs: one a source, positive; empty for no caps.
  /// - Throws: ``CorpusError/setting(_:expected:found:)`` for no or equal names, no points, moments
  ///   that fall, shares that are negative, not finite or all 0, and caps that are not positive.
  public init(names: [String], points: [Point], maxEpochs: [Double] = []) throws {
    guard !names.isEmpty, Set(names).count == names.count else {
      throw CorpusError.setting(
        "sources of the mixture", expected: "one or more different names",
        found: names.isEmpty ? "none" : names.joined(separator: ", "))
    }
    guard !points.isEmpty else {
      throw CorpusError.setting("points of the mixture", expected: "at least one", found: "none")
    }
    var last = -Double.infinity
    var normal: [Point] = []
    for point in points {
      guard point.tokens >= max(0, last), point.tokens.isFinite else {
        throw CorpusError.setting(
          "moment of a mixture's point", expected: "a number from \(max(0, last)) on",
          found: "\(point.tokens)")
      }
      last = point.tokens
      let sum = point.shares.reduce(0, +)
      guard point.shares.count == names.count, sum > 0, sum.isFinite,
        point.shares.allSatisfy({ $0 >= 0 })
      else {
        throw CorpusError.setting(
          "shares of the mixture",
          expected: "\(names.count) numbers of at least 0, not all of them 0",
          found: "\(point.shares)")
      }
      let shares = point.shares.map { ($0 / sum * 0x1p40).rounded() * 0x1p-40 }
      normal.append(Point(tokens: point.tokens, shares: shares))
    }
    let caps = maxEpochs.isEmpty ? names.map { _ in Double.infinity } : maxEpochs
    guard caps.count == names.count, caps.allSatisfy({ $0 > 0 }) else {
      throw CorpusError.setting(
        "max_epochs of the mixture", expected: "a positive number for each source",
        found: "\(maxEpochs)")
    }
    self.names = names
    self.points = normal
    self.maxEpochs = caps
    pieces = Self.pieces(normal)
  }

  /// A mixture whose shares never change.
  public init(_ shares: [(name: String, share: Double)]) throws {
    try self.init(
      names: shares.map(\.name), points: [Point(tokens: 0, shares: shares.map(\.share))])
  }

  /// The share of each source at a moment.
  public func shares(at tokens: Double) -> [Double] {
    let piece = piece(at: tokens)
    let time = tokens - piece.start
    return names.indices.map { max(0, piece.shares[$0] + piece.slopes[$0] * time) }
  }

  /// The tokens that a source is owed at a moment.
  public func target(_ source: Int, at tokens: Double) -> Double {
    let piece = piece(at: tokens)
    let time = tokens - piece.start
    return piece.owed[source] + (piece.shares[source] + 0.5 * piece.slopes[source] * time) * time
  }

  /// The first moment at which a source is owed that many tokens; infinity if it never is.
  func moment(_ source: Int, owed amount: Double) -> Double {
    for (index, piece) in pieces.enumerated() {
      let rest = max(0, amount - piece.owed[source])
      if index + 1 < pieces.count, pieces[index + 1].owed[source] < amount { continue }
      let (share, slope) = (piece.shares[source], piece.slopes[source])
      // The root of share·d + slope/2·d² = rest that is stable for slopes near 0.
      let root = max(0, share * share + 2 * slope * rest).squareRoot()
      let time = rest == 0 ? 0 : 2 * rest / (share + root)
      return piece.start + min(time, piece.length)
    }
    return .infinity
  }

  private func piece(at tokens: Double) -> Piece {
    pieces.last { $0.start <= tokens } ?? pieces[0]
  }

  private static func pieces(_ points: [Point]) -> [Piece] {
    let count = points[0].shares.count
    let zeros = [Double](repeating: 0, count: count)
    var pieces: [Piece] = []
    var owed = zeros
    func add(_ start: Double, _ end: Double, _ from: [Double], _ to: [Double]) {
      let length = end - start
      guard length > 0 else { return }
      let slopes = (0..<count).map { length.isFinite ? (to[$0] - from[$0]) / length : 0 }
      pieces.append(
        Piece(start: start, length: length, shares: from, slopes: slopes, owed: owed))
      if length.isFinite {
        for i in 0..<count { owed[i] += 0.5 * (from[i] + to[i]) * length }
      }
    }
    add(0, points[0].tokens, points[0].shares, points[0].shares)
    for (a, b) in zip(points, points.dropFirst()) { add(a.tokens, b.tokens, a.shares, b.shares) }
    let last = points[points.count - 1]
    add(last.tokens, .infinity, last.shares, last.shares)
    return pieces
  }
}
