// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Damaged inputs by the thousand: no reader crashes, hangs, takes more memory than its input
/// warrants, or says less than what is wrong, where, and what next.
///
/// docs/fuzzing.md says how to run millions and how to find the input that ended a run.
@Suite struct FuzzTests {
  @Test(.timeLimit(.minutes(600)), arguments: FuzzTarget.all)
  func `damaged inputs are refused or read`(target: FuzzTarget) throws {
    let settings = FuzzRunner.Settings()
    guard settings.targets?.contains(target.name) ?? true else { return }
    let report = try FuzzRunner(target: target, settings: settings).run()
    print(report)
    for failure in report.failures { Issue.record("\(target.name): \(failure)") }
    guard report.count >= 500 else { return }
    // Where nearly all is refused or accepted, the target tests little.
    #expect(report.refused > report.count / 100, "nearly nothing was damaged")
    #expect(report.accepted > report.count / 200, "nearly nothing was right")
  }

  @Test func `targets have names of their own`() {
    #expect(Set(FuzzTarget.all.map(\.name)).count == FuzzTarget.all.count)
  }

  @Test func `an input depends on seed and number alone, and inputs differ`() {
    let seeds = [[Array("{\"a\": [1, 2]}".utf8)], [Array("b: 1\nc: [2]\n".utf8)]]
    let one = FuzzMutator(seeds: seeds, tokens: ["x"], seed: 1)
    let again = FuzzMutator(seeds: seeds, tokens: ["x"], seed: 1)
    let other = FuzzMutator(seeds: seeds, tokens: ["x"], seed: 2)
    let backwards = (0..<500).reversed().map(again.input)
    #expect((0..<500).map(one.input) == backwards.reversed())
    #expect((0..<500).map(one.input) != (0..<500).map(other.input))
    #expect(Set((0..<500).map(one.input)).count > 350)
  }

  @Test func `what an input ended is told by the journal it leaves`() throws {
    let target = FuzzTarget(name: "journal", usualCount: 1, parts: ["txt"]) { seed in
      (FuzzMutator(seeds: [[[1]]], seed: seed), { _ in })
    }
    let journal = try FuzzJournal(target, seed: 7)
    journal.begin(1234)
    let text = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: journal.path)).prefix { $0 != 0x0A },
      as: UTF8.self)
    #expect(text == "target journal seed 7 input 0000000000000001234")
    journal.finish()
  }

  @Test func `inputs that ended earlier runs are told`() {
    for leftover in FuzzJournal.leftovers() { print("a fuzzing run has ended in: \(leftover)") }
  }
}
