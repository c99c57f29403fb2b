// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Windows of prompt–answer examples; only answers are trained.
///
/// An example is laid out as `opening? prompt answer end-of-text`; the trained targets are the answer
/// and the end-of-text after it, so that the model learns to stop. Each example is a segment of its
/// own and is never divided between windows. Windows are filled in the shuffled order of the epoch;
/// the first of the `lookahead` next examples that still fits is taken, then the rest of the window
/// is padding (segment −1, weight 0, end-of-text as the token). An example that is too long loses the
/// start of its prompt, and is counted.
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
  }

  /// How many examples ahead one is looked for that fits the rest of a window.
  static let lookahead = 16

  public let windowLength: Int
  private let name: String
  private let examples: [TrainingExample]
  private let endOfText: Int32
  private let opening: Int32?
  private let seed: UInt64
  private var current: State

  /// Makes a sampler at its first window.
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
    }
    self.windowLength = windowLength
    self.name = name
    self.examples = examples
    self.endOfText = endOfText
    self.opening = opening
    self.seed = seed
    current = State(
      fingerprint: hasher.finish().hex, pending: [], drawn: 0, placed: 0, trained: 0,
      truncated: 0, padding: 0)
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
  }

  public var statistics: [SourceStatistics] {
    [
      SourceStatistics(
        name: name, tokens: current.trained,
        epochs: Double(current.placed) / Double(examples.count),
        truncated: current.truncated, padding: current.padding)
    ]
  }

  public mutating func next() -> Window {
    let count = windowLength + 1
    var window = Window(tokens: [], weights: [], segments: [])
    window.tokens.reserveCapacity(count)
    var segment: Int32 = 0
    while true {
      refill()
      let room = count - window.tokens.count
      guard let place = current.pending.firstIndex(where: { length(of: $0) <= room }) else { break }
      append(current.pending.remove(at: place), to: &window, segment: segment)
      segment += 1
    }
    let padding = count - window.tokens.count
    current.padding += padding
    window.tokens += repeatElement(endOfText, count: padding)
    window.segments += repeatElement(-1, count: padding)
    // The weight of the first token is that of no target: drop it, so that weights[i] is of
    // tokens[i + 1].
    window.weights += repeatElement(0, count: padding)
    window.weights.removeFirst()
    return window
  }

  private mutating func append(_ number: Int, to window: inout Window, segment: Int32) {
    let example = example(number)
    let fixed = (opening == nil ? 0 : 1) + example.answer.count + 1
    let kept = min(example.prompt.count, windowLength + 1 - fixed)
    if kept < example.prompt.count { current.truncated += 1 }
    if let opening { window.tokens.append(opening) }
    window.tokens += example.prompt.suffix(kept)
    window.tokens += example.answer
    window.tokens.append(endOfText)
    window.weights += repeatElement(0, count: kept + (opening == nil ? 0 : 1))
    window.weights += repeatElement(1, count: example.answer.count + 1)
    window.segments += repeatElement(segment, count: fixed + kept)
    current.placed += 1
    current.trained += example.answer.count + 1
  }

  private func length(of number: Int) -> Int {
    let example = example(number)
    let whole = (opening == nil ? 0 : 1) + example.prompt.count + example.answer.count + 1
    return min(whole, windowLength + 1)
  }

  private func example(_ number: Int) -> TrainingExample {
    let (epoch, position) = number.quotientAndRemainder(dividingBy: examples.count)
    let order = Permutation(count: examples.count, seed: seed, name: name, epoch: epoch)
    return examples[order[position]]
  }

  private mutating func refill() {
    while current.pending.count < Self.lookahead {
      current.pending.append(current.drawn)
      current.drawn += 1
    }
  }
}
