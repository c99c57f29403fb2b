// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Tensors
  import Testing

  @testable import Models

  /// The step without a graph, against the graph.
  struct DecodingStepTests {
    /// The logits of `ids` read column by column after a beginning of `prompt` columns.
    private func decode(
      _ model: Model, _ ids: [[Int32]], starts: [Int], prompt: Int, bySteps: Bool
    ) throws -> [[Float]] {
      try Engine.run {
        let cache = KeyValueCache(
          layerCount: model.architecture.sizes.layerCount, starts: starts)
        func read(_ range: Range<Int>) throws -> DeviceArray {
          let hidden = try model.architecture.hidden(
            model.parameters,
            ids: DeviceArray(ids.flatMap { $0[range] }, shape: [ids.count, range.count]),
            segments: nil, cache: cache, kernels: model.kernels)
          let logits = try model.logits(ofHidden: hidden)
          try evaluate([logits] + cache.arrays)
          return logits
        }
        _ = try read(0..<prompt)
        let step = try #require(try model.architecture.decodingStep(model.parameters))
        var found: [[Float]] = []
        for column in prompt..<ids[0].count {
          if bySteps {
            #expect(try step.read(ids.map { $0[column] }, cache: cache))
            #expect(cache.length == column + 1)
            let logits = step.logits(rows: ids.count)
            #expect(
              try step.likeliest(rows: ids.count)
                == logits.map { Int32(try TokenChooser.likeliest($0)) })
            found += logits
          } else {
            let flat = try read(column..<column + 1).floats()
            let width = flat.count / ids.count
            found += ids.indices.map { Array(flat[$0 * width..<($0 + 1) * width]) }
          }
        }
        return found
      }
    }

    @Test(arguments: FamilyGolden.all)
    func `a step gives the bits of the graph`(golden: FamilyGolden) throws {
      let rows = golden.ids("ids")
      let length = rows[0].count
      let starts = golden.lengths.map { length - $0 }
      let padded = zip(rows, golden.lengths).map { row, text in
        [Int32](repeating: 0, count: length - text) + row.prefix(text)
      }
      let prompt = (starts.max() ?? 0) + 1
      for form in [WeightForm.asStored, .float32] {
        let model = try Model(golden.checkpoint(), weights: form, kernels: .fused)
        for (ids, starts, prompt) in [(padded, starts, prompt), ([rows[0]], [0], 3)] {
          let expected = try decode(model, ids, starts: starts, prompt: prompt, bySteps: false)
          let found = try decode(model, ids, starts: starts, prompt: prompt, bySteps: true)
          #expect(found == expected)
        }
      }
    }

    @Test(arguments: FamilyGolden.all, [ElementType.bfloat16, .float16])
    func `a step over 16-bit weights gives the bits of the graph`(
      golden: FamilyGolden, type: ElementType
    ) throws {
      let wide = try golden.checkpoint()
      let stored = try Checkpoint.inMemory(
        config: wide.config,
        tensors: wide.names.map { name in
          (name, try #require(wide.info(name)).shape, try wide.floats(name))
        }, elementType: type)
      let rows = golden.ids("ids")
      let model = try Model(stored, weights: .asStored, kernels: .fused)
      let twin = try Model(stored, weights: .float32, kernels: .fused)
      for (ids, prompt) in [(Array(rows.prefix(2)), 2), ([rows[0]], 3)] {
        let starts = ids.map { _ in 0 }
        let expected = try decode(model, ids, starts: starts, prompt: prompt, bySteps: false)
        let found = try decode(model, ids, starts: starts, prompt: prompt, bySteps: true)
        #expect(found == expected)
        // 16-bit weights are widened exactly, so the same model in float32 is near, though its
        // sums may be taken in another order.
        let wide = try decode(twin, ids, starts: starts, prompt: prompt, bySteps: true)
        for (a, b) in zip(found.joined(), wide.joined()) { #expect(abs(a - b) <= 1e-3) }
      }
    }

    @Test func `a step gives the same bits for every number of threads and instruction set`()
      throws
    {
      let golden = try #require(FamilyGolden.all.first { $0.family == "llama" })
      let model = try Model(golden.checkpoint(), kernels: .fused)
      let ids = golden.ids("ids")
      func result() throws -> [[Float]] {
        try decode(
          model, ids, starts: ids.map { _ in 0 }, prompt: 2, bySteps: true)
      }
      defer {
        Engine.limitInstructionSet(false)
        Engine.setThreads(2)
      }
      let expected = try result()
      for threads in [1, 3, 8] {
        Engine.setThreads(threads)
        #expect(try result() == expected)
      }
      Engine.limitInstructionSet(true)
      #expect(try result() == expected)
    }

    @Test func `ids that are no tokens are refused and nothing is read`() throws {
      let golden = try #require(FamilyGolden.all.first)
      let model = try Model(golden.checkpoint(), kernels: .fused)
      try Engine.run {
        let step = try #require(try model.architecture.decodingStep(model.parameters))
        let cache = KeyValueCache(layerCount: model.architecture.sizes.layerCount)
        #expect(try !step.read([1], cache: cache), "an empty cache is the graph's")
        _ = try model.architecture.hidden(
          model.parameters, ids: DeviceArray([Int32(1), 2], shape: [1, 2]), segments: nil,
          cache: cache, kernels: .fused)
        try evaluate(cache.arrays)
        for id in [Int32(-1), Int32(model.vocabularySize)] {
          #expect {
            try step.read([id], cache: cache)
          } throws: { "\($0)".contains("expected 0 to \(model.vocabularySize - 1), found \(id)") }
        }
        #expect(throws: ModelError.self) { try step.read([1, 2], cache: cache) }
        #expect(cache.length == 2)
        #expect(try step.read([1], cache: cache))
      }
    }
  }
#endif
