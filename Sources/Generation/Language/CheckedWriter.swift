// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Models

  /// Writes one answer line by line, each checked before it is shown.
  struct CheckedWriter {
    private let generator: TokenGenerator
    private let check: LineCheck
    private let options: TextOptions
    private let row: Int
    private var text: GrowingText
    /// Where the current line began: nothing before it is taken back.
    private var start: GrowingText
    /// The bytes of text before the current line. A token may hold the end of one line and the
    /// beginning of the next, which is then part of `start`.
    private var lineStart = 0
    private var attempt = 0
    private var retryCount = 0
    /// The best of the attempts at this line that were wrong.
    private var best: Attempt?

    private struct Attempt {
      var score: Double
      var sequence: GeneratedSequence
      var text: GrowingText
    }

    init(
      _ generator: TokenGenerator, _ check: LineCheck, options: TextOptions, row: Int,
      text: GrowingText
    ) {
      self.generator = generator
      self.check = check
      self.options = options
      self.row = row
      self.text = text
      start = text
    }

    mutating func run(
      promptTokenCount: Int, isCancelled: () -> Bool, onPiece: (TextPiece) throws -> Void
    ) throws -> GeneratedText {
      while generator.sequences[0].finish == nil {
        if isCancelled() {
          // An unchecked line is not shown.
          generator.replace(
            row: 0, with: Array(generator.sequences[0].tokens.prefix(start.tokenCount)),
            attempt: 0)
          generator.finish(row: 0, .cancelled)
          text = start
          break
        }
        guard try generator.step() != nil else { break }
        if text.take(generator.sequences[0]) { generator.finish(row: 0, .stop) }
        let lines = text.text.utf8.dropFirst(lineStart)
        let isOver = generator.sequences[0].finish != nil
        // What follows the last line feed belongs to the next line.
        guard let end = isOver ? lines.endIndex : lines.lastIndex(of: UInt8(ascii: "\n")) else {
          continue
        }
        try judge(String(Substring(lines[..<end])), onPiece)
      }
      let finish = generator.sequences[0].finish ?? .stop
      try show(finish, onPiece)
      return GeneratedText(
        text: text.text, tokens: generator.sequences[0].tokens, finish: finish,
        promptTokenCount: promptTokenCount, retryCount: retryCount)
    }

    private mutating func judge(_ line: String, _ onPiece: (TextPiece) throws -> Void) throws {
      let score = try check.judge(line)
      if score >= 0 { return try accept(onPiece) }
      let now = Attempt(score: score, sequence: generator.sequences[0], text: text)
      if best.map({ $0.score < score }) ?? true { best = now }
      attempt += 1
      if attempt < check.attempts {
        retryCount += 1
        goBack(
          attempt: attempt,
          temperature: options.generation.temperature > 0
            ? options.generation.temperature : check.retryTemperature)
        return
      }
      switch check.failure {
      case .stop:
        goBack(attempt: 0, temperature: options.generation.temperature)
        generator.finish(row: 0, .language)
      case .keepBest:
        guard let best else { return }
        generator.replace(row: 0, with: best.sequence.tokens, attempt: 0)
        if let finish = best.sequence.finish { generator.finish(row: 0, finish) }
        text = best.text
        try accept(onPiece)
      }
    }

    private mutating func goBack(attempt: Int, temperature: Double) {
      generator.rewind(
        row: 0, to: start.tokenCount, attempt: attempt, temperature: temperature)
      text = start
    }

    private mutating func accept(_ onPiece: (TextPiece) throws -> Void) throws {
      if generator.sequences[0].finish == nil, attempt > 0 {
        // The next line begins with the options' own temperature.
        generator.rewind(
          row: 0, to: generator.sequences[0].tokens.count, attempt: 0,
          temperature: options.generation.temperature)
      }
      attempt = 0
      best = nil
      if generator.sequences[0].finish == nil { try show(nil, onPiece) }
      start = text
      let bytes = text.text.utf8
      if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) {
        lineStart = bytes.distance(from: bytes.startIndex, to: end) + 1
      }
    }

    private mutating func show(
      _ finish: FinishReason?, _ onPiece: (TextPiece) throws -> Void
    ) throws {
      let new = text.text.utf8.dropFirst(shownCount)
      shownCount += new.count
      guard !new.isEmpty || finish != nil else { return }
      try onPiece(TextPiece(row: row, text: String(Substring(new)), finish: finish))
    }

    private var shownCount = 0
  }
#endif
