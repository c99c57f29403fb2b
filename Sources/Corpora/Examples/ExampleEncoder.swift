// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Templates
import Tokenization

/// Turns rows of supervised data into tokens with exact weights.
///
/// **Conversations** are rendered by the chat template and tokenized in one piece. Trained is what
/// the assistant says with the token that ends its turn: the template's `{% generation %}` blocks
/// where it has them, else what each assistant's message adds to the rendering
/// (``ChatTemplate/assistantSpans(_:limits:clock:)``, which refuses templates that do not render
/// prefixes of a conversation as prefixes). The end token is trained also where a generation block
/// leaves it out, white space behind it never; with `assistant: each` a conversation is as many
/// examples as the assistant has turns, each of which ends one and is all that is trained in it; where the last answer ends in no special token,
/// end-of-text is put behind it and trained. A message with `"weight": 0` is read only.
///
/// **Prompt and completion** are tokenized in one piece, begun as the tokenizer begins a text, and
/// ended with end-of-text. Read only are the tokens that the prompt alone begins with too: a token
/// across the border belongs to the completion, as does the space that its first word carries.
///
/// **Text** is trained whole, opened by the tokenizer's beginning-of-text token or by end-of-text,
/// as running text is, and ended with end-of-text.
///
/// Nothing is ever masked by its id, so end-of-text is learnt also where it is the padding token.
public struct ExampleEncoder: Sendable {
  /// What a row became.
  public enum Outcome: Equatable, Sendable {
    /// One example, or the pieces of a long text.
    case examples([EncodedExample], isTruncated: Bool)
    case overLong
    case untrained
  }

  public let settings: ExampleSettings
  let tokenizer: Tokenizer
  let template: ChatTemplate?
  let windowLength: Int
  let endOfText: Int32
  private let clock: TemplateClock
  /// The token that ends an assistant's turn, as the template itself shows.
  let endOfTurn: Int32?

  /// Makes an encoder.
  ///
  /// - Parameters:
  ///   - template: of conversations; `prompt` and `completion` go through it where the settings
  ///     name one.
  ///   - windowLength: T; an example has at most T + 1 tokens.
  ///   - endOfText: the model's.
  ///   - clock: what templates are told of the date. A fixed one, so that a resumed training has the
  ///     examples it had before.
  public init(
    _ settings: ExampleSettings, tokenizer: Tokenizer, template: ChatTemplate?,
    windowLength: Int, endOfText: Int32,
    clock: TemplateClock = .fixed(Date(timeIntervalSince1970: 1_735_689_600))
  ) {
    self.settings = settings
    self.tokenizer = tokenizer
    self.template = template
    self.windowLength = windowLength
    self.endOfText = endOfText
    self.clock = clock
    endOfTurn = template.flatMap { Self.endOfTurn($0, tokenizer, clock) }
  }

  /// Encodes a row.
  ///
  /// - Throws: ``CorpusError/unusableExample(_:line:problem:next:)`` where the settings ask for an
  ///   error, for a conversation without a template, and with what the template threw.
  public func encode(_ row: ExampleRow) throws -> Outcome {
    if settings.assistant == .each, case .messages(let messages, let tools) = row.content {
      return try turns(messages.map { .object($0.json) }, tools: tools.array, row)
    }
    var marked: MarkedTokens
    var isText = false
    switch row.content {
    case .messages(let messages, let tools):
      marked = try conversation(messages.map { .object($0.json) }, tools: tools.array, row)
    case .promptCompletion(let prompt, let completion):
      if settings.chatTemplate == "auto" || template == nil {
        marked = pair(prompt, completion)
      } else {
        let messages: [JSON] = [
          ["role": "user", "content": JSON(prompt)],
          ["role": "assistant", "content": JSON(completion)],
        ]
        marked = try conversation(messages, tools: nil, row)
      }
    case .text(let text):
      marked = whole(text)
      isText = true
    }
    return try finish(&marked, isText: isText, row)
  }

  /// The conversation up to each turn of the assistant that is trained.
  private func turns(_ messages: [JSON], tools: [JSON]?, _ row: ExampleRow) throws -> Outcome {
    let ends = messages.indices.filter {
      messages[$0]["role"]?.string == "assistant" && messages[$0]["weight"]?.double != 0
    }
    var found: [EncodedExample] = []
    var (isTruncated, isOverLong) = (false, false)
    for end in ends {
      var marked = try conversation(Array(messages[...end]), tools: tools, row)
      switch try finish(&marked, isText: false, row) {
      case .examples(let made, let wasTruncated):
        found += made
        isTruncated = isTruncated || wasTruncated
      case .overLong: isOverLong = true
      case .untrained: break
      }
    }
    if !found.isEmpty { return .examples(found, isTruncated: isTruncated || isOverLong) }
    if isOverLong { return .overLong }
    guard settings.untrained == .drop else { throw untrained(row) }
    return .untrained
  }

