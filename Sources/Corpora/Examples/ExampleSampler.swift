// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Windows of supervised examples, each of which is a segment of its own and never divided.
///
/// The rest of a window is padding: segment −1, weight 0, end-of-text as the token. Nothing is
/// masked by its id, so that end-of-text is trained wherever an example's weights say so.
///
/// The examples of an epoch come in a shuffled order; what windows they fill is the
/// ``ExampleSettings/Packing``:
///
/// - `first_fit`: the first of the `lookahead` next examples that still fits is taken.
/// - `best_fit`: of each block of `packingBuffer` examples (at most an epoch), by falling length,
///   each goes into the window with the least room that still holds it, else into a new one
///   (best-fit decreasing); the block's windows are then shuffled. **Source:** Ding et al. 2024,
///   arXiv:2404.10830, §2.2. **Departs:** the paper packs the pieces of a whole corpus at once and
///   cuts long documents into pieces first; ours are blocks, so that a state is two numbers.
/// - `none`: one example a window.
public struct ExampleSampler: WindowSampler {
  /// Where the sampler stands.
  public struct State: Codable, Equatable, Sendable {
    var fingerprint: String
    var pending: [Int]  // running numbers of examples drawn and not yet placed
    var drawn: Int  // examples drawn, over all epochs
    var placed: Int
    var trained: Int
    var truncated: Int
    var padding: Int
    /// Best fit: windows of the block that were returned. With `drawn`, the end of the block before
    /// it, this is all that packing needs to go on.
    var returned: Int?
    var windows: Int?
    var bytes: Int?
  }

  /// How many examples ahead one is looked for that fits the rest of a window.
  static let lookahead = 16

  public let windowLength: Int
  private let name: String
  private let examples: [EncodedExample]
  /// Which examples lost their start.
  private let truncated: Set<Int>
  private let endOfText: Int32
  private let packing: ExampleSettings.Packing
  private let blockSize: Int
  private let seed: UInt64
  private var current: State
  /// The windows of the current block, as running numbers; remade from the state.
  private var block: [[Int]] = []

