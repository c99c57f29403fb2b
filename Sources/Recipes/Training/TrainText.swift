// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Corpora
  import Documents

  extension TrainRecipe {
    /// A running text of a training.
    public struct Text: Sendable, Equatable {
      public var name: String
      public var files: [String]
      /// At most so many bytes to train on, in the order of a seeded shuffle; 0 for all.
      public var maximumBytes: Int

      init(name: String, _ settings: inout Settings) throws {
        self.name = name
        files = try settings.strings("files")
        if files.isEmpty {
          throw settings.wrong("files", expected: "at least one file", found: "none")
        }
        maximumBytes = try settings.int("max_bytes", default: 0, in: 0...Int.max)
      }
    }

    /// Supervised data: a prompt that is read and an answer that is learnt.
    public struct Examples: Sendable, Equatable {
      public var name: String
      /// JSONL with `prompt` and `completion`.
      public var files: [String]

      init(name: String, _ settings: inout Settings) throws {
        self.name = name
        files = try settings.strings("files")
        if files.isEmpty {
          throw settings.wrong("files", expected: "at least one file", found: "none")
        }
      }
    }

    /// How texts and examples share the windows.
    public struct Mix: Sendable, Equatable {
      /// By name, any scale; those without one share what is left in proportion to their size.
      public var weights: [String: Double]

      init(_ settings: inout Settings, names: [String]) throws {
        var given = try settings.child("weights")
        var weights: [String: Double] = [:]
        for name in given.keys where names.contains(name) {
          weights[name] = try given.double(name, default: 1, in: 1e-9...1e9)
        }
        try given.finish(known: names)
        if !weights.isEmpty, let without = names.first(where: { weights[$0] == nil }) {
          throw settings.wrong(
            "weights", expected: "a weight for each of `text` and `examples`",
            found: "none for `\(without)`")
        }
        self.weights = weights
      }
    }
  }
#endif
