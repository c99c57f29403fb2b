// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  /// Generates token by token, so that a caller can look, stop, and go back between tokens.
  ///
  /// What is drawn for a text depends on seed, row, step and attempt, not on which texts share the
  /// batch. Calls come from one thread at a time.
  ///
  ///     let generator = try TokenGenerator(model, prompts: [ids], options: options)
  ///     while let step = try generator.step() { … }
  ///     generator.sequences[0].ids
  public final class TokenGenerator {
    private struct Row {
      var history: TokenHistory
      /// Tokens not yet read by the model.
      var pending: [Int32]
      var attempt = 0
    }

    private let model: Model
    private let rowNumbers: [Int]
    private var chooser: TokenChooser
    private let additional: [any LogitsProcessor]
    private let batch: DecodingBatch
    private var rows: [Row]
    /// The answers so far, one for each prompt.
    public private(set) var sequences: [GeneratedSequence]

    /// - Parameters:
    ///   - prompts: at least one token each.
    ///   - processors: applied after the penalties of `options` and before its sampling.
    ///   - rowNumbers: the index of each prompt among all that share the seed; `nil`: as they are.
    /// - Throws: `ModelError` for an empty or too long prompt, ids out of range, or options that
    ///   cannot be.
    public convenience init(
      _ model: Model, prompts: [[Int32]], options: GenerationOptions,
      processors: [any LogitsProcessor] = [], rowNumbers: [Int]? = nil
    ) throws {
      try self.init(
        model, prompts: prompts, options: options, processors: processors, rowNumbers: rowNumbers,
        continuing: nil)
    }

    /// - Parameter continuing: a batch whose row 0 holds a beginning of the only prompt.
    package init(
      _ model: Model, prompts: [[Int32]], options: GenerationOptions,
      processors: [any LogitsProcessor], rowNumbers: [Int]?, continuing known: DecodingBatch?
    ) throws {
      try options.validate()
      for prompt in prompts { try model.checkIDs(prompt) }
      self.model = model
      self.rowNumbers = rowNumbers ?? Array(prompts.indices)
      precondition(self.rowNumbers.count == prompts.count)
      additional = processors
      chooser = TokenChooser(options, adding: processors)
      batch =
        known ?? DecodingBatch(model, rowCount: prompts.count, usesCache: options.usesCache)
      let readCount = known?.ids(ofRow: 0).count ?? 0
      precondition(known == nil || prompts.count == 1 && prompts[0].count > readCount)
      rows = prompts.map {
        Row(history: TokenHistory(prompt: $0), pending: Array($0[readCount...]))
      }
      sequences = prompts.map { _ in GeneratedSequence() }
      for index in rows.indices { finishIfFull(index) }
    }

    /// Gives each unfinished text its next token.
    ///
    /// - Returns: the rows that went on or ended in this step, in order; `nil` when all had ended.
    public func step() throws -> [Int]? {
      let live = rows.indices.filter { sequences[$0].finish == nil }
      guard !live.isEmpty else { return nil }
      for (index, token) in zip(live, try nextTokens(of: live)) {
        if chooser.options.stopIDs.contains(token.id) {
          finish(row: index, .stop)
          continue
        }
        rows[index].history.ids.append(token.id)
        rows[index].pending = [token.id]
        sequences[index].tokens.append(token)
        finishIfFull(index)
      }
      return live
    }

    private func nextTokens(of live: [Int]) throws -> [GeneratedToken] {
      let additions = live.map { (row: $0, ids: rows[$0].pending) }
      guard !chooser.takesLikeliest else {
        return try batch.appendForLikeliest(additions).map {
          GeneratedToken(id: $0, logProbability: nil, likeliest: [])
        }
      }
      return try zip(live, batch.append(additions)).map { index, logits in
        try chooser.choose(
          logits, after: rows[index].history, row: rowNumbers[index], attempt: rows[index].attempt)
      }
    }

    /// Ends a text here.
    public func finish(row index: Int, _ reason: FinishReason) {
      guard sequences[index].finish == nil else { return }
      sequences[index].finish = reason
      if rows.count > 1 { batch.drop(row: index) }
    }

    /// Takes back all but the first `count` tokens of an answer, and goes on from there with other
    /// random numbers; a finished text is unfinished again.
    ///
    /// - Parameters:
    ///   - attempt: a number for this repetition; the same number gives the same tokens again.
    ///   - temperature: from here on, for all rows.
    /// - Cost: at worst prompt and kept answer are read again.
    public func rewind(row index: Int, to count: Int, attempt: Int, temperature: Double? = nil) {
      precondition(rows.count == 1, "rows that share a batch cannot go back one by one")
      var answer = sequences[index].tokens
      precondition(count <= answer.count)
      answer.removeSubrange(count...)
      replace(row: index, with: answer, attempt: attempt)
      if let temperature, temperature != chooser.options.temperature {
        var options = chooser.options
        options.temperature = temperature
        chooser = TokenChooser(options, adding: additional)
      }
    }

    /// Makes an answer be `tokens`, as if they had been generated, and goes on from there.
    public func replace(row index: Int, with tokens: [GeneratedToken], attempt: Int) {
      precondition(rows.count == 1, "rows that share a batch cannot go back one by one")
      let prompt = Array(rows[index].history.ids[..<rows[index].history.promptCount])
      let history = TokenHistory(prompt: prompt, generated: tokens.map(\.id))
      let read = batch.ids(ofRow: index)
      let shared = zip(read, history.ids).prefix { $0 == $1 }.count
      // The last token is always read (again): its logits are what comes next.
      let kept = min(shared, history.ids.count - 1)
      let unread = kept < read.count ? batch.rewind(row: index, to: kept) : []
      rows[index] = Row(
        history: history, pending: unread + Array(history.ids[kept...]), attempt: attempt)
      sequences[index] = GeneratedSequence(tokens: tokens)
      finishIfFull(index)
    }

    /// What the model has read, to go on from in the next turn of a conversation.
    package var readBatch: DecodingBatch { batch }

    private func finishIfFull(_ index: Int) {
      if sequences[index].tokens.count >= chooser.options.maximumTokens {
        finish(row: index, .length)
      } else if rows[index].history.ids.count >= model.maximumPositions {
        finish(row: index, .context)
      }
    }
  }
#endif
