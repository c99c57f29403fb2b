// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX && os(Linux)
  import Checkpoints
  import Documents
  import Foundation
  import Models
  import Runs
  import TestSupport
  import Testing

  @testable import Recipes

  /// `koine train` under mpirun: each rank is this test program, at `as a rank of koine train`.
  @Suite struct TrainRanksTests {
    private static let entry = "as a rank of koine train"

    private static func job(_ folder: String, out: String, group: DistributedGroup) throws
      -> TrainJob
    {
      let yaml = """
        seed: 3
        window_length: 32
        config: {hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2,
          max_position_embeddings: 64}
        tokenizer: {vocab_size: 300}
        text:
          fao: {files: [fao.txt], deduplicate: false}
        training: {steps: 6, batch_size: 3, learning_rate: 1e-2, log_every: 1, save_every: 2}
        evaluation: {every: 3, held_out: {share: 0.1, max_bytes: 1000}, save_best: true, ema: 0.5}
        """
      return TrainJob(
        try TrainRecipe(yaml: yaml, origin: "t.yaml"), out: out, dataFolder: folder, group: group)
    }

    private static let environment = RunEnvironment(
      engine: "MLX", blas: "a BLAS", device: "cpu", system: "a system", coreCount: 1)

    @Test func `two ranks leave what one process leaves, and run again leave it alone`() throws {
      let root = FileManager.default.temporaryDirectory
        .appending(path: "koine-train-ranks-\(UUID().uuidString)").path
      defer { try? FileManager.default.removeItem(atPath: root) }
      try Disk.makeFolder(root)
      let lines = (0..<200).map { "hetta er bygd \($0 * 7 % 31) við sjógv \($0 * 3 % 17).\n" }
      try Disk.write(lines.joined(), to: root + "/fao.txt")
      let outcome = try RankProcesses.run("train", count: 2, folder: root, entry: Self.entry)
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(outcome.output.contains("rank 1 done"), "\(outcome.output)")
      _ = try Self.job(root, out: root + "/one", group: .alone)
        .run(environment: Self.environment)
      #expect(try Disk.names(in: root + "/one") == Disk.names(in: root + "/ranks"))
      let (one, ranks) = (
        try Checkpoint.open(directory: root + "/one"),
        try Checkpoint.open(directory: root + "/ranks")
      )
      for name in one.names {
        for (a, b) in zip(try one.floats(name), try ranks.floats(name)) {
          // AdamW's first steps divide by √v: where a gradient is near 0, a rounding shows.
          #expect(abs(a - b) < 2e-3)
        }
      }
      let again = try RankProcesses.run("train", count: 2, folder: root, entry: Self.entry)
      #expect(again.status == 0, "\(again.output)")
    }

    @Test func `a configuration that rank 0 cannot use ends all ranks`() throws {
      let outcome = try RankProcesses.run(
        "train", count: 2, folder: "/nowhere", entry: Self.entry)
      #expect(outcome.status == 1, "\(outcome.output)")
      #expect(!outcome.output.contains("done"))
    }

    @Test(.enabled(if: RankProcesses.job != nil)) func `as a rank of koine train`() throws {
      let group = try DistributedGroup(joining: "mpi")
      let folder = try #require(RankProcesses.folder)
      let job = try Self.job(folder, out: folder + "/ranks", group: group)
      do {
        if group.rank == 0 {
          _ = try job.run(environment: Self.environment)
        } else {
          try job.follow()
        }
      } catch {
        RankProcesses.say("rank \(group.rank): \(error)")
        _exit(1)
      }
      RankProcesses.say("rank \(group.rank) done")
    }
  }
#endif
