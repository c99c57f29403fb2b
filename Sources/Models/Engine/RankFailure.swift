// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Foundation

  /// What ended the work of a group: every rank that failed, with what it has to say. Each rank of
  /// the group has the same value, so that one of them can say it for all.
  public struct RankFailure: Error, Equatable, CustomStringConvertible {
    /// A rank that failed.
    public struct Entry: Equatable, Sendable {
      public var rank: Int
      /// The exit code that its failure asks for.
      public var code: Int32
      /// For people; empty for nothing to say.
      public var text: String
    }

    /// By rank, at least one.
    public var entries: [Entry]

    /// What the job ends with: the highest code, so that malformed input and signals show.
    public var code: Int32 { entries.map(\.code).max() ?? 1 }

    /// Whether all ranks that failed were asked to stop: their codes are those of signals.
    public var isInterruption: Bool { entries.allSatisfy { $0.code > 128 } }

    /// Each text once: as it stands where rank 0 has it too, else with the ranks that have it.
    public var description: String {
      var texts: [(text: String, ranks: [Int])] = []
      for entry in entries where !entry.text.isEmpty {
        if let known = texts.firstIndex(where: { $0.text == entry.text }) {
          texts[known].ranks.append(entry.rank)
        } else {
          texts.append((entry.text, [entry.rank]))
        }
      }
      return texts.map { text, ranks in
        if ranks[0] == 0 { return text }
        let names = ranks.map(String.init).joined(separator: ", ")
        return (ranks.count == 1 ? "Rank \(names): " : "Ranks \(names): ") + text
      }.joined(separator: "\n")
    }

    /// A line on stderr, in one write, so that lines of several ranks do not mix.
    static func write(_ text: String) {
      guard !text.isEmpty else { return }
      try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }
  }

  extension DistributedGroup {
    /// Ends this process, and with it the job, because of an error of this rank or of another: what
    /// all ranks have to say is said once, by rank 0.
    ///
    /// Never returns, runs no exit handlers (the transport's would wait for ranks that are gone), and
    /// ends all ranks with the same code.
    ///
    /// - Parameters:
    ///   - text: what this rank has to say; not used where the error came from another.
    ///   - code: what this rank's error asks for; above 0.
    ///   - patience: how long a rank whose error the others do not share waits for them to come to
    ///     their next gathering, before it says its error itself.
    public func end(_ text: String, code: Int32, patience: Duration = .seconds(10)) -> Never {
      guard let failure = try? fail(text, code: code, patience: patience) else {
        RankFailure.write(
          RankFailure(entries: [.init(rank: rank, code: code, text: text)]).description)
        _exit(code)
      }
      if rank == 0 { RankFailure.write(failure.description) }
      // The launcher kills the others when one ends: not before rank 0 has put its affairs in order
      // and said all.
      let alarm = watch.alarm(after: .seconds(60)) { _exit(failure.code) }
      try? meet()
      alarm.cancel()
      _exit(failure.code)
    }
  }
#endif
