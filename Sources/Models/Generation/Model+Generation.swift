// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// Which prompts are worked on together.
package enum GenerationBatches {
  /// The rows of each batch: prompts of similar length together, the longest first.
  package static func rows(of prompts: [[Int32]], size: Int) -> [[Int]] {
    let order = prompts.indices.sorted {
      (prompts[$1].count, $0) < (prompts[$0].count, $1)
    }
    return stride(from: 0, to: order.count, by: size).map {
      Array(order[$0..<min(order.count, $0 + size)])
    }
  }
}

#if MLX
  extension Model {
    /// The tokens that follow `prompt`.
    ///
    /// Stops at a stop id, at `maximumTokens`, or when the model's positions are used up.
    /// - Throws: `ModelError` for an empty prompt or ids out of range, `.notFinite` for NaN logits.
    public func generate(
      after prompt: [Int32], options: GenerationOptions = GenerationOptions()
    ) throws -> [Int32] {
      try generate(after: [prompt], options: options)[0].ids
    }

    /// The answers to several prompts, in their order.
    ///
    /// - Parameters:
    ///   - processors: applied after the penalties of `options` and before its sampling.
    ///   - batchSize: so many texts are in memory at a time; answers depend on it by no more than
    ///     the rounding of the model's arithmetic.
    /// - Throws: as for one prompt; `.option` for options that cannot be.
    public func generate(
      after prompts: [[Int32]], options: GenerationOptions,
      processors: [any LogitsProcessor] = [], batchSize: Int = 16
    ) throws -> [GeneratedSequence] {
      precondition(batchSize > 0)
      var answers = [GeneratedSequence](repeating: GeneratedSequence(), count: prompts.count)
      for rows in GenerationBatches.rows(of: prompts, size: batchSize) {
        let generator = try TokenGenerator(
          self, prompts: rows.map { prompts[$0] }, options: options, processors: processors,
          rowNumbers: rows)
        while try generator.step() != nil {}
        for (row, answer) in zip(rows, generator.sequences) { answers[row] = answer }
      }
      return answers
    }
  }
#endif