  private func untrained(_ row: ExampleRow) -> CorpusError {
    unusable(
      row, "nothing in it would be trained",
      "Give it an answer that is not empty, or say `untrained: drop`.")
  }

  private func finish(
    _ marked: inout MarkedTokens, isText: Bool, _ row: ExampleRow
  ) throws -> Outcome {
    guard marked.isTrained.dropFirst().contains(true) else {
      guard settings.untrained == .drop else { throw untrained(row) }
      return .untrained
    }
    return try fit(&marked, isText: isText, row)
  }

  // MARK: Kinds

  private func whole(_ text: String) -> MarkedTokens {
    let (ids, opening) = begun(text)
    let tokens = (opening.isEmpty ? [endOfText] : opening) + ids
    let openingCount = max(1, opening.count)
    return MarkedTokens(
      tokens: tokens + (tokens.last == endOfText && !ids.isEmpty ? [] : [endOfText]),
      isTrained: { $0 >= openingCount && !ids.isEmpty }, byteCount: text.utf8.count)
  }

  private func pair(_ prompt: String, _ completion: String) -> MarkedTokens {
    let (ids, opening) = begun(prompt + completion)
    let alone = tokenizer.encode(prompt)
    let common = zip(alone, ids).prefix { $0 == $1 }.count
    var head = opening
    // An answer is predicted from at least one token.
    if head.isEmpty, common == 0 { head = [tokenizer.bosID ?? endOfText] }
    let start = head.count + common
    var tokens = head + ids
    let hasAnswer = tokens.count > start
    if hasAnswer, tokens.last != endOfText { tokens.append(endOfText) }
    return MarkedTokens(
      tokens: tokens, isTrained: { $0 >= start && hasAnswer },
      byteCount: prompt.utf8.count + completion.utf8.count)
  }

  /// The ids of a text, and what the tokenizer puts before them.
  private func begun(_ text: String) -> (ids: [Int32], opening: [Int32]) {
    let ids = tokenizer.encode(text)
    let opening = tokenizer.encodeWithSpecialTokens("")
    // A post-processor may also end a text; what stands before is known from both.
    let full = tokenizer.encodeWithSpecialTokens(text)
    let head = full.prefix(max(0, full.count - ids.count))
    return (ids, Array(zip(head, opening).prefix { $0 == $1 }.map(\.0).prefix { $0 != endOfText }))
  }

  private func conversation(
    _ messages: [JSON], tools: [JSON]?, _ row: ExampleRow
  ) throws -> MarkedTokens {
    guard let template else {
      throw unusable(
        row, "it is a conversation and there is no chat template",
        "Name one by `chat_template`, or use a model that has its own.")
    }
    let conversation = Conversation(messages: messages, tools: tools)
    let text: String
    do { text = try template.render(conversation, clock: clock).text } catch {
      throw unusable(row, error.diagnosis.what.clause, error.diagnosis.next)
    }
    var spans: [Range<Int>]
    let onlyLast = settings.assistant != .all
    do {
      spans = try template.assistantSpans(conversation, onlyLast: onlyLast, clock: clock)
    } catch {
      // Templates such as Qwen3's write an earlier turn without its reasoning, so the turns of one
      // rendering are not what the model said; those of several are.
      throw unusable(
        row, error.diagnosis.what.clause,
        onlyLast
          ? error.diagnosis.next
          : "Say `assistant: each`, which makes each turn an example of its own, or "
            + "`assistant: last`, or use a template that marks the turns by {% generation %}.")
    }
    var answers = messages.filter { $0["role"]?.string == "assistant" }
    if onlyLast { answers = answers.suffix(1) }
    if spans.count == answers.count {
      spans = zip(spans, answers).filter { $1["weight"]?.double != 0 }.map(\.0)
    }
    let scalars = SpanMarker.byteRanges(of: spans, in: text)
    let (ids, marks) = SpanMarker.mark(text, scalars, tokenizer)
    var marked = MarkedTokens(
      tokens: ids, isTrained: { marks[$0] }, byteCount: text.utf8.count)
    finishTurns(&marked)
    let endsWithAnswer = messages.last?["role"]?.string == "assistant"
    if let last = marked.isTrained.lastIndex(of: true),
      settings.promptWeight == 0 || endsWithAnswer
    {
      marked.truncate(to: last + 1)
      let end = marked.tokens[last]
      if end != endOfText, end != endOfTurn, !tokenizer.isSpecial(end) {
        marked.append(endOfText)
      }
    }
    return marked
  }

