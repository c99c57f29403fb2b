// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Tensors
  import Testing

  @testable import Models

  struct ModelTests {
    @Test(arguments: Golden.names, [Kernels.fused, .plain])
    func `logits equal those of transformers`(name: String, kernels: Kernels) throws {
      let golden = try Golden(name)
      let model = try Model(golden.checkpoint, kernels: kernels)
      let logits = try model.logits(golden.ids("ids"))
      for (row, expected) in zip(golden.ids("rows"), golden.rows("logits")) {
        let found = logits[Int(row)].map { Double($0) }
        #expect(found.count == expected.count)
        let scale = expected.map { abs($0) }.max() ?? 1
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-4 * scale) }
      }
    }

    @Test(arguments: Golden.names)
    func `greedy generation equals that of transformers, with a cache and without`(
      name: String
    ) throws {
      let golden = try Golden(name)
      let model = try Model(golden.checkpoint)
      let prompt = Array(golden.ids("ids").prefix(9))
      for usesCache in [true, false] {
        let options = GenerationOptions(maximumTokens: 12, usesCache: usesCache)
        #expect(try model.generate(after: prompt, options: options) == golden.ids("generated"))
      }
    }

    @Test func `sampled generation is a function of the seed, not of the cache`() throws {
      let golden = try Golden("llama-plain")
      let model = try Model(golden.checkpoint)
      func sample(seed: UInt64, cache: Bool) throws -> [Int32] {
        try model.generate(
          after: [3, 1, 4],
          options: GenerationOptions(
            maximumTokens: 20, temperature: 1, seed: seed, usesCache: cache))
      }
      let first = try sample(seed: 1, cache: true)
      #expect(try sample(seed: 1, cache: false) == first)
      #expect(try sample(seed: 2, cache: true) != first)
    }

    @Test func `a stop id ends the text and is not part of it`() throws {
      let golden = try Golden("llama-plain")
      let model = try Model(golden.checkpoint)
      let prompt = Array(golden.ids("ids").prefix(9))
      let free = golden.ids("generated")
      let stop = free[4]
      let expected = Array(free.prefix { $0 != stop })
      let options = GenerationOptions(maximumTokens: 12, stopIDs: [stop])
      #expect(try model.generate(after: prompt, options: options) == expected)
    }

    @Test(arguments: Golden.names, [Kernels.fused, .plain])
    func `scores are the log softmax of the logits, whatever the batch`(
      name: String, kernels: Kernels
    ) throws {
      let golden = try Golden(name)
      let model = try Model(golden.checkpoint, kernels: kernels)
      let ids = golden.ids("ids")
      let requests = [
        ScoringRequest(ids: Array(ids[0..<12]), start: 1),
        ScoringRequest(ids: Array(ids[3..<40]), start: 30),
        ScoringRequest(ids: Array(ids[0..<11]) + [5], start: 11),
        ScoringRequest(ids: Array(ids[0..<11]) + [6], start: 11),
        ScoringRequest(ids: [ids[0], ids[1]], start: 1),
      ]
      let expected = try requests.map { request in
        let logits = try model.logits(request.ids)
        return (request.start..<request.ids.count).reduce(0.0) { sum, position in
          let row = logits[position - 1].map { Double($0) }
          let top = row.max() ?? 0
          let total = row.reduce(0) { $0 + exp($1 - top) }
          return sum + row[Int(request.ids[position])] - top - log(total)
        }
      }
      for greedy in [true, false] {
        for batchTokens in [1, 64, 4096] {
          let found = try model.score(requests, greedy: greedy, batchTokens: batchTokens)
          for (a, b) in zip(found, expected) { #expect(abs(a.logLikelihood - b) < 2e-4) }
        }
      }
    }

    @Test func `a continuation is greedy exactly when it is what generation gives`() throws {
      let golden = try Golden("llama-rich")
      let model = try Model(golden.checkpoint)
      let prompt = Array(golden.ids("ids").prefix(9))
      let generated = golden.ids("generated")
      var other = generated
      other[3] = (other[3] + 1) % 61
      let results = try model.score(
        [
          ScoringRequest(ids: prompt + generated, start: 9),
          ScoringRequest(ids: prompt + other, start: 9),
        ], greedy: true)
      #expect(results.map(\.isGreedy) == [true, false])
    }

    @Test func `an id beyond the vocabulary is refused before the engine sees it`() throws {
      let model = try Model(try Golden("llama-plain").checkpoint)
      for bad: Int32 in [61, -1, .max] {
        #expect(throws: ModelError.idOutOfRange(id: Int(bad), vocabularySize: 61)) {
          try model.logits([1, bad])
        }
        #expect(throws: ModelError.idOutOfRange(id: Int(bad), vocabularySize: 61)) {
          try model.score([ScoringRequest(ids: [1, bad], start: 1)])
        }
      }
    }

    @Test func `an empty input and one beyond the positions are refused`() throws {
      let model = try Model(try Golden("llama-plain").checkpoint)
      #expect(throws: ModelError.length(tokenCount: 0, limit: 64)) { try model.logits([]) }
      let long = [Int32](repeating: 1, count: 65)
      #expect(throws: ModelError.length(tokenCount: 65, limit: 64)) { try model.logits(long) }
    }

    @Test func `a model with NaN weights is refused, naming tensor and element`() throws {
      let golden = try Golden("llama-plain")
      let poisoned = try poison(golden.checkpoint, tensor: "model.norm.weight")
      #expect(
        throws: CheckpointError.notFinite(
          tensor: "model.norm.weight", index: 2, value: "nan", origin: "a model in memory")
      ) { try Model(poisoned) }
    }

    private func poison(_ checkpoint: Checkpoint, tensor: String) throws -> Checkpoint {
      try Checkpoint.inMemory(
        config: checkpoint.config,
        tensors: checkpoint.names.map { name in
          var values = try checkpoint.floats(name)
          if name == tensor { values[2] = .nan }
          let shape = try #require(checkpoint.info(name)).shape
          return (name: name, shape: shape, values: values)
        })
    }
  }
#endif
