// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Runs
import Surgery
import Tensors
import Testing

@testable import koine

/// `koine diff` and `koine inspect --norms`.
@Suite struct DiffCommandTests {
  /// Folders of models, removed with this object.
  private final class Folders {
    let root = FileManager.default.temporaryDirectory
      .appending(path: "koine-diff-\(UUID().uuidString)").path
    init() throws {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: root) }

    /// Two layers whose weights are `start`, `start` + 1, …
    @discardableResult
    func model(_ name: String, _ start: Float, config: JSON = [:], nan: Bool = false) throws
      -> String
    {
      var all: JSON = ["model_type": "of-no-blueprint"]
      for (key, value) in config.object?.members ?? [] { all[key] = value }
      var names = ["embed_tokens.weight", "norm.weight"]
      for layer in 0..<2 {
        names += ["layers.\(layer).q_proj.weight", "layers.\(layer).up_proj.weight"]
      }
      var tensors: [(name: String, shape: Shape, values: [Float])] = []
      for (index, name) in names.enumerated() {
        var values: [Float] = (0..<4).map { start * Float(1 + index + $0) }
        if nan, index == 3 { values[2] = .nan }
        tensors.append((name, [2, 2], values))
      }
      let model = try Checkpoint.inMemory(config: all, tensors: tensors)
      let path = "\(root)/\(name)"
      try CheckpointWriter.write(model, to: path)
      return path
    }
  }

  private let folders: Folders
  init() throws { folders = try Folders() }

  private func diagnosis(_ arguments: [String]) throws -> Diagnosis? {
    var command = try Koine.parseAsRoot(arguments)
    do {
      try command.run()
      return nil
    } catch let error as any Diagnosed {
      return error.diagnosis
    }
  }

  private func report(
    _ first: String, _ second: String, base: String? = nil, measures: [String] = []
  ) throws -> DifferenceReport {
    let models = (
      try NamedModel(first), try NamedModel(second), try base.map { try NamedModel($0) }
    )
    return DifferenceReport(
      first: models.0, second: models.1, base: models.2,
      found: try ModelDifference.compute(
        models.0.checkpoint, models.1.checkpoint, base: models.2?.checkpoint),
      measures: measures)
  }

  @Test(arguments: [
    ["--density", "0.5"], ["--slack", "1"], ["--base", "c", "--density", "1.5"],
    ["--base", "c", "--slack", "-1"], ["--measure", "cosine"],
    ["--base", "c", "--measure", "relative"],
  ])
  func `options that mean nothing together are wrong usage`(options: [String]) {
    #expect(throws: (any Error).self) { try Koine.parseAsRoot(["diff", "a", "b"] + options) }
  }

  @Test func `pictures of inspect need norms`() throws {
    #expect(throws: (any Error).self) { try Koine.parseAsRoot(["inspect", "a", "--svg", "x.svg"]) }
    #expect(
      try Koine.parseAsRoot(["inspect", "a", "--norms", "--svg", "x.svg"]) is InspectCommand)
  }

  @Test func `pictures are written once, and replaced by force`() throws {
    let (a, b) = (try folders.model("a", 1), try folders.model("b", 2))
    let (svg, html) = (folders.root + "/x.svg", folders.root + "/x.html")
    let command = ["diff", a, b, "--svg", svg, "--html", html, "--json"]
    #expect(try diagnosis(command) == nil)
    #expect(try String(contentsOfFile: svg, encoding: .utf8).hasPrefix("<svg "))
    #expect(try String(contentsOfFile: html, encoding: .utf8).contains("Relative change"))
    #expect(try diagnosis(command)?.what == "The file is there already.")
    #expect(try diagnosis(command + ["--force"]) == nil)
    #expect(
      try diagnosis(["diff", a, b, "--svg", a, "--force"])?.what
        == "Expected a file, found a folder.")
    let nowhere = try diagnosis(["diff", a, b, "--svg", folders.root + "/no/x.svg"])
    #expect(nowhere?.what == "The folder for the file does not exist.")
    #expect(
      try diagnosis(["diff", a, b, "--svg", ""])?.what.hasPrefix("Expected the name") == true)
  }

  @Test func `a model that is none is told`() throws {
    let a = try folders.model("a", 1)
    #expect(try diagnosis(["diff", a, folders.root + "/none"])?.where == folders.root + "/none")
    let malformed = try diagnosis(["diff", a, "\(a)+x+y"])
    #expect(
      malformed?.what == "Expected a model's folder or FOLDER+ADAPTER, found `\(a)+x+y`.")
    #expect(try diagnosis(["diff", a, "\(a)+\(folders.root)/none"]) != nil)
    // A plus in a folder's name is no adapter.
    let plus = try folders.model("a+b", 1)
    #expect(try diagnosis(["diff", a, plus]) == nil)
  }

  @Test(arguments: [60, 80, 120], [true, false])
  func `lines fit the terminal`(width: Int, isTerminal: Bool) throws {
    let style = TerminalStyle(isTerminal: isTerminal, width: width)
    let long = String(repeating: "long", count: 30)
    let a = try folders.model("a", 1, config: ["a": JSON(long), "architectures": ["X"]])
    let (b, base) = (try folders.model("b", -2), try folders.model("base", 0.5))
    let pairs = try report(a, b).text(style)
    let changes = try report(a, b, base: base, measures: ["cosine", "lost-a"]).text(style)
    let norms = NormsReport(try NamedModel(a), try ModelNorms.compute(try NamedModel(a).checkpoint))
    // Words longer than a line, such as paths, may stand out.
    for text in [pairs, changes, norms.text(style)] {
      for line in text.split(separator: "\n") where !line.contains("/") {
        #expect(line.count <= max(width, 66), "\(line)")
      }
    }
    #expect(pairs.contains("config.json, A → B (2)") && pairs.contains("Relative change (%)"))
    #expect(changes.contains("Cosine of the changes") && changes.contains("Lost of A (%)"))
    #expect(!changes.contains("Sign conflicts (%)"))
    #expect(pairs.contains("▁") == isTerminal)
  }

  @Test func `the first sentence says what came out`() throws {
    let (a, b) = (try folders.model("a", 1), try folders.model("b", 2))
    #expect(try report(a, a).lead == "The models are equal: weights, config and tokenizer.")
    #expect(
      try report(a, b).lead == """
        B differs from A in 100 % of 24 weights, by 100 % of A's length and 0°. The largest \
        difference, 9.00, is in layers.1.up_proj.weight at [1, 1].
        """)
    #expect(try report(a, b, base: b).lead == "B changed no weight of the base.")
    let text = try report(a, b, base: try folders.model("base", 0)).lead
    #expect(
      text == """
        A's change of the base is 0.500 times as long as B's; their cosine is 1.000. Their signs \
        conflict in 0 % of the weights that both changed. A TIES election would drop 0 % of A's \
        change, 0 % of B's, and 0 % of B's largest tenth.
        """)
  }

  @Test func `inspect counts what is not finite where verify stops`() throws {
    let sick = try folders.model("sick", 1, nan: true)
    #expect(try diagnosis(["inspect", sick, "--norms", "--json"]) == nil)
    #expect(try diagnosis(["inspect", sick, "--norms", "--verify"]) != nil)
    let model = try NamedModel(sick)
    let text = NormsReport(model, try ModelNorms.compute(model.checkpoint)).text(TerminalStyle())
    #expect(text.contains("1 tensors stand out."))
    #expect(text.contains("1 NaN and 0 infinite, the first is element 2"))
    // Without norms an architecture without a blueprint is refused as before.
    #expect(try diagnosis(["inspect", sick]) != nil)
  }
}
