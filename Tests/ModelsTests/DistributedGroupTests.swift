// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX && os(Linux)
  import Foundation
  import TestSupport
  import Testing

  @testable import Models

  /// Runs this very test program under mpirun: each rank comes to `asRank`, which does the job that
  /// the environment names and ends the process.
  @Suite struct DistributedGroupTests {
    @Test func `a process on its own gets back what it gave`() throws {
      let group = DistributedGroup.alone
      #expect(group.rank == 0 && group.size == 1)
      let sums = try Engine.run {
        try group.sum([DeviceArray([1, 2] as [Float], shape: [2])]).map { try $0.floats() }
      }
      #expect(sums == [[1, 2]])
      #expect(try group.gather([0.1]) == [[0.1]])
      #expect(try group.gather([UInt8](arrayLiteral: 3, 4)) == [[3, 4]])
      #expect(group.share(of: 7) == 0..<7)
      #expect(group.owners(ofSizes: [3, 0, 9]) == [0, 0, 0])
      #expect(try group.any(true) && !group.any(false))
      try group.barrier()
    }

    @Test func `what failed is said once, with the ranks that rank 0 does not speak for`() {
      func failure(_ texts: [(Int, Int32, String)]) -> RankFailure {
        RankFailure(entries: texts.map { .init(rank: $0.0, code: $0.1, text: $0.2) })
      }
      let mixed = failure([(0, 1, "full"), (1, 65, "bad"), (2, 1, "full"), (3, 65, "bad")])
      #expect(mixed.description == "full\nRanks 1, 3: bad")
      #expect(mixed.code == 65 && !mixed.isInterruption)
      let stopped = failure([(2, 143, ""), (3, 130, "stopped")])
      #expect(stopped.description == "Rank 3: stopped")
      #expect(stopped.code == 143 && stopped.isInterruption)
    }

    @Test func `a launcher's variables tell how many ranks there are`() {
      #expect(DistributedGroup.launchedSize(environment: [:]) == nil)
      #expect(DistributedGroup.launchedSize(environment: ["OMPI_COMM_WORLD_SIZE": "4"]) == 4)
      #expect(DistributedGroup.launchedSize(environment: ["PMI_SIZE": "2"]) == 2)
      #expect(DistributedGroup.launchedSize(environment: ["PMI_SIZE": "many"]) == nil)
      // `srun --mpi=pmix`; a script of a batch job has Slurm's variables, too.
      let slurm = ["SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "8"]
      #expect(DistributedGroup.launchedSize(environment: slurm) == nil)
      let step = slurm.merging(["PMIX_RANK": "3"]) { $1 }
      #expect(DistributedGroup.launchedSize(environment: step) == 4)
      #expect(DistributedGroup.launchedRank(environment: step) == 3)
      #expect(DistributedGroup.launchedRank(environment: [:]) == nil)
      #expect(DistributedGroup.launchedRank(environment: ["OMPI_COMM_WORLD_RANK": "3"]) == 3)
    }

    @Test func `a launcher that MPI does not know is an error, not as many jobs`() throws {
      let outcome = try RankProcesses.run(
        "misled", count: 2, entry: "as a process that was misled", launcher: .none)
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(outcome.output.contains("This process cannot join the others: "), "\(outcome.output)")
    }

    @Test(.enabled(if: RankProcesses.job == "misled"))
    func `as a process that was misled`() throws {
      let error = #expect(throws: ModelError.self) { try DistributedGroup.launched() }
      RankProcesses.say(error?.description ?? "no error")
    }

    @Test func `an unknown backend is refused with what to do`() {
      #expect(throws: ModelError.self) { try DistributedGroup(joining: "pigeons") }
    }

    @Test func `three ranks sum, gather and share alike`() throws {
      let outcome = try RankProcesses.run("collectives", count: 3, entry: "as a rank of a group")
      #expect(outcome.status == 0, "\(outcome.output)")
      for rank in 0..<3 {
        let line =
          "rank \(rank) of 3: [3.0, 3.0] [6.0, 6.0] [30.0] [[0.1, 1e+300], [1.1, 1e+300], [2.1, 1e+300]] "
          + "[0, 70, 140] \([0..<2, 2..<4, 4..<7][rank]) [2, 1, 0, 2, 2]"
        #expect(outcome.output.contains(line), "\(outcome.output)")
      }
    }

    @Test func `a dead rank ends the job with its exit code`() throws {
      let outcome = try RankProcesses.run("death", count: 2, entry: "as a rank of a group")
      #expect(outcome.status == 3, "\(outcome.output)")
      #expect(!outcome.output.contains("came back"))
    }

    @Test func `a stuck rank ends the job with a message`() throws {
      let outcome = try RankProcesses.run("stuck", count: 2, entry: "as a rank of a group")
      #expect(outcome.status == 70, "\(outcome.output)")
      #expect(outcome.output.contains("rank 1 waited 1 s in all-gather for the other ranks"))
    }

    @Test(
      arguments: zip(
        ["one", "all", "two"], ["Rank 1: what\n", "what\n", "what\nRank 2: else\n"]))
    func `a rank that fails ends all with its text and its code`(job: String, said: String) throws {
      let outcome = try RankProcesses.run(
        "failing-" + job, count: 3, entry: "as a rank of a group")
      #expect(outcome.status == 65, "\(outcome.output)")
      #expect(outcome.output.contains(said), "\(outcome.output)")
      // Said once.
      #expect(outcome.output.components(separatedBy: "what\n").count == 2, "\(outcome.output)")
      #expect(!outcome.output.contains("came back"))
    }

    @Test func `a rank that fails while another is at long work says so itself`() throws {
      let outcome = try RankProcesses.run("failing-busy", count: 2, entry: "as a rank of a group")
      #expect(outcome.status == 65, "\(outcome.output)")
      #expect(outcome.output.contains("Rank 1: what\n"), "\(outcome.output)")
    }

    @Test func `ranks that share scores have those of one process to the bit`() throws {
      let folder = FileManager.default.temporaryDirectory
        .appending(path: "koine-scores-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let alone = try Self.scores(.alone)
      for count in [2, 3] {
        let outcome = try RankProcesses.run(
          "scores", count: count, folder: folder.path, entry: "as a rank of a group")
        #expect(outcome.status == 0, "\(outcome.output)")
        for rank in 0..<count {
          let found = try String(
            contentsOf: folder.appending(path: "\(count)-\(rank)"), encoding: .utf8)
          #expect(found == alone)
        }
      }
    }

    /// Results of requests of many lengths, some of them alike, in many batches.
    private static func scores(_ group: DistributedGroup) throws -> String {
      let model = try Model(Golden("llama-plain").checkpoint)
      let requests = (0..<40).map { i in
        ScoringRequest(
          ids: (0..<(3 + i * 5 % 17)).map { Int32((i % 36 * 7 + $0 * 11) % 60) }, start: 1 + i % 2)
      }
      var own = 0
      let results = try model.score(
        requests, greedy: true, batchTokens: 48, sharedBy: group, progress: { own = $0 })
      // Each did a part, and all have all.
      if group.size > 1, own == 0 || own >= 36 { throw RankTestError() }
      return results.map { "\($0.logLikelihood.bitPattern) \($0.isGreedy == true)" }
        .joined(separator: "\n")
    }

    private struct RankTestError: Error {}

    @Test(.enabled(if: RankProcesses.job != nil)) func `as a rank of a group`() throws {
      let group = try DistributedGroup(
        joining: "mpi", patience: RankProcesses.job == "stuck" ? .seconds(1) : .seconds(1800))
      switch RankProcesses.job {
      case "collectives":
        let rank = Float(group.rank)
        let sums = try Engine.run {
          // The second is a collective of its own.
          try group.sum([
            DeviceArray([rank, 1], shape: [2]),
            DeviceArray([Float](repeating: rank + 1, count: 9_000_000), shape: [9_000_000]),
            DeviceArray([10 * rank], shape: [1]),
          ]).map { Array(try $0.floats().prefix(2)) }
        }
        let numbers = try group.gather([Double(group.rank) + 0.1, 1e300])
        let bytes = try group.gather(
          [UInt8](repeating: UInt8(group.rank + 7), count: group.rank * 70))
        for (rank, found) in bytes.enumerated() where found.contains(where: { $0 != rank + 7 }) {
          Issue.record("other bytes than rank \(rank) gave")
        }
        RankProcesses.say(
          "rank \(group.rank) of \(group.size): \(sums[0]) \(sums[1]) \(sums[2]) \(numbers) "
            + "\(bytes.map(\.count)) \(group.share(of: 7)) \(group.owners(ofSizes: [1, 4, 5, 2, 1]))"
        )
      case "death":
        if group.rank == 1 { _exit(3) }
        try group.barrier()
        RankProcesses.say("came back")
      case "stuck":
        if group.rank == 0 { Thread.sleep(forTimeInterval: 3600) }
        try group.barrier()
      case "failing-one", "failing-all", "failing-two":
        let who = ["failing-one": [1], "failing-all": [0, 1, 2], "failing-two": [0, 2]]
        if who[RankProcesses.job ?? ""]?.contains(group.rank) == true {
          let isOther = RankProcesses.job == "failing-two" && group.rank == 2
          group.end(isOther ? "else" : "what", code: isOther ? 1 : 65)
        }
        do {
          try group.barrier()
          RankProcesses.say("came back")
        } catch let failure as RankFailure {
          // What a healthy rank would say is not heard: it knows better.
          #expect(throws: failure) { try group.gather([1.0]) }
          group.end("unheard", code: 1)
        }
      case "failing-busy":
        if group.rank == 0 { Thread.sleep(forTimeInterval: 3600) }
        group.end("what", code: 65, patience: .milliseconds(200))
      case "scores":
        let folder = try #require(RankProcesses.folder)
        try Self.scores(group).write(
          toFile: "\(folder)/\(group.size)-\(group.rank)", atomically: true, encoding: .utf8)
      default: Issue.record("an unknown job")
      }
      try group.barrier()
    }
  }
#endif
