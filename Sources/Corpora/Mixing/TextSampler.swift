// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// One source of a text mixture.
public struct TextSource: Sendable {
  /// A name for messages, statistics and the random stream: sources of a mixture differ in it.
  public var name: String
  /// The tokens.
  public var shard: TokenShard
  /// The share of the mixture's tokens; positive, any scale.
  public var share: Double

  /// Makes a source.
  public init(name: String, shard: TokenShard, share: Double) {
    self.name = name
    self.shard = shard
    self.share = share
  }
}

/// Windows of running text from several token files, mixed by shares of tokens.
///
/// **Order.** The documents of a source are shuffled anew in each epoch; a document longer than
/// `passageWindows` windows is cut into passages of that length first, shuffled like documents. Whenever a lane
/// is out of text it takes the next passage; whose, is decided by the shares. `laneCount` lanes are
/// read side by side: window k comes from lane k mod laneCount, and the windows of a batch are from
/// different documents.
///
/// **Shares.** With a ``Mixture``, of the sources that their next passage would not bring further
/// ahead than by itself, the one whose passage is due first is taken (the first source wins a tie):
/// passage ℓ of a source that has handed out x tokens is due when target(t) = x + ℓ. So at every
/// moment each source has what it is owed to within one passage, whatever their number. Sources that
/// have reached their cap on epochs are left out until all have. The older constructor, of constant
/// shares, takes the source with the fewest tokens / share; there no source is ahead by more than a
/// passage, but where there are many one may be behind by several.
///
/// **Source:** deadlines are those of proportionate fairness (Baruah, Cohen, Plaxton, Varvel 1996,
/// Algorithmica 15). **Departs:** passages differ in length, and shares may change.
///
/// **Packing.** A lane is one endless stream, cut every T tokens; neighbouring windows overlap by
/// the one token that is the last target of one and the first input of the other, so each token is a
/// target once an epoch. Documents end with the end-of-text token, which is trained. As an *input*
/// that token opens the next document: it has its segment, so the first word of a document is
/// learnt from end-of-text alone, which is how rolling evaluation asks for it. A passage from inside
/// a document is opened by the token before it, for context only (weight 0).
public struct TextSampler: WindowSampler {
  /// Where a lane stands inside a source; `next == end`: it needs a passage.
  struct Lane: Codable, Equatable, Sendable {
    var source = 0
    var next = 0  // position in the shard of the next target
    var end = 0
  }

  /// Where the sampler stands.
  public struct State: Codable, Equatable, Sendable {
    var fingerprint: String
    var windows: Int
    var taken: [Int]  // passages handed out, by source, over all epochs
    var tokens: [Int]  // tokens handed out, by source
    var lanes: [Lane]
  }

  public let windowLength: Int
  private let sources: [Source]
  /// `nil`: constant shares by the older rule.
  private let mixture: Mixture?
  private let seed: UInt64
  private var current: State

  private struct Source: Sendable {
    let name: String
    let shard: TokenShard
    let share: Double
    let passages: [Range<Int>]
    /// Passages that may be handed out.
    var maxPassages = Int.max
  }

  /// Makes a sampler of a mixture's sources at its first window.
  ///
  /// - Parameters:
  ///   - texts: at least the sources of the mixture; others are left out.
  ///   - mixture: the shares; its order is that of the statistics.
  ///
  /// Throws ``CorpusError`` as the other constructor does, and for a source without text.
  public init(
    _ texts: [(name: String, shard: TokenShard)], mixture: Mixture, windowLength: Int,
    seed: UInt64, laneCount: Int = 32, passageWindows: Int = 8
  ) throws {
    let used = try mixture.names.map { name in
      guard let text = texts.first(where: { $0.name == name }) else {
        throw CorpusError.unknownSource(name, place: "mix", known: texts.map(\.name))
      }
      return TextSource(name: name, shard: text.shard, share: 1)
    }
    try self.init(used, mixture: mixture, windowLength, seed, laneCount, passageWindows)
  }

  /// Makes a sampler of constant shares at its first window.
  ///
  /// Throws ``CorpusError/setting(_:expected:found:)`` for no sources, equal names, shares that are
  /// not positive, lengths below 1, or sources with different end-of-text ids or vocabularies.
  public init(
    _ sources: [TextSource], windowLength: Int, seed: UInt64, laneCount: Int = 32
  ) throws {
    try self.init(sources, mixture: nil, windowLength, seed, laneCount, 8)
  }