  /// Trains the token that ends a turn, and not the white space that the template puts behind it.
  private func finishTurns(_ marked: inout MarkedTokens) {
    func ends(_ id: Int32) -> Bool { id == endOfTurn || id == endOfText }
    var index = 0
    while index < marked.tokens.count {
      guard marked.isTrained[index] else {
        index += 1
        continue
      }
      var end = index
      while end < marked.tokens.count, marked.isTrained[end] { end += 1 }
      if end < marked.tokens.count, !tokenizer.isSpecial(marked.tokens[end - 1]),
        ends(marked.tokens[end])
      {
        marked.isTrained[end] = true
        end += 1
      }
      if let last = (index..<end).last(where: { ends(marked.tokens[$0]) }),
        (last + 1..<end).allSatisfy({ isSpace(marked.tokens[$0]) })
      {
        for place in last + 1..<end { marked.isTrained[place] = false }
      }
      index = end
    }
  }

  private func isSpace(_ id: Int32) -> Bool {
    tokenizer.bytes(of: id).allSatisfy { $0 == 32 || (9...13).contains($0) }
  }

  /// What stands behind an answer in the smallest conversation.
  private static func endOfTurn(
    _ template: ChatTemplate, _ tokenizer: Tokenizer, _ clock: TemplateClock
  ) -> Int32? {
    let probe = Conversation(messages: [
      ["role": "user", "content": "1"], ["role": "assistant", "content": "2"],
    ])
    guard let text = try? template.render(probe, clock: clock).text,
      let span = try? template.assistantSpans(probe, clock: clock).last
    else { return nil }
    let ranges = SpanMarker.byteRanges(of: [span], in: text)
    let (ids, marks) = SpanMarker.mark(text, ranges, tokenizer)
    guard let first = marks.firstIndex(of: true) else { return nil }
    return ids[first...].first { tokenizer.isSpecial($0) }
  }

  // MARK: Fitting

  private func fit(
    _ marked: inout MarkedTokens, isText: Bool, _ row: ExampleRow
  ) throws -> Outcome {
    let limit = windowLength + 1
    let excess = marked.tokens.count - limit
    guard excess > 0 else {
      return .examples([marked.example(settings.promptWeight)], isTruncated: false)
    }
    switch settings.overLong {
    case .error:
      throw unusable(
        row, "it has \(marked.tokens.count) tokens, a window holds \(limit)",
        "Use longer windows, or say `over_long: truncate` or `drop`.")
    case .drop: return .overLong
    case .truncate: break
    }
    if isText { return .examples(marked.pieces(limit, settings.promptWeight), isTruncated: true) }
    let kept = marked.tokens.first.map { $0 == tokenizer.bosID } ?? false ? 1 : 0
    guard let last = marked.isTrained.lastIndex(of: true) else { return .overLong }
    let answer = (marked.isTrained[...last].lastIndex(of: false) ?? -1) + 1
    guard kept + excess < answer else { return .overLong }
    marked.remove(kept..<kept + excess)
    return .examples([marked.example(settings.promptWeight)], isTruncated: true)
  }

  private func unusable(_ row: ExampleRow, _ problem: String, _ next: String) -> CorpusError {
    .unusableExample(row.file, line: row.line, problem: problem, next: next)
  }
}

/// Tokens and which of them are answers.
struct MarkedTokens {
  private(set) var tokens: [Int32]
  var isTrained: [Bool]
  private let byteCount: Int

  init(tokens: [Int32], isTrained: (Int) -> Bool, byteCount: Int) {
    self.tokens = tokens
    self.isTrained = tokens.indices.map(isTrained)
    self.byteCount = byteCount
  }

  mutating func truncate(to count: Int) {
    tokens.removeLast(tokens.count - count)
    isTrained.removeLast(isTrained.count - count)
  }

  mutating func append(_ answer: Int32) {
    tokens.append(answer)
    isTrained.append(true)
  }

  mutating func remove(_ range: Range<Int>) {
    tokens.removeSubrange(range)
    isTrained.removeSubrange(range)
  }

  func example(_ promptWeight: Double) -> EncodedExample {
    EncodedExample(
      tokens: tokens, weights: isTrained.map { $0 ? 1 : Float(promptWeight) },
      byteCount: byteCount)
  }

  /// Pieces of at most `limit` tokens; each begins with the last token of the one before, so that
  /// every token is a target once.
  func pieces(_ limit: Int, _ promptWeight: Double) -> [EncodedExample] {
    let whole = example(promptWeight)
    var pieces: [EncodedExample] = []
    var start = 0
    while start + 1 < tokens.count {
      let end = min(start + limit, tokens.count)
      let bytes =
        byteCount * (end - 1) / (tokens.count - 1) - byteCount * start / (tokens.count - 1)
      pieces.append(
        EncodedExample(
          tokens: Array(whole.tokens[start..<end]), weights: Array(whole.weights[start..<end]),
          byteCount: bytes))
      start = end - 1
    }
    return pieces
  }
}
