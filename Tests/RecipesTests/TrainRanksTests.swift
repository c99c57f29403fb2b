// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX && os(Linux)
  import Checkpoints
  import Documents
  import Evaluation
  import Foundation
  import Models
  import Runs
  import TestSupport
  import Testing
  import Tokenization
  import Training

  @testable import Recipes

  /// `koine train` under mpirun: each rank is this test program, at `as a rank of koine train`.
  @Suite struct TrainRanksTests {
    private static let entry = "as a rank of koine train"

    private static func job(
      _ folder: String, out: String, group: DistributedGroup,
      start: String = """
      config: {hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2,
        max_position_embeddings: 64}
      tokenizer: {vocab_size: 300}
      """
    ) throws -> TrainJob {
      let yaml = """
        seed: 3
        window_length: 32
        \(start)
        text:
          fao: {files: [fao.txt]}
          isl: {files: [isl.txt]}
          dan: {files: [dan.txt], deduplicate: false}
        training: {steps: 6, batch_size: 3, learning_rate: 1e-2, log_every: 1, save_every: 2}
        evaluation: {every: 3, held_out: {share: 0.1, max_bytes: 1000}, save_best: true, ema: 0.5}
        """
      return TrainJob(
        try TrainRecipe(yaml: yaml, origin: "t.yaml"), out: out, dataFolder: folder, group: group)
    }

    private static let environment = RunEnvironment(
      engine: "MLX", blas: "a BLAS", device: "cpu", system: "a system", coreCount: 1)

    /// A folder with three texts, the first the largest; some lines are in two of them.
    private func inFolder(_ body: (String) throws -> Void) throws {
      let root = FileManager.default.temporaryDirectory
        .appending(path: "koine-train-ranks-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: root) }
      try Disk.makeFolder(root)
      for (name, count) in [("fao", 160), ("isl", 110), ("dan", 60)] {
        let lines = (0..<count).map {
          $0 % 9 == 0
            ? "øll hava hetta sum er \($0).\n"
            : "\(name) er bygd \($0 * 7 % 31) við sjógv \($0 * 3 % 17) \($0).\n"
        }
        try Disk.write(lines.joined(), to: "\(root)/\(name).txt")
      }
      try body(root)
    }

    private func tokenFiles(_ out: String) throws -> [String: Data] {
      var files: [String: Data] = [:]
      for name in try Disk.names(in: out + "/data") where name.contains(".tokens") {
        files[name] = try Data(contentsOf: URL(fileURLWithPath: out + "/data/" + name))
      }
      return files
    }

    @Test func `ranks leave what one process leaves, and run again leave it alone`() throws {
      try inFolder { root in
        _ = try Self.job(root, out: root + "/one", group: .alone)
          .run(environment: Self.environment)
        let texts = try tokenFiles(root + "/one")
        // Of each text: all of it, what is known of it, and what is trained on.
        #expect(texts.count == 9)
        let one = try Checkpoint.open(directory: root + "/one")
        for count in [2, 3] {
          let outcome = try RankProcesses.run(
            "train", count: count, folder: root, entry: Self.entry)
          #expect(outcome.status == 0, "\(outcome.output)")
          #expect(outcome.output.contains("rank 1 done"), "\(outcome.output)")
          #expect(try Disk.names(in: root + "/one") == Disk.names(in: root + "/ranks\(count)"))
          #expect(try tokenFiles(root + "/ranks\(count)") == texts)
          let ranks = try Checkpoint.open(directory: root + "/ranks\(count)")
          for name in one.names {
            for (a, b) in zip(try one.floats(name), try ranks.floats(name)) {
              // AdamW's first steps divide by √v: where a gradient is near 0, a rounding shows.
              #expect(abs(a - b) < 2e-3)
            }
          }
          let scores = try ["/one", "/ranks\(count)"].map { out in
            try MetricsLog.read(root + out + "/metrics.jsonl").compactMap {
              $0.values["bits_per_byte"]
            }
          }
          #expect(scores.map(\.count) == [2, 2])
          for (a, b) in zip(scores[0], scores[1]) { #expect(abs(a - b) < 1e-4) }
        }
        let again = try RankProcesses.run("train", count: 2, folder: root, entry: Self.entry)
        #expect(again.status == 0, "\(again.output)")
      }
    }

    @Test func `ranks score the same weights as one process does, to the bit`() throws {
      try inFolder { root in
        try Self.makeModel(root)
        let alone = try Self.scores(root, .alone)
        #expect(alone.contains("bits_per_byte/long") && alone.contains("acc/sib200_fao_Latn"))
        #expect(alone.contains("øll"))
        for count in [2, 3] {
          let outcome = try RankProcesses.run(
            "evaluate", count: count, folder: root, entry: Self.entry)
          #expect(outcome.status == 0, "\(outcome.output)")
          for rank in 0..<count {
            let path = "\(root)/scores-\(count)-\(rank)"
            #expect(try String(contentsOfFile: path, encoding: .utf8) == alone)
          }
        }
      }
    }

    @Test func `a text that its rank cannot encode ends all ranks, and is told once`() throws {
      try inFolder { root in
        // The second largest is the share of rank 1. Rank 0 does not read it: it trains no tokenizer.
        try Self.makeModel(root)
        let path = root + "/isl.txt"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes.insert(0xff, at: bytes.count - 10)
        try bytes.write(to: URL(fileURLWithPath: path))
        let outcome = try RankProcesses.run("tuned", count: 2, folder: root, entry: Self.entry)
        #expect(outcome.status == 65, "\(outcome.output)")
        #expect(outcome.output.contains("Rank 1: "), "\(outcome.output)")
        #expect(outcome.output.components(separatedBy: "isl.txt").count == 2, "\(outcome.output)")
        #expect(!outcome.output.contains("done"))
      }
    }

    @Test func `a rank that does not see the others' texts encodes them itself`() throws {
      try inFolder { root in
        try Self.makeModel(root)
        let outcome = try RankProcesses.run("apart", count: 2, folder: root, entry: Self.entry)
        #expect(outcome.status == 0, "\(outcome.output)")
        let texts = try tokenFiles(root + "/apart0")
        #expect(texts.count == 9)
        #expect(try tokenFiles(root + "/apart1") == texts)
      }
    }

    @Test func `an evaluation that fails on one rank ends all ranks`() throws {
      try inFolder { root in
        try Self.makeModel(root)
        let outcome = try RankProcesses.run(
          "failing evaluation", count: 3, folder: root, entry: Self.entry)
        #expect(outcome.status == 1, "\(outcome.output)")
        #expect(outcome.output.contains("Rank 2: "), "\(outcome.output)")
        #expect(!outcome.output.contains("done"))
      }
    }

    @Test func `a stop asked of one rank during an evaluation stops all after the step`() throws {
      try inFolder { root in
        let stopped = try RankProcesses.run("stop", count: 2, folder: root, entry: Self.entry)
        #expect(stopped.status == 143, "\(stopped.output)")
        #expect(
          stopped.output.components(separatedBy: "Interrupted after step 3").count == 2,
          "\(stopped.output)")
        let resumed = try RankProcesses.run("train", count: 2, folder: root, entry: Self.entry)
        #expect(resumed.status == 0, "\(resumed.output)")
        let steps = try MetricsLog.read(root + "/ranks2/metrics.jsonl")
          .filter { $0.values["bits_per_byte"] != nil }.map(\.iteration)
        #expect(steps == [3, 6])
      }
    }

    @Test func `a file that no rank finds ends all ranks, and is told once`() throws {
      try inFolder { root in
        try Self.makeModel(root)
        try Disk.remove(root + "/dan.txt")
        let outcome = try RankProcesses.run("tuned", count: 2, folder: root, entry: Self.entry)
        #expect(outcome.status == 65, "\(outcome.output)")
        #expect(outcome.output.components(separatedBy: "dan.txt").count == 2, "\(outcome.output)")
        #expect(!outcome.output.contains("Rank 1"))
        #expect(!outcome.output.contains("done"))
      }
    }

    // MARK: What a rank does

    @Test(.enabled(if: RankProcesses.job != nil)) func `as a rank of koine train`() throws {
      let group = try DistributedGroup(joining: "mpi")
      let folder = try #require(RankProcesses.folder)
      do {
        switch RankProcesses.job {
        case "evaluate":
          try Self.scores(folder, group).write(
            toFile: "\(folder)/scores-\(group.size)-\(group.rank)", atomically: true,
            encoding: .utf8)
        case "failing evaluation":
          _ = try Self.scores(folder, group) {
            if group.rank == 2 { throw TrainError.busy(folder) }
          }
        case "tuned":
          try Self.run(
            Self.job(
              folder, out: folder + "/ranks", group: group,
              start: "model: \(folder)/one"), Cancellation())
        case "apart":
          try Self.run(
            Self.job(
              folder, out: "\(folder)/apart\(group.rank)", group: group,
              start: "model: \(folder)/one"), Cancellation())
        case "stop":
          try Self.run(
            Self.job(folder, out: "\(folder)/ranks\(group.size)", group: group), Cancellation(),
            stops: true)
        default:
          try Self.run(
            Self.job(folder, out: "\(folder)/ranks\(group.size)", group: group), Cancellation())
        }
      } catch let error as TrainInterrupted {
        group.end(error.description, code: error.exitCode)
      } catch let error as any Diagnosed {
        group.end(error.description, code: error.diagnosis.kind == .malformedInput ? 65 : 1)
      } catch {
        group.end("\(error)", code: 1)
      }
      RankProcesses.say("rank \(group.rank) done")
    }

    private static func run(
      _ job: TrainJob, _ cancellation: Cancellation, stops: Bool = false
    ) throws {
      guard job.group.rank == 0 else { return try job.follow(cancellation: cancellation) }
      _ = try job.run(environment: environment, cancellation: cancellation) { event in
        // As a signal would, while the ranks evaluate.
        if stops, case .work("evaluating", _, _, _) = event { cancellation.request(signal: 15) }
      }
    }

    /// A checkpoint to evaluate and to start from, with random weights.
    private static func makeModel(_ root: String) throws {
      try Disk.makeFolder(root + "/made")
      let start = try job(root, out: root + "/made", group: .alone)
        .prepareStart(FileHashes(storePath: nil)) { _ in }
      try CheckpointWriter.write(
        start.checkpoint.replacingTokenizer(fromDirectory: start.tokenizerFolder),
        to: root + "/one")
    }

    /// All that an evaluation finds but its time, with all bits.
    private static func scores(
      _ root: String, _ group: DistributedGroup, progress: () throws -> Void = {}
    ) throws -> String {
      let checkpoint = try Checkpoint.open(directory: root + "/one")
      let topics = ["science/technology", "travel", "politics", "sports"]
      let task = try EvaluationSet(
        task: EvaluationTask.named("sib200").localized("fao_Latn"), split: .test,
        documents: (0..<70).map {
          EvaluationDocument(id: "\($0)", label: topics[$0 % 4], text: "er bygd \($0) við sjógv")
        }, origin: "a test")
      let evaluation = LoopEvaluation(
        texts: [
          ("long", (0..<30).map { "hetta er bygd \($0) " + String(repeating: "áir ", count: $0) }),
          ("short", ["er", "", "fólk og land"]),
        ], tasks: [task],
        prompts: ["øll", "er", "bygd", "dan", "við", "sjógv"].map {
          LoopEvaluationSettings.Prompt(text: $0, language: nil)
        }, sampleTokens: 8, bestBy: ["long"])
      let scores = try evaluation.scores(
        of: Model(checkpoint), Tokenizer.load(directory: root + "/one"), step: 1, sharedBy: group,
        batchTokens: 256
      ) { _, _ in try progress() }
      let numbers = scores.values.filter { $0.key != "val_time" }.sorted { $0.key < $1.key }
      return numbers.map { "\($0.key) \($0.value.bitPattern)\n" }.joined()
        + scores.samples.map { "\($0.prompt): \($0.text)\n" }.joined()
    }
  }
#endif