  private init(
    _ sources: [TextSource], mixture: Mixture?, _ windowLength: Int, _ seed: UInt64,
    _ laneCount: Int, _ passageWindows: Int
  ) throws {
    try Self.check(sources, windowLength: windowLength, laneCount: laneCount)
    guard passageWindows > 0 else {
      throw CorpusError.setting(
        "windows of a passage", expected: "positive", found: "\(passageWindows)")
    }
    self.windowLength = windowLength
    self.seed = seed
    self.mixture = mixture
    self.sources = sources.enumerated().map { index, source in
      let passages = Self.passages(of: source.shard, length: passageWindows * windowLength)
      let cap = (mixture?.maxEpochs[index] ?? .infinity) * Double(passages.count)
      return Source(
        name: source.name, shard: source.shard, share: source.share, passages: passages,
        maxPassages: cap < 0x1p62 ? max(1, Int(cap.rounded(.up))) : .max)
    }
    var hasher = ContentHasher(seed: seed)
    for source in sources {
      let facts = "\(source.name)\t\(source.share)\t\(source.shard.header.contentHash.hex)\n"
      hasher.absorb(facts.utf8)
    }
    for point in mixture?.points ?? [] {
      hasher.absorb("\(point.tokens) \(point.shares)\n".utf8)
    }
    if let mixture { hasher.absorb("\(mixture.maxEpochs)\n".utf8) }
    hasher.absorb("\(windowLength) \(laneCount)".utf8)
    if passageWindows != 8 { hasher.absorb(" \(passageWindows)".utf8) }
    let zeros = [Int](repeating: 0, count: sources.count)
    current = State(
      fingerprint: hasher.finish().hex, windows: 0, taken: zeros, tokens: zeros,
      lanes: [Lane](repeating: Lane(), count: laneCount))
  }

  public var state: SamplerState { .text(current) }

  public mutating func restore(_ state: SamplerState) throws {
    guard case .text(let saved) = state else {
      throw CorpusError.stateMismatch("text sampler", expected: "text", found: state.kind)
    }
    guard saved.fingerprint == current.fingerprint, saved.lanes.count == current.lanes.count else {
      throw CorpusError.stateMismatch(
        "text sampler", expected: current.fingerprint, found: saved.fingerprint)
    }
    current = saved
  }

  public var statistics: [SourceStatistics] {
    // What lanes hold has not been in a window yet.
    var read = current.tokens
    for lane in current.lanes { read[lane.source] -= lane.end - lane.next }
    // Windows also hold what opens a passage, as context.
    let seen = Double(current.windows * windowLength) / Double(max(1, read.reduce(0, +)))
    return sources.indices.map { i in
      let header = sources[i].shard.header
      let epochs = Double(read[i]) / Double(header.tokenCount)
      return SourceStatistics(
        name: sources[i].name, tokens: read[i],
        bytes: Int((Double(header.textByteCount) * epochs).rounded()), epochs: epochs,
        seen: Int((Double(read[i]) * seen).rounded()))
    }
  }

  /// The tokens that lanes have been given, by source.
  package var handedOut: [Int] { current.tokens }

  public mutating func next() -> Window {
    let index = current.windows % current.lanes.count
    var lane = current.lanes[index]
    let count = windowLength + 1
    var window = Window(tokens: [], weights: [], segments: [])
    window.tokens.reserveCapacity(count)
    window.weights.reserveCapacity(windowLength)
    window.segments.reserveCapacity(count)
    var segment: Int32 = 0
    if lane.next == lane.end { lane = takePassage() }
    window.tokens.append(opening(of: lane).token)
    window.segments.append(segment)
    window.sources.append(Int32(lane.source))
    while window.tokens.count < count {
      if lane.next == lane.end {
        let last = window.tokens[window.tokens.count - 1]
        let endedDocument = last == sources[lane.source].shard.header.endOfText
        lane = takePassage()
        segment += 1
        let (token, startsDocument) = opening(of: lane)
        window.sources.append(Int32(lane.source))
        if endedDocument && startsDocument {
          window.segments[window.segments.count - 1] = segment
        } else {
          window.tokens.append(token)
          window.weights.append(0)
          window.segments.append(segment)
          continue
        }
      }
      let length = min(count - window.tokens.count, lane.end - lane.next)
      sources[lane.source].shard.append(lane.next..<(lane.next + length), to: &window.tokens)
      window.weights.append(contentsOf: repeatElement(1, count: length))
      window.segments.append(contentsOf: repeatElement(segment, count: length))
      lane.next += length
    }
    current.lanes[index] = lane
    current.windows += 1
    return window
  }

