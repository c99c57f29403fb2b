// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

struct NearestNameTests {
  @Test(arguments: [
    ("lerning_rate", "learning_rate"), ("learning_rtae", "learning_rate"), ("STEPS", "steps"),
    ("step", "steps"), ("basemodel", "base_model"), ("densty", "density"), ("wieght", "weight"),
    ("weigths", "weight"), ("k", "kv"),
  ])
  func `a misspelt name finds its own`(name: String, expected: String) {
    let names = ["learning_rate", "steps", "base_model", "density", "weight", "kv"]
    #expect(nearestName(to: name, in: names) == expected)
  }

  @Test(arguments: ["", "x", "zebra", "rate", "lr", "qz", "parameters"])
  func `a name unlike all others finds none`(name: String) {
    #expect(nearestName(to: name, in: ["learning_rate", "steps", "wd", "k"]) == nil)
  }

  @Test func `the nearer wins, and the first of equals`() {
    #expect(nearestName(to: "seed", in: ["steed", "seeds", "seed_"]) == "steed")
    #expect(nearestName(to: "slurp", in: ["slump", "slerp", "Slurp"]) == "Slurp")
    #expect(nearestName(to: "a", in: []) == nil)
    #expect(nearestName(to: String(repeating: "x", count: 100_000), in: ["steps"]) == nil)
  }
}