  /// Makes a sampler of encoded examples at its first window.
  ///
  /// Throws ``CorpusError``: no examples, one that no window holds, or one that trains nothing.
  public init(_ set: ExampleSet, windowLength: Int, endOfText: Int32, seed: UInt64) throws {
    guard windowLength > 0 else {
      throw CorpusError.setting("window_length", expected: "positive", found: "\(windowLength)")
    }
    var hasher = ContentHasher(seed: seed)
    hasher.absorb(
      "\(set.name)\t\(windowLength)\t\(endOfText)\t\(set.packing)\t\(set.packingBuffer)".utf8)
    for (i, example) in set.examples.enumerated() {
      guard example.tokens.count <= windowLength + 1 else {
        throw CorpusError.answerTooLong(
          example: i, tokenCount: example.tokens.count, windowLength: windowLength)
      }
      guard example.trainedCount > 0,
        example.weights.allSatisfy({ $0 >= 0 && $0.isFinite })
      else {
        throw CorpusError.setting(
          "weights of example \(i) of \(set.name)", expected: "at least one above 0, none below",
          found: "none above 0")
      }
      hasher.absorb([UInt8](repeating: 0, count: 1))
      for (id, weight) in zip(example.tokens, example.weights) {
        let bits = UInt64(UInt32(bitPattern: id)) << 32 | UInt64(weight.bitPattern)
        hasher.absorb((0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) })
      }
    }
    try self.init(
      set.examples, truncated: [], name: set.name, packing: set.packing,
      packingBuffer: set.packingBuffer, windowLength, endOfText, seed,
      fingerprint: hasher.finish().hex)
  }

  /// Makes a sampler of prompts and answers at its first window.
  ///
  /// An example is laid out as `opening? prompt answer end-of-text`; the trained targets are the
  /// answer and the end-of-text after it, so that the model learns to stop. An example that is too
  /// long loses the start of its prompt, and is counted each time. Packing is by first fit.
  ///
  /// - Parameters:
  ///   - opening: a token before each prompt, if evaluation puts one there (a tokenizer that adds a
  ///     beginning-of-text token); it survives truncation.
  ///
  /// Throws ``CorpusError``: no examples, an empty answer, or an answer longer than a window holds.
  public init(
    _ examples: [TrainingExample], name: String, windowLength: Int, endOfText: Int32,
    opening: Int32? = nil, seed: UInt64
  ) throws {
    guard !examples.isEmpty else {
      throw CorpusError.emptyCorpus(name, reason: "no examples")
    }
    guard windowLength > 0 else {
      throw CorpusError.setting("window_length", expected: "positive", found: "\(windowLength)")
    }
    var hasher = ContentHasher(seed: seed)
    hasher.absorb("\(name)\t\(windowLength)\t\(endOfText)\t\(opening ?? -1)".utf8)
    var encoded: [EncodedExample] = []
    var truncated: Set<Int> = []
    for (i, example) in examples.enumerated() {
      guard !example.answer.isEmpty else {
        throw CorpusError.setting(
          "answer of example \(i) of \(name)", expected: "at least one token", found: "none")
      }
      // The answer is predicted from at least one input.
      guard example.answer.count + 1 <= windowLength else {
        throw CorpusError.answerTooLong(
          example: i, tokenCount: example.answer.count, windowLength: windowLength)
      }
      guard opening != nil || !example.prompt.isEmpty else {
        throw CorpusError.setting(
          "prompt of example \(i) of \(name)", expected: "at least one token", found: "none")
      }
      hasher.absorb([UInt8](repeating: 0, count: 1))
      for id in example.prompt + [-1] + example.answer {
        hasher.absorb((0..<4).map { UInt8(truncatingIfNeeded: id >> Int32(8 * $0)) })
      }
      let opening = opening.map { [$0] } ?? []
      let kept = windowLength + 1 - opening.count - example.answer.count - 1
      if kept < example.prompt.count { truncated.insert(i) }
      let prompt = opening + example.prompt.suffix(kept)
      encoded.append(
        EncodedExample(
          tokens: prompt + example.answer + [endOfText],
          weights: [Float](repeating: 0, count: prompt.count)
            + [Float](repeating: 1, count: example.answer.count + 1)))
    }
    try self.init(
      encoded, truncated: truncated, name: name, packing: .firstFit, packingBuffer: 1,
      windowLength, endOfText, seed, fingerprint: hasher.finish().hex)
  }

  private init(
    _ examples: [EncodedExample], truncated: Set<Int>, name: String,
    packing: ExampleSettings.Packing, packingBuffer: Int, _ windowLength: Int,
    _ endOfText: Int32, _ seed: UInt64, fingerprint: String
  ) throws {
    guard !examples.isEmpty else {
      throw CorpusError.emptyCorpus(name, reason: "no examples")
    }
    guard packingBuffer > 0 else {
      throw CorpusError.setting("packing_buffer", expected: "positive", found: "\(packingBuffer)")
    }
    self.windowLength = windowLength
    self.name = name
    self.examples = examples
    self.truncated = truncated
    self.endOfText = endOfText
    self.packing = packing
    blockSize = min(packingBuffer, examples.count)
    self.seed = seed
    current = State(
      fingerprint: fingerprint, pending: [], drawn: 0, placed: 0, trained: 0, truncated: 0,
      padding: 0, returned: 0, windows: 0, bytes: 0)
  }

  public var state: SamplerState { .examples(current) }

  public mutating func restore(_ state: SamplerState) throws {
    guard case .examples(let saved) = state else {
      throw CorpusError.stateMismatch(name, expected: "examples", found: state.kind)
    }
    guard saved.fingerprint == current.fingerprint else {
      throw CorpusError.stateMismatch(
        name, expected: current.fingerprint, found: saved.fingerprint)
    }
    current = saved
    block = packing == .bestFit ? packed(from: current.drawn) : []
  }

  public var statistics: [SourceStatistics] {
    [
      SourceStatistics(
        name: name, tokens: current.trained, bytes: current.bytes ?? 0,
        epochs: Double(current.placed) / Double(examples.count), truncated: current.truncated,
        padding: current.padding, seen: (current.windows ?? 0) * (windowLength + 1))
    ]
  }

  /// Windows that an epoch fills: with `first_fit` the fewest that could.
  public var windowsPerEpoch: Double {
    switch packing {
    case .none: return Double(examples.count)
    case .firstFit:
      let tokens = examples.reduce(0) { $0 + $1.tokens.count }
      return Double(tokens) / Double(windowLength + 1)
    case .bestFit:
      var windows = 0.0
      for start in stride(from: 0, to: examples.count, by: blockSize) {
        let share = Double(min(blockSize, examples.count - start)) / Double(blockSize)
        windows += Double(packed(from: start).count) * share
      }
      return windows
    }
  }

  public mutating func next() -> Window {
    let count = windowLength + 1
    var window = Window(tokens: [], weights: [], segments: [])
    window.tokens.reserveCapacity(count)
    for number in nextNumbers() { append(number, to: &window) }
    let padding = count - window.tokens.count
    current.padding += padding
    current.windows = (current.windows ?? 0) + 1
    window.tokens += repeatElement(endOfText, count: padding)
    window.segments += repeatElement(-1, count: padding)
    // The weight of the first token is that of no target: drop it, so that weights[i] is of
    // tokens[i + 1].
    window.weights += repeatElement(0, count: padding)
    window.weights.removeFirst()
    return window
  }

  private mutating func append(_ number: Int, to window: inout Window) {
    let index = place(of: number)
    let example = examples[index]
    let segment = Int32(window.sources.count)
    window.tokens += example.tokens
    window.weights.append(0)
    window.weights += example.weights.dropFirst()
    window.segments += repeatElement(segment, count: example.tokens.count)
    window.sources.append(0)
    current.placed += 1
    current.trained += example.trainedCount
    current.bytes = (current.bytes ?? 0) + example.byteCount
    if truncated.contains(index) { current.truncated += 1 }
  }

  private func place(of number: Int) -> Int {
    let (epoch, position) = number.quotientAndRemainder(dividingBy: examples.count)
    return Permutation(count: examples.count, seed: seed, name: name, epoch: epoch)[position]
  }

  private func length(of number: Int) -> Int { examples[place(of: number)].tokens.count }

  // MARK: Packing

  /// The running numbers of the next window's examples.
  private mutating func nextNumbers() -> [Int] {
    switch packing {
    case .none:
      current.drawn += 1
      return [current.drawn - 1]
    case .firstFit: return firstFitting()
    case .bestFit:
      if block.isEmpty { block = packed(from: current.drawn) }
      let returned = current.returned ?? 0
      let numbers = block[returned]
      current.returned = returned + 1
      if returned + 1 == block.count {
        current.drawn += blockSize
        current.returned = 0
        block = []
      }
      return numbers
    }
  }

  private mutating func firstFitting() -> [Int] {
    var numbers: [Int] = []
    var room = windowLength + 1
    while true {
      while current.pending.count < Self.lookahead {
        current.pending.append(current.drawn)
        current.drawn += 1
      }
      guard let place = current.pending.firstIndex(where: { length(of: $0) <= room }) else {
        return numbers
      }
      let number = current.pending.remove(at: place)
      room -= length(of: number)
      numbers.append(number)
    }
  }

  /// The windows of the block that begins with that running number: a function of it alone.
  private func packed(from start: Int) -> [[Int]] {
    let items = (start..<start + blockSize).map { (number: $0, length: length(of: $0)) }
    var windows = BestFit.pack(items.map(\.length), capacity: windowLength + 1)
      .map { $0.map { start + $0 } }
    var random = SeededRandom(seed: seed, name: "packing of \(name) from \(start)")
    random.shuffle(&windows)
    return windows
  }
}
