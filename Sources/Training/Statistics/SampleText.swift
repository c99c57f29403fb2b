// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Foundation
import Tensors
import Tokenization

/// Text as sequences of equal length, to be shown to a model for statistics.
///
/// The documents are put into an order that the seed decides, so that every file has its share, and
/// written one after another, each opened and closed by the end-of-text token (by the token that
/// begins texts where there is none); the stream is cut every `length` tokens as in training, and
/// tokens of one document do not see another's. Every token is predicted once. Without either token
/// a document's first token is only an input.
public struct SampleText: Sendable {
  public struct Options: Sendable {
    /// T, tokens of a sequence.
    public var length: Int
    /// How many tokens are to be predicted, rounded down to whole sequences; `nil` for as many as
    /// there are, up to 131,072.
    public var tokenCount: Int?
    /// Chooses the order of the documents.
    public var seed: UInt64

    public init(length: Int = 512, tokenCount: Int? = nil, seed: UInt64 = 0) {
      self.length = length
      self.tokenCount = tokenCount
      self.seed = seed
    }
  }

  /// The most tokens where the caller does not say.
  public static let ordinaryTokenCount = 131_072

  /// Sequences of T + 1 tokens: T inputs, and T that are predicted.
  public let windows: [Window]
  /// T
  public let length: Int
  /// A hash of the documents' text, as far as it is used, in order.
  public let textHash: String
  public let seed: UInt64

  /// Tokens that are predicted.
  public var tokenCount: Int { windows.count * length }

  package init(windows: [Window], length: Int, textHash: String, seed: UInt64) {
    self.windows = windows
    self.length = length
    self.textHash = textHash
    self.seed = seed
  }

  /// Reads text files (see `CorpusReader`) and cuts them into sequences.
  ///
  /// - Parameters:
  ///   - vocabularySize: the model's; an id beyond it is an error.
  ///   - directory: the tokenizer's folder, for messages.
  /// - Throws: ``StatisticsError``, `CorpusError`. Memory: the files' text.
  public init(
    files: [String], tokenizer: Tokenizer, vocabularySize: Int, directory: String,
    options: Options
  ) throws {
    let length = options.length
    if let count = options.tokenCount, count < length {
      throw StatisticsError.tokens(count, length: length)
    }
    let limit = (options.tokenCount ?? max(length, Self.ordinaryTokenCount)) / length * length
    let documents = try CorpusReader.documents(at: files)
    let random = CounterRandom(seed: options.seed, stream: "documents")
    let order = documents.indices.map { (random.bits(at: $0), $0) }.sorted { $0 < $1 }
    var stream = TokenStream(separator: tokenizer.eosID ?? tokenizer.bosID)
    var used: [UInt8] = []
    for (_, index) in order where stream.targetCount < limit {
      let text = documents[index].text
      let ids = tokenizer.encode(text)
      for id in ids where id < 0 || id >= vocabularySize {
        throw StatisticsError.vocabulary(
          id: Int(id), token: tokenizer.tokens[Int(id)], vocabularySize: vocabularySize,
          directory: directory)
      }
      stream.append(ids)
      used += text.utf8
      used.append(0)
    }
    if let separator = stream.separator, separator >= vocabularySize {
      throw StatisticsError.vocabulary(
        id: Int(separator), token: tokenizer.tokens[Int(separator)],
        vocabularySize: vocabularySize, directory: directory)
    }
    let needed = options.tokenCount == nil ? length : limit
    guard stream.targetCount >= needed else {
      throw StatisticsError.tooLittleText(
        found: max(0, stream.targetCount), needed: needed, files: files.joined(separator: ", "))
    }
    self.init(
      windows: stream.windows(length: length, count: min(limit, stream.targetCount) / length),
      length: length, textHash: ContentHash(used).hex, seed: options.seed)
  }
}

/// Documents one after another, and which token belongs to which.
private struct TokenStream {
  let separator: Int32?
  private var tokens: [Int32] = []
  private var segments: [Int32] = []
  /// Of each token as something predicted.
  private var weights: [Float] = []
  private var documentCount: Int32 = 0

  init(separator: Int32?) {
    self.separator = separator
    if let separator { push(separator, weight: 0) }
  }

  var targetCount: Int { tokens.count - 1 }

  private mutating func push(_ token: Int32, weight: Float) {
    tokens.append(token)
    segments.append(documentCount)
    weights.append(weight)
  }

  mutating func append(_ ids: [Int32]) {
    for (index, id) in ids.enumerated() {
      push(id, weight: index == 0 && separator == nil ? 0 : 1)
    }
    documentCount += 1
    // As an input, the token that closes a document opens the next.
    if let separator { push(separator, weight: 1) }
  }

  func windows(length: Int, count: Int) -> [Window] {
    (0..<count).map { index in
      let range = (index * length)...((index + 1) * length)
      let first = segments[range.lowerBound]
      return Window(
        tokens: Array(tokens[range]), weights: Array(weights[range].dropFirst()),
        segments: segments[range].map { $0 - first })
    }
  }
}

extension Tokenizer {
  /// The tokenizer of a model's folder; a folder without one is ``StatisticsError/noTokenizer(directory:)``.
  public static func forStatistics(directory: String) throws -> Tokenizer {
    guard Tokenizer.isThere(in: directory) else {
      throw StatisticsError.noTokenizer(directory: directory)
    }
    return try Tokenizer.load(directory: directory)
  }
}
