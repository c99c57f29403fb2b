// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

struct FuzzTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func `mutated JSON is refused or read, and what is read survives a round trip`(seed: UInt64)
    throws
  {
    let text =
      #"{"a":[1,-2.5e-3,true,null,"x\n\u00e9\ud83d\ude00"],"b":{"c":{},"d":[[]],"Å":"ð"},"e":1e9}"#
    let fragments = [
      "{", "}", "[", "]", "\"", "\\", "\\u", "\\ud800", ",", ":", "1e999", "-", "\u{212B}", "\0",
    ]
    var random = SeededGenerator(seed: seed)
    print("seed \(seed)")
    var readCount = 0
    for _ in 0..<3_000 {
      let bytes = random.mutate(Array(text.utf8), fragments: fragments)
      guard let value = try? JSON.parse(bytes, origin: "x") else { continue }
      readCount += 1
      #expect(try JSON.parse(value.serialized(), origin: "x") == value)
      #expect(try JSON.parse(value.serialized(pretty: true), origin: "x") == value)
    }
    #expect(readCount > 30 && readCount < 2_970)
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `mutated YAML is refused at a line of the text or read`(seed: UInt64) throws {
    let text = """
      # ð
      models: &m
        - model: base  # x
          weight: [0.5, .5, 1_000]
        - {model: 'ct', "weight": "\\u00e9", Å: ~}
      use: *m
      text: |
        one *
          two
      fold: >-
        a
      ? key
      : !!str 5

      """
    let fragments = [
      "*m", "&m ", "? ", ": ", "- ", "{", "}", "[", "]", "\n", "\n  ", "\"", "'", "|", ">", "---\n",
      "...\n",
      "!!x ", "!", "%", "#", "\t", "\r", "\u{FEFF}", "\u{212B}", "<<: *m\n", "*m : ", "\\",
      "\u{85}", "[*m ]: ",
    ]
    var random = SeededGenerator(seed: seed)
    print("seed \(seed)")
    var readCount = 0
    for _ in 0..<1_000 {
      let bytes = random.mutate(Array(text.utf8), fragments: fragments)
      let mutated = String(decoding: bytes, as: UTF8.self)
      do {
        let node = try YAML.parse(mutated, origin: "x")
        readCount += 1
        #expect(node.json == (try YAML.parse(mutated, origin: "x")).json)
      } catch .syntax(_, let position, _) {
        let lineCount = mutated.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
          .count
        let line = Int(position.drop { !$0.isNumber })
        #expect(line.map { (1...lineCount + 1).contains($0) } == true, "\(position)")
      } catch {
        Issue.record("\(error)")
      }
    }
    #expect(readCount > 10 && readCount < 990)
  }
}
