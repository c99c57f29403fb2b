// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Recipes

@Suite struct StepGraphTests {
  private func echo(_ name: String, from sources: String...) -> Echo {
    Echo(name: name, word: name, inputs: sources.map { .output($0, of: $0, named: "text") })
  }

  private func diagnosis(_ steps: [any RecipeStep]) -> String {
    do {
      _ = try StepGraph(steps)
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test func `steps run after what they read from, otherwise in the recipe's order`() throws {
    let steps = [
      echo("report", from: "b", "c"), echo("c", from: "a"), echo("z"), echo("b", from: "a"),
      echo("a"),
    ]
    #expect(try StepGraph(steps).steps.map(\.name) == ["z", "a", "c", "b", "report"])
    #expect(try StepGraph([]).steps.isEmpty)
  }

  @Test func `a cycle is named in full`() {
    let steps = [
      echo("x"), echo("d", from: "a"), echo("a", from: "x", "c"), echo("b", from: "a"),
      echo("c", from: "b"),
    ]
    #expect(
      diagnosis(steps) == """
        Steps wait for one another: `a` → `c` → `b` → `a`.
        step `a`
        Take one of these inputs away.
        """)
    #expect(diagnosis([echo("a", from: "a")]).hasPrefix("Steps wait for one another: `a` → `a`."))
  }

  @Test func `two steps of one name are refused`() {
    #expect(
      diagnosis([echo("a"), echo("a")]) == """
        Two steps are named `a`.
        step `a`
        Rename one of them.
        """)
  }

  @Test func `an input from nowhere names the nearest step`() {
    #expect(
      diagnosis([echo("tokenizer"), echo("base", from: "tokeniser")]) == """
        Input `tokeniser` comes from step `tokeniser`, which does not exist.
        step `base`
        Did you mean `tokenizer`?
        """)
  }

  @Test func `an unknown output lists the known ones`() {
    let step = Echo(name: "b", word: "", inputs: [.output("in", of: "a", named: "words")])
    #expect(
      diagnosis([echo("a"), step]) == """
        Input `in` is output `words` of step `a`, which has no such output.
        step `b`
        It has `folder`, `text`.
        """)
  }

  @Test(arguments: ["", ".", "..", "a/b", "-x", "a b", "ø", String(repeating: "a", count: 101)])
  func `a name that cannot be a folder is refused`(name: String) {
    #expect(diagnosis([echo(name)]).hasPrefix("`\(name)` cannot name a step."))
  }

  @Test func `two inputs of one label are refused`() {
    let step = Echo(name: "b", word: "", inputs: [.file("x", "/a"), .file("x", "/b")])
    #expect(diagnosis([step]).hasPrefix("Two inputs are labelled `x`."))
  }
}