  /// The input before the lane's next target: the token before it, or end-of-text.
  private func opening(of lane: Lane) -> (token: Int32, startsDocument: Bool) {
    let shard = sources[lane.source].shard
    let end = shard.header.endOfText
    guard lane.next > 0 else { return (end, true) }
    let before = shard.tokens(in: (lane.next - 1)..<lane.next)[0]
    return (before, before == end)
  }

  private mutating func takePassage() -> Lane {
    let chosen = mixture.map { dueSource($0) } ?? sourceFurthestBehind()
    let passage = nextPassage(of: chosen)
    current.taken[chosen] += 1
    current.tokens[chosen] += passage.count
    return Lane(source: chosen, next: passage.lowerBound, end: passage.upperBound)
  }

  private func nextPassage(of index: Int) -> Range<Int> {
    let source = sources[index]
    let (epoch, position) = current.taken[index].quotientAndRemainder(
      dividingBy: source.passages.count)
    let order = Permutation(
      count: source.passages.count, seed: seed, name: source.name, epoch: epoch)
    return source.passages[order[position]]
  }

  private func sourceFurthestBehind() -> Int {
    var chosen = 0
    var least = Double.infinity
    for i in sources.indices {
      let progress = Double(current.tokens[i]) / sources[i].share
      if progress < least { (chosen, least) = (i, progress) }
    }
    return chosen
  }

  private func dueSource(_ mixture: Mixture) -> Int {
    let now = Double(current.tokens.reduce(0, +))
    let open = sources.indices.filter { current.taken[$0] < sources[$0].maxPassages }
    var chosen = open.first ?? 0
    var best = (isAhead: true, due: Double.infinity)
    for i in open.isEmpty ? Array(sources.indices) : open {
      let length = Double(nextPassage(of: i).count)
      let handedOut = Double(current.tokens[i])
      let due = mixture.moment(i, owed: handedOut + length)
      let isAhead = handedOut >= mixture.target(i, at: now + length)
      // Where all are ahead, for the lack of those that have reached their caps, the next one due.
      if (isAhead ? 1 : 0, due) < (best.isAhead ? 1 : 0, best.due) {
        (chosen, best) = (i, (isAhead, due))
      }
    }
    return chosen
  }

  private static func passages(of shard: TokenShard, length: Int) -> [Range<Int>] {
    var passages: [Range<Int>] = []
    for document in 0..<shard.documentCount {
      let range = shard.range(ofDocument: document)
      for start in stride(from: range.lowerBound, to: range.upperBound, by: length) {
        passages.append(start..<min(start + length, range.upperBound))
      }
    }
    return passages
  }

  private static func check(
    _ sources: [TextSource], windowLength: Int, laneCount: Int
  ) throws {
    guard let first = sources.first else {
      throw CorpusError.setting("sources", expected: "at least one", found: "none")
    }
    guard windowLength > 0, laneCount > 0 else {
      throw CorpusError.setting(
        "window_length and lanes", expected: "positive", found: "\(windowLength), \(laneCount)")
    }
    guard Set(sources.map(\.name)).count == sources.count else {
      throw CorpusError.setting(
        "sources", expected: "different names",
        found: sources.map(\.name).joined(separator: ", "))
    }
    for source in sources {
      guard source.share > 0, source.share.isFinite else {
        throw CorpusError.setting(
          "share of \(source.name)", expected: "a positive number", found: "\(source.share)")
      }
      let (a, b) = (first.shard.header, source.shard.header)
      guard a.endOfText == b.endOfText, a.vocabularySize == b.vocabularySize,
        a.tokenizerHash == b.tokenizerHash
      else {
        throw CorpusError.shard(
          source.shard.path, field: "tokenizer", expected: "that of \(first.shard.path)",
          found: "another")
      }
      guard source.shard.documentCount > 0 else {
        throw CorpusError.emptyCorpus(source.shard.path, reason: "no documents")
      }
    }
  }
}
