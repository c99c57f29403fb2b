// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Evaluation

@Suite struct StrayLabelTests {
  /// Labels so many times each, in the order given.
  private func rows(_ counts: KeyValuePairs<String, Int>) -> [String] {
    counts.flatMap { Array(repeating: $0.key, count: $0.value) }
  }

  @Test func `a slip in one row is found with what was meant`() throws {
    let labels = rows(["sports": 140, "sprots": 1, "travel": 120, "health": 90])
    let found = try #require(StrayLabel(among: labels, notIn: ["sports", "travel", "health"]))
    #expect(found.label == "sprots" && found.position == 140 && found.nearest == "sports")
    // In a long tail only what is spelt like a frequent label.
    let tail = rows(["sports": 140, "travel": 9, "chess": 2, "golf": 1, "sprots": 1])
    #expect(StrayLabel(among: tail, notIn: [])?.label == "sprots")
  }

  @Test func `a foreign label beside frequent ones is found without a guess`() throws {
    let labels = rows(["kalu": 12, "x": 1, "mito": 12])
    let found = try #require(StrayLabel(among: labels, notIn: ["kalu", "mito"]))
    #expect(found.label == "x" && found.position == 12 && found.nearest == nil)
  }

  @Test func `rare classes of real data pass`() {
    let passing: [(labels: [String], others: Set<String>)] = [
      // A rare class that is tested.
      (rows(["sports": 140, "travel": 120, "chess": 1]), ["sports", "travel", "chess"]),
      (rows(["sports": 140, "sport": 1]), ["sport"]),
      // The end of a long tail.
      (rows(["a joke": 300, "an alarm": 40, "a recipe": 3, "the news": 1]), []),
      (rows(["sports": 140, "travel": 120, "economy": 1, "weather": 1]), []),
      // A few examples of each class, one of each, and a class with two rows.
      (rows(["sad": 4, "mad": 1, "glad": 4]), []), (rows(["x": 1, "y": 1]), []),
      (rows(["sports": 140, "sprots": 2, "travel": 120]), []),
      // Numbered classes with a long tail.
      (rows(["class_1": 50, "class_2": 3, "class_11": 1]), []),
      (rows(["sports": 10, "travel": 10]), []), ([], []),
    ]
    for (labels, others) in passing {
      #expect(StrayLabel(among: labels, notIn: others) == nil, "\(labels.suffix(3))")
    }
  }
}
