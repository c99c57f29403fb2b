// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Testing

  @testable import Models

  struct KeyValueCacheTests {
    private static let goldens = FamilyGolden.all.filter {
      ["gemma3_text", "phi3", "qwen2"].contains($0.family)
    }

    private func next(
      _ model: Model, _ rows: [[Int32]], _ range: Range<Int>, _ cache: KeyValueCache?
    ) throws -> [[Float]] {
      let hidden = try model.architecture.hidden(
        model.parameters,
        ids: DeviceArray(rows.flatMap { $0[range] }, shape: [rows.count, range.count]),
        segments: nil, cache: cache, kernels: model.kernels)
      let flat = try model.logits(ofHidden: hidden).floats()
      return rows.indices.map { row in
        let last = ((row + 1) * range.count - 1) * model.vocabularySize
        return Array(flat[last..<last + model.vocabularySize])
      }
    }

    private func isClose(_ a: [Float], _ b: [Float]) -> Bool {
      relativeDifference(a.map { Double($0) }, b.map { Double($0) }) < 2e-5
    }

    @Test(arguments: goldens)
    func `rows that are left go on as if nobody had gone`(golden: FamilyGolden) throws {
      let model = try Model(golden.checkpoint())
      let rows = golden.ids("ids")
      let layers = model.architecture.sizes.layerCount
      let starts = [0, 3, 7]
      try Engine.run {
        let (all, some) = (
          KeyValueCache(layerCount: layers, starts: starts),
          KeyValueCache(layerCount: layers, starts: starts)
        )
        for cache in [all, some] { _ = try next(model, rows, 0..<20, cache) }
        try some.keep(rows: [2, 0])
        #expect(some.starts == [7, 0] && some.length == 20)
        for column in 20..<24 {
          let expected = try next(model, rows, column..<column + 1, all)
          let found = try next(model, [rows[2], rows[0]], column..<column + 1, some)
          #expect(isClose(found[0], expected[2]) && isClose(found[1], expected[0]))
        }
      }
    }

    @Test(arguments: goldens)
    func `a padded row is what its text gives alone`(golden: FamilyGolden) throws {
      // A switching rotation asks how long the longest text is, so that one is left out.
      guard golden.title != "longrope, switching" else { return }
      let model = try Model(golden.checkpoint())
      let text = golden.ids("ids")[0]
      let layers = model.architecture.sizes.layerCount
      try Engine.run {
        let padded = [text, [9, 9, 9, 9] + text.dropLast(4)]
        let cache = KeyValueCache(layerCount: layers, starts: [0, 4])
        _ = try next(model, padded, 0..<15, cache)
        let found = try next(model, padded, 15..<24, cache)
        let alone = try next(model, [text], 0..<20, nil)
        #expect(isClose(found[1], alone[0]))
        #expect(try isClose(found[0], next(model, [text], 0..<24, nil)[0]))
      }
    }

    @Test func `the longest row of a batch decides the frequencies of longrope for all`() throws {
      // Parity with transformers over rows on both sides of the original length is the golden
      // tests' (`FamilyTests`); here is what it rests on.
      let golden = try #require(
        FamilyGolden.all.first { $0.family == "phi3" && $0.title == "longrope, switching" })
      let model = try Model(golden.checkpoint())
      let original = try #require(golden.config(4)["original_max_position_embeddings"]?.int)
      let text = golden.ids("ids")[0]
      #expect(text.count > original)
      let layers = model.architecture.sizes.layerCount
      // The short row: the text's first 12 tokens, beside one of `length`.
      func short(beside length: Int) throws -> [Float] {
        let cache = KeyValueCache(layerCount: layers, starts: [0, length - 12])
        let rows = [
          Array(text.prefix(length)),
          [Int32](repeating: 9, count: length - 12) + text.prefix(12),
        ]
        return try next(model, rows, 0..<length, cache)[1]
      }
      try Engine.run {
        let alone = try next(model, [text], 0..<12, nil)[0]
        #expect(try isClose(short(beside: original), alone))
        #expect(try !isClose(short(beside: original + 1), alone))
        #expect(try isClose(short(beside: text.count), short(beside: original + 1)))
      }
    }

    @Test func `a row that is left when the longest goes has the frequencies of its own length`()
      throws
    {
      let golden = try #require(
        FamilyGolden.all.first { $0.family == "phi3" && $0.title == "longrope, switching" })
      let model = try Model(golden.checkpoint())
      let original = try #require(golden.config(4)["original_max_position_embeddings"]?.int)
      let text = golden.ids("ids")[0]
      let batch = DecodingBatch(model, rowCount: 2)
      _ = try batch.append([(0, Array(text.prefix(original + 1))), (1, Array(text.prefix(3)))])
      batch.drop(row: 0)
      let found = try batch.append([(1, [text[3]])])[0]
      let alone = DecodingBatch(model, rowCount: 1)
      #expect(try isClose(found, alone.append([(0, Array(text.prefix(4)))])[0]))
    }

    @Test func `positions count from where a row begins`() {
      let cache = KeyValueCache(layerCount: 1, starts: [2, 0])
      let positions = cache.positions(next: 4)
      #expect(positions.numbers.values == [0, 0, 0, 1, 0, 1, 2, 3])
      #expect(positions.numbers.shape == [2, 4])
      #expect(positions.end == 4)
      #expect(TokenPositions(first: 5, count: 2, starts: [3, 4]).end == 4)
      let plain = KeyValueCache(layerCount: 1, starts: [0, 0]).positions(next: 3)
      #expect(plain == TokenPositions(count: 3))
      #expect(plain.numbers.values == [0, 1, 2] && plain.numbers.shape == [3])
    }
  }
#endif
