// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Foundation
import Recipes
import Runs
import Testing
import Tokenization

@testable import koine

@Suite struct VocabTrainTests {
  private final class Place {
    let root = FileManager.default.temporaryDirectory
      .appending(path: "koine-vocab-\(UUID().uuidString)").path
    init() throws {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      let lines = (0..<400).map { "the word \($0 % 37) and the sea \($0 % 11)" }
      try lines.joined(separator: "\n").write(
        toFile: root + "/a.txt", atomically: true, encoding: .utf8)
    }
    deinit { try? FileManager.default.removeItem(atPath: root) }
  }

  private func run(_ arguments: [String]) throws -> Diagnosis? {
    var command = try Koine.parseAsRoot(["vocab", "train"] + arguments)
    do {
      try command.run()
      return nil
    } catch let error as any Diagnosed {
      return error.diagnosis
    }
  }

  @Test(arguments: [["--type", "unigram"], ["--byte-fallback"], []])
  func `a tokenizer is trained and can be read`(options: [String]) throws {
    let place = try Place()
    let out = place.root + "/out"
    let arguments =
      ["\(place.root)/a.txt", "--output", out, "--vocab-size", "300", "--model-max-length", "64"]
      + options
    #expect(try run(arguments) == nil)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: out).sorted() == [
        "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
      ])
    let tokenizer = try Tokenizer.load(directory: out)
    let text = "the sea and the word"
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    #expect(tokenizer.encode(text).count < 15)
    #expect(tokenizer.modelMaxLength == 64)
    // It is there now, and replaced only by force.
    #expect(try run(arguments)?.what == "The output exists already.")
    #expect(try run(arguments + ["--force"]) == nil)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place.root).sorted() == ["a.txt", "out"])
  }

  @Test func `phases in which nothing is counted up show no rate`() throws {
    let texts = (0..<1100).map { "the word \($0 % 37) and the sea \($0 % 11)" }
    var seen: [StepProgress] = []
    for kind in TokenizerTrainer.Kind.allCases {
      _ = try TokenizerTrainer(kind, vocabularySize: 320).train(texts) {
        seen.append(StepProgress($0))
      }
    }
    // Of Unigram's pieces none is counted up: they are sought, and then become fewer.
    let pieces = seen.filter { $0.unit == "pieces" }
    #expect(!pieces.isEmpty && pieces.allSatisfy { $0.rate == 0 })
    for progress in pieces {
      let line = ProgressLine(
        label: "x", done: Double(progress.done), unit: progress.unit, rate: progress.rate)
      #expect(!line.rendered(width: 80).contains("/s"))
    }
    // Texts and merges are: their rate is measured.
    let others = seen.filter { $0.unit != "pieces" }
    #expect(!others.isEmpty && others.allSatisfy { $0.rate == nil })
  }

  @Test func `a pattern is in the tokenizer that is written`() throws {
    let place = try Place()
    let arguments = ["\(place.root)/a.txt", "--output", place.root + "/out", "--vocab-size", "300"]
    #expect(try run(arguments + ["--pattern", "o"])?.what.contains("`pattern`") == true)
    #expect(try run(arguments + ["--pattern", "("])?.kind == .malformedInput)
    #expect(try run(arguments + ["--pattern", #"\p{L}+|\s"#]) == nil)
    let tokenizer = try Tokenizer.load(directory: place.root + "/out")
    let split = tokenizer.json["pre_tokenizer"]?["pretokenizers"]?.array?.first
    #expect(split?["pattern"]?["Regex"]?.string == #"\p{L}+|\s"#)
    // A space is a word of its own.
    #expect(!tokenizer.tokens.contains { $0.hasPrefix("Ġ") && $0 != "Ġ" })
  }

  @Test func `bad outputs, texts and settings are told, and nothing is left behind`() throws {
    let place = try Place()
    let (text, out) = ("\(place.root)/a.txt", "\(place.root)/out")
    let size = ["--vocab-size", "300"]
    #expect(try run([text, "--output", ""] + size)?.where == "`--output`")
    #expect(
      try run([text, "--output", text] + size)?.what == "Expected a folder, found a file or a link."
    )
    let foreign = try run([text, "--output", place.root, "--force"] + size)
    #expect(foreign?.what.contains("also holds `a.txt`") == true)
    #expect(try run(["/nowhere.txt", "--output", out] + size)?.where == "/nowhere.txt")
    let empty = "\(place.root)/empty.txt"
    try "".write(toFile: empty, atomically: true, encoding: .utf8)
    #expect(
      try run([empty, "--output", out] + size)?.what
        == "There is no text to train a tokenizer on.")
    let bad = "\(place.root)/bad.jsonl"
    try "{\"text\": \"a\"}\n{".write(toFile: bad, atomically: true, encoding: .utf8)
    #expect(try run([bad, "--output", out] + size)?.where == "\(bad), line 2")
    #expect(
      try run([text, "--output", out, "--vocab-size", "200"])?.what.contains("`vocab_size`") == true
    )
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test(
    arguments: [
      ["--type", "wordpiece"], ["--character-coverage", "0.9"], ["--limit-alphabet", "5"],
      ["--min-frequency", "0"], ["--model-max-length", "0"],
      ["--type", "unigram", "--pattern", "gpt2"], ["--byte-fallback", "--pattern", "gpt2"],
    ])
  func `options that cannot be or mean nothing are wrong usage`(options: [String]) {
    #expect(throws: (any Error).self) {
      try Koine.parseAsRoot(
        ["vocab", "train", "a.txt", "--output", "o", "--vocab-size", "300"] + options)
    }
  }
}
