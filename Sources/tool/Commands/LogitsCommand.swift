// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import ArgumentParser
  import Checkpoints
  import Documents
  import Models
  import Tokenization

  /// `koine logits`: what a model computes, for parity checks from outside.
  struct LogitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "logits", abstract: "Print the logits after every token of an input.")

    @Argument(help: "The model's folder, or a model of the hub.", completion: .directory)
    var model: String

    @Option(help: "Token ids, separated by commas.")
    var ids: String?

    // A text may begin with a dash.
    @Option(
      parsing: .unconditional, help: "A text instead of ids, encoded with the model's tokenizer.")
    var text: String?

    @Option(help: "How many of the best tokens to print per position (not with --json).")
    var top = 5

    @OptionGroup var format: FormatOptions

    func validate() throws {
      guard (ids == nil) != (text == nil) else {
        throw ValidationError("Give either --ids or --text.")
      }
      guard top > 0 else { throw ValidationError("--top must be at least 1.") }
      if let ids { _ = try Self.parse(ids) }
    }

    func run() throws {
      let folder = try ModelPlace.folder(model)
      let checkpoint = try Checkpoint.open(directory: folder)
      let ids: [Int32] =
        if let text { try Tokenizer.load(directory: folder).encode(text) } else {
          try Self.parse(self.ids ?? "")
        }
      try Engine.requireFastBLAS()
      let rows = try Model(checkpoint).logits(ids)
      if format.json {
        Output.json([
          "schema": 1, "ids": JSON(ids.map { JSON(Int($0)) }),
          "shape": [JSON(rows.count), JSON(rows.first?.count ?? 0)],
          "logits": JSON(rows.map { row in JSON(row.map { JSON(Double($0)) }) }),
        ])
        return
      }
      for (position, row) in rows.enumerated() {
        let best = row.indices.sorted { (row[$0], $1) > (row[$1], $0) }.prefix(top)
        let cells = best.map { "\($0): \(row[$0])" }.joined(separator: "  ")
        Output.text("\(position) (id \(ids[position]))  \(cells)\n")
      }
    }

    private static func parse(_ list: String) throws -> [Int32] {
      try list.split(separator: ",", omittingEmptySubsequences: false).map { part in
        guard let id = Int32(part.filter { $0 != " " }) else {
          throw ValidationError("--ids takes whole numbers separated by commas; `\(part)` is none.")
        }
        return id
      }
    }
  }
#endif
