// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Corpora
import Documents
import Foundation
import Testing
import Tokenization

@testable import Training

/// Text as sequences for statistics.
struct SampleTextTests {
  private final class Folder {
    let path = FileManager.default.temporaryDirectory
      .appending(path: "koine-sample-\(UUID().uuidString)").path
    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let folder: Folder
  /// A byte-level tokenizer whose token 0 ends texts.
  private let tokenizer: Tokenizer

  init() throws {
    folder = try Folder()
    let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden/tokenization/trained-gpt2.json")
    try FileManager.default.copyItem(
      atPath: golden.path, toPath: folder.path + "/tokenizer.json")
    try Data(#"{"eos_token": "<|endoftext|>"}"#.utf8)
      .write(to: URL(filePath: folder.path + "/tokenizer_config.json"))
    tokenizer = try Tokenizer.forStatistics(directory: folder.path)
  }

  private func write(_ text: String, _ name: String) throws -> String {
    let path = "\(folder.path)/\(name)"
    try Data(text.utf8).write(to: URL(filePath: path))
    return path
  }

  private func sample(
    _ files: [String], length: Int = 4, tokens: Int? = nil, seed: UInt64 = 0,
    vocabularySize: Int? = nil
  ) throws -> SampleText {
    try SampleText(
      files: files, tokenizer: tokenizer,
      vocabularySize: vocabularySize ?? tokenizer.vocabularySize, directory: folder.path,
      options: .init(length: length, tokenCount: tokens, seed: seed))
  }

  @Test func `every token of every document is predicted once, and only within its document`()
    throws
  {
    let documents = (0..<20).map { "A text of its own, the number \($0)." }
    let file = try write(documents.joined(separator: "\n"), "a.txt")
    let end = try #require(tokenizer.eosID)
    let text = try sample([file], length: 1)
    // All tokens and one end for each document, in some order of the documents.
    var targets: [Int32] = []
    for window in text.windows {
      #expect(window.tokens.count == 2 && window.weights == [1])
      targets.append(window.tokens[1])
    }
    #expect(text.tokenCount == targets.count)
    let found = targets.split(separator: end).map { tokenizer.decode(Array($0)) }
    #expect(found.sorted() == documents.sorted())
    #expect(found != documents)
    // In longer sequences the segment changes where a document ends: its end opens the next.
    let long = try sample([file], length: 64)
    for window in long.windows {
      #expect(window.segments[0] == 0)
      for i in 1..<window.tokens.count {
        let opens = window.tokens[i] == end
        #expect(window.segments[i] == window.segments[i - 1] + (opens ? 1 : 0))
      }
    }
    #expect(Array(long.windows[0].tokens.dropFirst()) == Array(targets.prefix(64)))
    #expect(long.windows[1].tokens[0] == long.windows[0].tokens[64])
  }

  @Test func `the seed chooses the documents, the files' order does not hide one`() throws {
    let one = try write((0..<200).map { "one \($0)" }.joined(separator: "\n"), "1.txt")
    let two = try write((0..<200).map { "two \($0)" }.joined(separator: "\n"), "2.txt")
    let text = try sample([one, two], length: 16, tokens: 320)
    #expect(text.tokenCount == 320 && text.windows.count == 20)
    let decoded = tokenizer.decode(text.windows.flatMap { $0.tokens.dropFirst() })
    #expect(decoded.contains("one") && decoded.contains("two"))
    let again = try sample([one, two], length: 16, tokens: 320)
    #expect(again.windows == text.windows && again.textHash == text.textHash)
    let other = try sample([one, two], length: 16, tokens: 320, seed: 1)
    #expect(other.windows != text.windows && other.textHash != text.textHash)
    #expect(try sample([one, two], length: 16, tokens: 335).tokenCount == 320)
  }

  @Test func `one sequence longer than the usual number of tokens is asked for as it is`() throws {
    let file = try write("a short text\n", "a.txt")
    #expect {
      try sample([file], length: SampleText.ordinaryTokenCount + 1)
    } throws: {
      guard case StatisticsError.tooLittleText(let found, let needed, _) = $0 else { return false }
      return found > 0 && needed == SampleText.ordinaryTokenCount + 1
    }
  }

  @Test func `without a token between texts the first of each is an input only`() throws {
    let json = try JSON.parse(
      Data(contentsOf: URL(filePath: folder.path + "/tokenizer.json")), origin: "t")
    let bare = try Tokenizer(json: json)
    let file = try write("aa bb cc\ndd ee ff\n", "a.txt")
    let text = try SampleText(
      files: [file], tokenizer: bare, vocabularySize: bare.vocabularySize,
      directory: folder.path, options: .init(length: 2))
    let weights = text.windows.flatMap(\.weights)
    let segments = text.windows.flatMap { $0.segments.dropFirst() }
    #expect(weights.count { $0 == 0 } == 1)
    #expect(segments.contains(1) || text.windows.contains { $0.segments[0] == 0 })
  }

  private func lines(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return (error as? any Diagnosed)?.description ?? "\(error)" }
  }

  @Test func `too little text is told with how much there is`() throws {
    let file = try write("short", "a.txt")
    let count = tokenizer.encode("short").count + 1
    #expect(
      lines { _ = try sample([file], length: 100) }
        == """
        The text has \(count) tokens, and 100 are needed.
        \(file)
        Give more text, or lower --tokens or --length.
        """)
    #expect(
      lines { _ = try sample([file], length: 2, tokens: 50) }.hasPrefix("The text has \(count)"))
    #expect(
      lines { _ = try sample([file], length: 10, tokens: 9) }
        .hasPrefix("9 tokens do not make one sequence of 10."))
  }

  @Test func `empty and missing text are errors`() throws {
    let file = try write("\n \n", "a.txt")
    #expect(lines { _ = try sample([file]) }.hasPrefix("The corpus is empty"))
    #expect(lines { _ = try sample([folder.path + "/b.txt"]) }.contains("does not exist"))
  }

  @Test func `a token that the model lacks is named`() throws {
    let file = try write("some text, long enough", "a.txt")
    let message = lines { _ = try sample([file], vocabularySize: 5) }
    #expect(message.hasPrefix("The tokenizer gives the token `"))
    #expect(message.contains("and the model has 5 tokens."))
    #expect(message.contains(folder.path))
  }

  @Test func `a folder without a tokenizer is told so`() {
    #expect(
      lines { _ = try Tokenizer.forStatistics(directory: "/nowhere") }
        == """
        The model has no tokenizer, so no text can be read to it.
        /nowhere
        Copy the tokenizer.json it was trained with into its folder.
        """)
  }
}
