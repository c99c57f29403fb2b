// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation

  /// Ends the process when a collective takes longer than anybody should have to wait.
  final class CollectiveWatch: @unchecked Sendable {
    private let rank: Int
    private let patience: Duration
    private let queue = DispatchQueue(label: "koine collectives")

    init(rank: Int, patience: Duration) {
      self.rank = rank
      self.patience = patience
    }

    /// Does `body`, and ends the process where it takes longer than `patience`, or the watch's own.
    func during(_ name: String, patience: Duration?, _ body: () throws -> Void) rethrows {
      let limit = patience ?? self.patience
      let alarm = alarm(after: limit) { [rank] in
        RankFailure.write(
          """
          koine: rank \(rank) waited \(Int(limit / .seconds(1))) s in \(name) for the other ranks, \
          and gives up.
            One of them is stuck, or does alone what takes longer; see its last line.
          """)
        // Not `exit`: its handlers would wait for the very ranks that do not answer.
        _exit(70)
      }
      defer { alarm.cancel() }
      try body()
    }

    /// Something done on another thread unless it is cancelled in time.
    func alarm(after limit: Duration, _ action: @escaping @Sendable () -> Void) -> DispatchWorkItem
    {
      let item = DispatchWorkItem(block: action)
      queue.asyncAfter(deadline: .now() + limit / .seconds(1), execute: item)
      return item
    }
  }
#endif
