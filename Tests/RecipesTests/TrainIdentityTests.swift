// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Runs
  import Testing
  import Tokenization

  @testable import Recipes
  @testable import Training

  /// What `koine train` takes for the same training, and what a new model is told of its tokenizer.
  struct TrainIdentityTests {
    typealias Place = TrainJobTests.Place

    private let environment = RunEnvironment(
      engine: "MLX", blas: "a BLAS", device: "cpu", system: "a system", coreCount: 1)

    private func job(_ place: Place, text: String, tokenizer: String = "{vocab_size: 300}") throws
      -> TrainJob
    {
      let recipe = try TrainRecipe(
        yaml: """
          seed: 3
          window_length: 32
          config: {hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2}
          tokenizer: \(tokenizer)
          text: {fao: {files: [fao.txt], deduplicate: false\(text)}}
          training: {steps: 2, batch_size: 2}

          """, origin: "t.yaml")
      return TrainJob(recipe, out: place.out, dataFolder: place.data)
    }

    @Test(arguments: [
      ("code_switch: {lexicon: [words.tsv]}", "hetta\tthis\n", "hetta\tthat\n", "lexicon"),
      (
        "decontaminate: {files: [words.tsv], text_field: text}", "text\na b c d e f g h i j\n",
        "text\na b c d e f g h i k\n", "decontaminate"
      ),
    ])
    func `a training whose lexicon or texts for measuring have changed is another one`(
      setting: String, before: String, after: String, name: String
    ) throws {
      let place = try Place()
      try Disk.write(before, to: place.data + "/words.tsv")
      let job = try job(place, text: ", " + setting)
      _ = try job.run(environment: environment)
      _ = try job.run(environment: environment)
      try Disk.write(after, to: place.data + "/words.tsv")
      do {
        _ = try job.run(environment: environment)
        Issue.record("the training is another one")
      } catch TrainError.otherTraining(_, let differences) {
        #expect(differences.map(\.path) == ["data.text.fao.\(name)"])
      }
    }

    @Test func `a new model begins texts as its tokenizer does`() throws {
      let place = try Place()
      let folder = place.root + "/words"
      let trained = try BPETrainer(vocabularySize: 300).train(["hetta er ein bygd við sjógv"])
      try Disk.makeFolder(folder)
      try trained.save(to: folder)
      let path = folder + "/tokenizer_config.json"
      var config = try JSON.parse(try Disk.read(path), origin: path)
      config["bos_token"] = "a"
      try Disk.write(config.serialized(), to: path)
      let tokenizer = try Tokenizer.load(directory: folder)
      let begin = try #require(tokenizer.bosID)
      #expect(begin != tokenizer.eosID)
      _ = try job(place, text: "", tokenizer: folder).run(environment: environment)
      let model = try Checkpoint.open(directory: place.out)
      #expect(model.config["bos_token_id"]?.int == Int(begin))
      #expect(model.config["eos_token_id"]?.int == tokenizer.eosID.map { Int($0) })
    }

    @Test func `the best weights are set aside only where a training can be extended`() throws {
      let place = try Place()
      let job = try job(place, text: "")
      try Disk.makeFolder(place.out + "/best")
      try job.setAsideBest(before: 5, extendableSteps: 0)
      try job.setAsideBest(before: 5, extendableSteps: 5)
      #expect(Disk.exists(place.out + "/best") && !Disk.exists(job.plateauBest))
      try job.setAsideBest(before: 5, extendableSteps: 4)
      #expect(!Disk.exists(place.out + "/best") && Disk.exists(job.plateauBest))
    }
  }
#endif
