// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import ArgumentParser
  import Foundation
  import Models

  /// What commands do that a launcher started several times at once: `koine train` alone makes one job
  /// of it.
  enum RankCommands {
    /// Refuses to do `count` times at once what is to be done once.
    static func refuse(
      _ command: String, count: Int? = DistributedGroup.launchedSize()
    ) throws {
      guard let count, count > 1 else { return }
      throw ValidationError(
        "`koine \(command)` is one process, and a launcher started \(count) of it: leave out mpirun. "
          + "Several processes share the training of one model only: write it as a configuration "
          + "for `mpirun -n \(count) koine train` (docs/distributed.md).")
    }

    /// Whether the processes of the launcher are one job, as far as their arguments tell.
    static var areOneJob: Bool {
      let name = CommandLine.arguments.dropFirst().first
      return ["train", "run"].contains(name) && (DistributedGroup.launchedSize() ?? 1) > 1
    }
  }

  extension Program {
    /// Ends all processes of a job with an error of this one, said once; returns where the process is
    /// on its own.
    ///
    /// - Parameter group: the processes, where they are joined already.
    static func endTogether(with error: any Error, _ group: DistributedGroup? = nil) {
      let (text, code) = ending(of: error)
      guard RankCommands.areOneJob, code != 0 else { return }
      if let group = try? group ?? DistributedGroup.launched() {
        guard group.size > 1 else { return }
        group.end(text, code: code)
      }
      // They cannot be joined, which is most likely true of all: rank 0 says it, and its end is the
      // end of the others while they wait here.
      guard let rank = DistributedGroup.launchedRank(), rank > 0 else { return }
      Thread.sleep(forTimeInterval: 5)
      Output.progress("Rank \(rank): ")
    }
  }
#endif
