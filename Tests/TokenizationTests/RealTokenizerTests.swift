// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Tokenization

@Suite struct RealTokenizerTests {
  @Test func `GPT-2 gives the reference's ids on real text in twenty languages`() throws {
    guard let data = dataFolder(for: "GPT-2's ids") else { return }
    let folder = "\(data)/tokenizers/gpt2"
    let tokenizer = try Tokenizer.load(directory: folder)
    #expect(tokenizer.vocabularySize == 50257)
    #expect(tokenizer.eosID == 50256)
    #expect(tokenizer.encode("a<|endoftext|>").last == 50256)
    // The reference library read the two files without any special token; transformers, and so we,
    // know <|endoftext|>.
    var plain = tokenizer.json
    plain["added_tokens"] = []
    try compare(Tokenizer(json: plain), folder)
  }

  @Test func `GPT-NeoX gives the reference's ids on real text in twenty languages`() throws {
    guard let data = dataFolder(for: "GPT-NeoX's ids") else { return }
    let folder = "\(data)/tokenizers/gpt-neox-20b"
    let tokenizer = try Tokenizer.load(directory: folder)
    #expect(tokenizer.vocabularySize == 50277)
    try compare(tokenizer, folder)
    let again = try Tokenizer(json: tokenizer.json)
    #expect(again.json == tokenizer.json)
    // Runs of spaces are added tokens there.
    #expect(tokenizer.encode("a" + String(repeating: " ", count: 24) + "b").count == 3)
  }

  private func compare(_ tokenizer: Tokenizer, _ folder: String) throws {
    let lines = try unpacked("\(folder)/expected.jsonl.gz").split(separator: 0x0A)
    #expect(lines.count == 141)
    for line in lines {
      let row = try JSON.parse(line, origin: "expected.jsonl")
      let text = try #require(row["text"]?.string)
      let ids = tokenizer.encode(text)
      #expect(ids == GoldenData.ids(row["ids"] ?? nil), "\(text)")
      #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text)
    }
  }

  private func unpacked(_ path: String) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return data
  }
}
