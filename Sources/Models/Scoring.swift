// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  /// A stretch of tokens whose likelihood is asked for.
  public struct ScoringRequest: Sendable {
    /// Context and continuation.
    public var ids: [Int32]
    /// Where the continuation starts; at least 1, because something must predict its first token.
    public var start: Int

    public init(ids: [Int32], start: Int) {
      self.ids = ids
      self.start = start
    }
  }

  /// The answer to a `ScoringRequest`.
  public struct ScoringResult: Equatable, Sendable {
    /// Σ log p(token | all before), natural logarithm.
    public var logLikelihood: Double
    /// Whether every token of the continuation is the most likely one; `nil` if not asked for.
    public var isGreedy: Bool?
  }

  extension Model {
    /// The log-likelihoods of continuations, in the order of the requests.
    ///
    /// Requests are sorted by length and batched up to `batchTokens` tokens, padded on the right;
    /// requests that differ only in their last token share one pass. Sums are in double.
    ///
    /// The ranks of a group share the batches, which are those of one process, by their padded
    /// tokens; every rank gets all results, with the bits that one process with its cores computes.
    /// - Parameters:
    ///   - greedy: also say whether the continuation is the greedy one.
    ///   - group: the processes that ask the same of the same model; all must call.
    ///   - progress: told how many of this rank's requests are done; may throw where it is alone.
    /// - Throws: `ModelError`; `.notFinite` when a likelihood is NaN; `RankFailure` where another
    ///   rank failed.
    public func score(
      _ requests: [ScoringRequest], greedy: Bool = false, batchTokens: Int = 4096,
      sharedBy group: DistributedGroup = .alone, progress: (Int) throws -> Void = { _ in }
    ) throws -> [ScoringResult] {
      // Equal inputs (all but the last token) are computed once.
      struct Key: Hashable {
        var input: ArraySlice<Int32>
        var start: Int
      }
      var groups: [Key: Int] = [:]
      var inputs: [(input: ArraySlice<Int32>, start: Int, requests: [Int])] = []
      for (index, request) in requests.enumerated() {
        guard request.start >= 1, request.start < request.ids.count else {
          throw ModelError.option(
            name: "start of the continuation", expected: "from 1 to \(request.ids.count - 1)",
            found: "\(request.start)")
        }
        let input = request.ids.dropLast()
        try checkIDs(Array(input))
        try checkIDs([request.ids[request.ids.count - 1]])
        let key = Key(input: input, start: request.start)
        if let known = groups[key] {
          inputs[known].requests.append(index)
        } else {
          groups[key] = inputs.count
          inputs.append((input, request.start, [index]))
        }
      }
      let order = inputs.indices.sorted {
        (inputs[$1].input.count, $0) < (inputs[$0].input.count, $1)
      }
      var batches: [Range<Int>] = []
      while let start = batches.last?.upperBound ?? (order.isEmpty ? nil : 0), start < order.count {
        let rows = min(order.count - start, max(1, batchTokens / inputs[order[start]].input.count))
        batches.append(start..<start + rows)
      }
      // The first of a batch is its longest.
      let owners = group.owners(
        ofSizes: batches.map { $0.count * inputs[order[$0.lowerBound]].input.count })
      var results = [ScoringResult?](repeating: nil, count: requests.count)
      var done = 0
      for (range, owner) in zip(batches, owners) where owner == group.rank {
        let batch = order[range].map { inputs[$0] }
        try Engine.run {
          try scoreBatch(
            batch, requests: requests, length: batch[0].input.count, greedy: greedy, &results)
        }
        done += batch.count
        try progress(done)
      }
      if group.size > 1 {
        let members = zip(batches, owners).map { range, owner in
          (owner, order[range].flatMap { inputs[$0].requests })
        }
        try gather(&results, members, group, greedy: greedy)
      }
      return results.compactMap { $0 }
    }

    /// Brings the results of each batch's requests from the rank that has computed them to all.
    private func gather(
      _ results: inout [ScoringResult?], _ members: [(owner: Int, requests: [Int])],
      _ group: DistributedGroup, greedy: Bool
    ) throws {
      let own = members.filter { $0.owner == group.rank }.flatMap(\.requests)
      let rows = try group.gather(
        own.flatMap { index -> [Double] in
          let result = results[index]
          return [result?.logLikelihood ?? 0, result?.isGreedy == true ? 1 : 0]
        })
      var next = [Int](repeating: 0, count: group.size)
      for (owner, requests) in members {
        for index in requests {
          let row = rows[owner][next[owner]..<next[owner] + 2]
          next[owner] += 2
          results[index] = ScoringResult(
            logLikelihood: row[row.startIndex],
            isGreedy: greedy ? row[row.startIndex + 1] == 1 : nil)
        }
      }
    }

    private func scoreBatch(
      _ batch: [(input: ArraySlice<Int32>, start: Int, requests: [Int])],
      requests: [ScoringRequest], length: Int, greedy: Bool, _ results: inout [ScoringResult?]
    ) throws {
      var ids: [Int32] = []
      var segments: [Int32] = []
      var rows: [Int32] = []  // positions of the batch whose prediction is asked for
      var targets: [Int32] = []
      var spans: [(request: Int, range: Range<Int>)] = []
      for (row, entry) in batch.enumerated() {
        ids.append(contentsOf: entry.input)
        ids.append(contentsOf: repeatElement(0, count: length - entry.input.count))
        segments.append(contentsOf: repeatElement(0, count: entry.input.count))
        segments.append(contentsOf: repeatElement(-1, count: length - entry.input.count))
        for request in entry.requests {
          let first = rows.count
          for position in entry.start - 1..<entry.input.count {
            rows.append(Int32(row * length + position))
            targets.append(requests[request].ids[position + 1])
          }
          spans.append((request, first..<rows.count))
        }
      }
      let hidden = try architecture.hidden(
        parameters, ids: DeviceArray(ids, shape: [batch.count, length]),
        segments: DeviceArray(segments, shape: [batch.count, length]), cache: nil, kernels: kernels)
      let asked = try take(hidden, DeviceArray(rows, shape: [rows.count]), axis: 0)
      let targetArray = try DeviceArray(targets, shape: [rows.count])
      let ones = try DeviceArray([Float](repeating: 1, count: rows.count), shape: [rows.count])
      let answer = try kernels.likelihood(
        asked, parameters[architecture.headName(in: parameters)], targets: targetArray,
        weights: ones, softcap: architecture.logitSoftcap)
      try evaluate([answer.loss, answer.best])
      let losses = try answer.loss.floats()
      let best = greedy ? try answer.best.integers() : []
      for (request, range) in spans {
        var total = 0.0
        for index in range { total -= Double(losses[index]) }
        guard !total.isNaN else {
          throw ModelError.notFinite(name: "log-likelihood of request", index: request)
        }
        results[request] = ScoringResult(
          logLikelihood: total,
          isGreedy: greedy ? range.allSatisfy { best[$0] == targets[$0] } : nil)
      }
    }
  }
#endif
