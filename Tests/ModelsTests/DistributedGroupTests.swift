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
      try group.barrier()
    }

    @Test func `a launcher's variables tell how many ranks there are`() {
      #expect(DistributedGroup.launchedSize(environment: [:]) == nil)
      #expect(DistributedGroup.launchedSize(environment: ["OMPI_COMM_WORLD_SIZE": "4"]) == 4)
      #expect(DistributedGroup.launchedSize(environment: ["PMI_SIZE": "2"]) == 2)
      #expect(DistributedGroup.launchedSize(environment: ["PMI_SIZE": "many"]) == nil)
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
          + "[[], [8], [9, 9]] [\([0..<2, 2..<4, 4..<7][rank])]"
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
          [UInt8](repeating: UInt8(group.rank + 7), count: group.rank))
        RankProcesses.say(
          "rank \(group.rank) of \(group.size): \(sums[0]) \(sums[1]) \(sums[2]) \(numbers) \(bytes) "
            + "[\(group.share(of: 7))]")
      case "death":
        if group.rank == 1 { _exit(3) }
        try group.barrier()
        RankProcesses.say("came back")
      case "stuck":
        if group.rank == 0 { Thread.sleep(forTimeInterval: 3600) }
        try group.barrier()
      default: Issue.record("an unknown job")
      }
      try group.barrier()
    }
  }
#endif
