// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Tensors
  import Testing
  import Tokenization
  import Training

  @testable import Recipes

  /// Studies that start from a given checkpoint.
  @Suite(.serialized) struct BaseModelTests {
    private let bench: StudyTests.Bench
    private var model: String { bench.folder + "/base" }

    init() throws {
      bench = try StudyTests.Bench()
      let start = try #require(StudyTests.recipe.range(of: "tokenizer: {"))
      let end = try #require(StudyTests.recipe.range(of: "ct: {mix"))
      var recipe = StudyTests.recipe
      recipe.replaceSubrange(
        start.lowerBound..<end.lowerBound,
        with: "window_length: 32\nmodel: {path: \(bench.folder)/base}\n")
      recipe = recipe.replacing("ct: {mix", with: "ct: {log_every: 2, mix")
      try bench.rewrite(recipe)
    }

    /// Writes a checkpoint with a tokenizer; `edit` may change a tensor's numbers.
    private func writeModel(_ edit: (String, inout [Float]) -> Void = { _, _ in }) throws {
      let words = bench.folder + "/words"
      let tokenizer = try BPETrainer(vocabularySize: 270).train(["aa bb ab ba abba baab ab ab"])
      try tokenizer.save(to: words)
      var sizes = LlamaSizes()
      (sizes.hiddenSize, sizes.intermediateSize, sizes.layerCount) = (16, 32, 1)
      (sizes.headCount, sizes.keyValueHeadCount, sizes.maximumPositions) = (2, 2, 128)
      let random = try Initialization.random(
        config: Initialization.llamaConfig(
          sizes, vocabularySize: tokenizer.vocabularySize,
          endOfText: Int(try #require(tokenizer.eosID))), seed: 1)
      let tensors = try random.names.map { name in
        var values = try random.floats(name)
        edit(name, &values)
        return (name: name, shape: try #require(random.info(name)).shape, values: values)
      }
      try CheckpointWriter.write(
        .inMemory(config: random.config, tensors: tensors, tokenizerFilesFrom: words), to: model,
        options: .init(force: true))
    }

    @Test func `weights that are not finite are found before a run, not in a dry run`() throws {
      defer { bench.remove() }
      try writeModel { if $0 == "model.norm.weight" { $1[3] = .nan } }
      let (study, plan) = (try bench.study(), try bench.plan())
      let error = #expect(throws: CheckpointError.self) { try study.checkBaseModel(plan) }
      #expect(
        error?.description == """
          Element 3 of the tensor `model.norm.weight` is nan.
          \(model)/model.safetensors
          The weights are damaged or their training diverged; use an earlier checkpoint.
          """)
      #expect(error?.diagnosis.kind == .malformedInput)
    }

    @Test func `integers as weights and a size beyond all models are found in the recipe`() throws {
      defer { bench.remove() }
      try writeModel()
      let path = model + "/model.safetensors"
      let bytes = try Disk.read(path)
      let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      let header = String(decoding: bytes[8..<(8 + length)], as: UTF8.self)
        .replacing("\"F32\"", with: "\"I32\"")
      try Data(bytes.prefix(8) + Array(header.utf8) + bytes.dropFirst(8 + length))
        .write(to: URL(fileURLWithPath: path))
      let weights = #expect(throws: CheckpointError.self) { try bench.study() }
      #expect(weights?.diagnosis.what.hasSuffix("should hold floats, found I32.") == true)
      #expect(weights?.diagnosis.where == path)
      var config = try JSON.parse(Disk.read(model + "/config.json"), origin: "config.json")
      config["vocab_size"] = 1_000_000_000_000
      try Disk.write(config.serialized(), to: model + "/config.json")
      do {
        _ = try bench.study()
        Issue.record("accepted")
      } catch let error as any Diagnosed {
        #expect(
          error.diagnosis.what
            == "`vocab_size` should be a whole number from 1 to 1073741824, found 1000000000000.")
        #expect(error.diagnosis.where == model + "/config.json")
      }
    }

    @Test func `weights are looked at once, and not where all that reads them is done`()
      async throws
    {
      defer { bench.remove() }
      try writeModel()
      #expect(try bench.study().checkBaseModel(bench.plan()))
      // The stop comes in CT, which has not shown yet that the weights are good.
      let cancellation = Cancellation()
      await #expect(throws: RunInterrupted.self) {
        try await bench.run(cancellation: cancellation) { event in
          if case .progress("ct", _) = event { cancellation.request() }
        }
      }
      #expect(try bench.study().checkBaseModel(bench.plan()))
      try await bench.run()
      #expect(try !bench.study().checkBaseModel(bench.plan()))
      // Another merge is to be searched; CT has read the weights and is done.
      let recipe = try Disk.readText(bench.folder + "/recipe.yaml")
      try bench.rewrite(recipe.replacing("[0.3, 0.7]", with: "[0.4, 0.6]"))
      #expect(try bench.plan().entries.contains { $0.state == .run })
      #expect(try !bench.study().checkBaseModel(bench.plan()))
    }
  }
#endif
