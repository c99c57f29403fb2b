// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  /// Texts that grow side by side, and the logits after each: one pass of the model for all of them.
  ///
  /// Rows are named by their index at the start and keep it when others are dropped. Texts of unequal
  /// length are padded on the left, so rows of similar length waste least. Calls come from any thread,
  /// one at a time.
  package final class DecodingBatch {
    private let model: Model
    private let usesCache: Bool
    /// All tokens given so far, by row.
    private var ids: [Int: [Int32]] = [:]
    /// The rows of the cache, in its order; rows dropped since are still in it.
    /// `longest`: the length of the longest text when the keys were turned.
    private var cached: (cache: KeyValueCache, rows: [Int], longest: Int)?
    /// Made when first needed.
    private var step: DecodingStep?

    /// `rowCount` empty rows.
    ///
    /// - Parameter usesCache: without, each call reads every text again.
    package init(_ model: Model, rowCount: Int, usesCache: Bool = true) {
      self.model = model
      self.usesCache = usesCache
      for row in 0..<rowCount { ids[row] = [] }
    }

    /// The tokens of a row; none for one that was dropped.
    package func ids(ofRow row: Int) -> [Int32] { ids[row] ?? [] }

    /// Appends tokens to every row that is left; the logits (V) after the last token of each.
    ///
    /// - Parameter additions: every row that was not dropped, once; equally many tokens for each
    ///   after the first call.
    /// - Throws: `ModelError.idOutOfRange`, or `.length` for an empty or too long text.
    package func append(_ additions: [(row: Int, ids: [Int32])]) throws -> [[Float]] {
      try read(additions) { try $0.logits() }
    }

    /// The same, where nothing but the likeliest token after each row is asked for: the lowest id of
    /// the largest logit.
    ///
    /// - Throws: `ModelError.notFinite` too.
    func appendForLikeliest(_ additions: [(row: Int, ids: [Int32])]) throws -> [Int32] {
      try read(additions) { try $0.likeliest() }
    }

    private func read<Answer>(
      _ additions: [(row: Int, ids: [Int32])], _ answer: (Outcome) throws -> [Answer]
    ) throws -> [Answer] {
      guard !additions.isEmpty else { return [] }
      precondition(
        Set(additions.map(\.row)) == Set(ids.keys) && additions.count == ids.count,
        "every row that is left, once")
      for (row, new) in additions {
        try model.checkIDs(new)
        let count = ids(ofRow: row).count + new.count
        guard count <= model.maximumPositions else {
          throw ModelError.length(tokenCount: count, limit: model.maximumPositions)
        }
      }
      for (row, new) in additions { ids[row, default: []] += new }
      return try Engine.run {
        let rows = additions.count
        guard usesCache else {
          let hidden = try concatenate(additions.map { try last(ofRow: $0.row) }, axis: 0)
          return try answer(.graph(model.logits(ofHidden: hidden), rows: rows))
        }
        let (cache, inputs) = try cache(for: additions)
        if try takesStep(inputs, cache), let step {
          return try answer(.step(step, rows: rows))
        }
        let logits = try model.logits(ofHidden: hidden(inputs, cache))  // (B, V)
        try evaluate([logits] + cache.arrays)
        return try answer(.graph(logits, rows: rows))
      }
    }

    /// What has been computed for the rows of a call, in their order.
    private enum Outcome {
      case graph(DeviceArray, rows: Int)
      case step(DecodingStep, rows: Int)

      func logits() throws -> [[Float]] {
        switch self {
        case .step(let step, let rows): return step.logits(rows: rows)
        case .graph(let logits, let rows):
          return try logits.withFloats { start, count in
            let width = count / rows
            return (0..<rows).map {
              Array(UnsafeBufferPointer(start: start + $0 * width, count: width))
            }
          }
        }
      }

      func likeliest() throws -> [Int32] {
        if case .step(let step, let rows) = self { return try step.likeliest(rows: rows) }
        return try logits().map { Int32(try TokenChooser.likeliest($0)) }
      }
    }

    /// Whether the step without a graph could read these tokens, and has.
    private func takesStep(_ inputs: [[Int32]], _ cache: KeyValueCache) throws -> Bool {
      guard model.kernels == .fused, cache.length > 0, inputs.count <= DecodingStep.mostTexts,
        inputs.allSatisfy({ $0.count == 1 })
      else { return false }
      if step == nil { step = try model.architecture.decodingStep(model.parameters) }
      guard let step else { return false }
      return try step.read(inputs.map { $0[0] }, cache: cache)
    }

    /// Forgets a row; its memory is free after the next call.
    package func drop(row: Int) {
      ids[row] = nil
      if ids.isEmpty { cached = nil }
    }

    /// Cuts the only row back to its first `count` tokens.
    ///
    /// - Returns: the tokens that must be appended again before what comes next.
    package func rewind(row: Int, to count: Int) -> [Int32] {
      precondition(ids.count == 1, "rows that share a batch cannot go back one by one")
      guard let all = ids[row], count < all.count else { return [] }
      ids[row] = []
      cached = nil
      return Array(all[..<count])
    }

    /// The last hidden state (1, D) of a row, without a cache.
    private func last(ofRow row: Int) throws -> DeviceArray {
      let input = ids(ofRow: row)
      let hidden = try model.architecture.hidden(
        model.parameters, ids: DeviceArray(input, shape: [1, input.count]), segments: nil,
        cache: nil, kernels: model.kernels)
      return try slice(hidden, from: [input.count - 1, 0], to: [input.count, hidden.shape[1]])
    }

    /// The cache of these rows, in their order, and what it has yet to read of each.
    private func cache(
      for additions: [(row: Int, ids: [Int32])]
    ) throws -> (KeyValueCache, [[Int32]]) {
      let rows = additions.map(\.row)
      var inputs = additions.map(\.ids)
      let longest = rows.map { ids(ofRow: $0).count }.max() ?? 0
      if let known = cached,
        model.architecture.switchesRotation(from: known.longest, to: longest)
      {
        cached = nil
      }
      let cache: KeyValueCache
      if let (known, knownRows, _) = cached {
        precondition(
          inputs.allSatisfy { $0.count == inputs[0].count }, "equally many tokens for each row")
        cache = known
        if knownRows != rows {
          try cache.keep(
            rows: rows.map { row in
              guard let index = knownRows.firstIndex(of: row) else {
                preconditionFailure("row \(row) is in no cache")
              }
              return index
            })
        }
      } else {
        inputs = rows.map(ids(ofRow:))
        cache = KeyValueCache(
          layerCount: model.architecture.sizes.layerCount,
          starts: inputs.map { longest - $0.count })
      }
      cached = (cache, rows, longest)
      return (cache, inputs)
    }

    /// The last hidden states (B, D) of rows that read these tokens.
    private func hidden(_ inputs: [[Int32]], _ cache: KeyValueCache) throws -> DeviceArray {
      let length = inputs.map(\.count).max() ?? 0
      let padded = inputs.flatMap { [Int32](repeating: 0, count: length - $0.count) + $0 }
      let hidden = try model.architecture.hidden(
        model.parameters, ids: DeviceArray(padded, shape: [inputs.count, length]), segments: nil,
        cache: cache, kernels: model.kernels)  // (B·L, D)
      guard length > 1 else { return hidden }
      let ends = inputs.indices.map { Int32($0 * length + length - 1) }
      return try take(hidden, DeviceArray(ends, shape: [inputs.count]), axis: 0)
    }
  }
#endif
