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
    try compare(tokenizer, folder, ordinary: true)
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

  @Test func `the reference's ids come out of the files of SentencePiece, tiktoken and BERT`()
    throws
  {
    guard let data = dataFolder(for: "other kinds of files") else { return }
    for (name, size) in [
      ("mistral-v1", 32000), ("mistral-v3", 32768), ("cl100k", 100277),
      ("whisper-multilingual", 50257), ("bert-cased", 28996),
    ] {
      let folder = "\(data)/tokenizers/\(name)"
      let tokenizer = try Tokenizer.load(directory: folder)
      #expect(tokenizer.vocabularySize == size, "\(name)")
      // The reference libraries take special tokens in a text for text.
      try compare(tokenizer, folder, ordinary: true, decodes: name != "bert-cased")
      // What is written is read back with the same ids.
      try compare(
        Tokenizer(json: tokenizer.json), folder, ordinary: true, decodes: name != "bert-cased")
    }
  }

  @Test func `the reference's ids come out of other tokenizer.json files`() throws {
    guard let data = dataFolder(for: "other tokenizer.json files") else { return }
    for (name, size) in [("phi-3-mini", 32011), ("t5-small", 32100)] {
      let folder = "\(data)/tokenizers/\(name)"
      let tokenizer = try Tokenizer.load(directory: folder)
      #expect(tokenizer.vocabularySize == size, "\(name)")
      try compare(tokenizer, folder, decodes: name != "t5-small")
      try compare(Tokenizer(json: tokenizer.json), folder, decodes: name != "t5-small")
    }
  }

  /// - Parameter decodes: whether the reference gives every text back; not where it drops or
  ///   replaces characters.
  private func compare(
    _ tokenizer: Tokenizer, _ folder: String, ordinary: Bool = false, decodes: Bool = true
  ) throws {
    let lines = try unpacked("\(folder)/expected.jsonl.gz").split(separator: 0x0A)
    #expect(lines.count == 141)
    for line in lines {
      let row = try JSON.parse(line, origin: "expected.jsonl")
      let text = try #require(row["text"]?.string)
      let ids = ordinary ? tokenizer.encodeOrdinary(text) : tokenizer.encode(text)
      #expect(ids == GoldenData.ids(row["ids"] ?? nil), "\(folder): \(text)")
      // Where spaces are written as a visible character, that character becomes a space.
      let isSpaced = tokenizer.tokens.contains("\u{2581}")
      guard decodes, !(isSpaced && text.contains("\u{2581}")) else { continue }
      #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text, "\(folder)")
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
