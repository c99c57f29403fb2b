// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Recipes

@Suite struct StepKeyTests {
  private func key(
    _ settings: JSON, seed: UInt64 = 3, version: Int = 2,
    inputs: [String: StepKey.InputIdentity] = [:]
  ) -> StepKey {
    StepKey(
      kind: StepKind("train", version: version), settings: settings, seed: seed, inputs: inputs)
  }

  /// Pinned: a change here makes every user's cache worthless, so it must be meant. The values are
  /// Python's `hashlib.sha256` over `json.dumps(…, sort_keys=True, separators=(",", ":"))`.
  @Test func `the key of a step stays what it was`() {
    let parent = key(["layers": 2, "rate": 0.003])
    #expect(
      parent.hex
        == "fc73cd0a9bfc56ffe99aa83e7dd8bd9a1c1caaafb041bc8080f32bf64f7c684c")
    let child = key(
      ["text": "é\n"],
      inputs: [
        "base": .output(of: parent, named: "folder"),
        "rows": .content(hash: Hashing.sha256("abc"), extension: "tsv"),
      ])
    #expect(
      child.hex
        == "ed3f98e73deb979fd8ad198d229723a7ee4878b3d381adf51ca98703b2f4440b")
    #expect(child.short == String(child.hex.prefix(12)))
  }

  @Test func `the hash is SHA-256`() {
    // FIPS 180-2, appendix B.1.
    #expect(
      Hashing.sha256("abc")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test func `order of keys and spelling of numbers do not matter`() throws {
    let spellings = [
      #"{"a": 1, "b": [0.1, 1e3]}"#, #"{"b": [1e-1, 1000], "a": 1.0}"#,
      #"{ "b":[0.10,1000.0],"a":10e-1 }"#,
    ]
    let keys = try spellings.map { key(try JSON.parse($0, origin: "test")) }
    #expect(Set(keys).count == 1)
    #expect(
      Hashing.canonicalText(of: ["b": [0.5, nil], "a": "x"]) == #"{"a":"x","b":[0.5,null]}"#)
  }

  @Test func `everything that decides the result changes the key`() {
    let parent = key([:])
    let input = StepKey.InputIdentity.output(of: parent, named: "folder")
    let content = StepKey.InputIdentity.content(hash: "00", extension: "tsv")
    let keys = [
      key(["a": 1]), key(["a": 2]), key(["a": "1"]), key(["a": [1]]), key(["a": 1], seed: 4),
      key(["a": 1], seed: .max), key(["a": 1], version: 3),
      StepKey(kind: StepKind("merge", version: 2), settings: ["a": 1], seed: 3, inputs: [:]),
      key(["a": 1], inputs: ["x": input]), key(["a": 1], inputs: ["y": input]),
      key(["a": 1], inputs: ["x": .output(of: parent, named: "log")]),
      key(["a": 1], inputs: ["x": .output(of: key(["b": 1]), named: "folder")]),
      key(["a": 1], inputs: ["x": content]),
      key(["a": 1], inputs: ["x": .content(hash: "01", extension: "tsv")]),
      key(["a": 1], inputs: ["x": .content(hash: "00", extension: "jsonl")]),
    ]
    #expect(Set(keys).count == keys.count)
  }
}
