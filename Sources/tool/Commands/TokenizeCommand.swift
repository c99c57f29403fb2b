// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Corpora
import Documents
import Foundation
import Runs
import Tokenization

/// `koine tokenize`: text to ids, and how well a vocabulary fits texts.
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Print the tokens of a text, or how well they fit texts.",
    discussion: """
      No special tokens are added. Without --text, reads stdin as it is.

      --stats measures texts instead: tokens a word and bytes a token, the shares of unknown tokens \
      and of tokens that are bytes or parts of characters, how much of the vocabulary is used, and \
      which frequent words are torn apart most. It takes --text or files, .txt and .jsonl, also \
      .gz, each a row of the table; --against compares a second tokenizer.
      """)

  @Argument(help: "The folder with the tokenizer, or a model of the hub.", completion: .directory)
  var model: String

  @Argument(
    help: "With --stats: the files to measure, also as NAME=FILE, such as fao=a/heldout.jsonl.",
    completion: .file())
  var files: [String] = []

  // A text may begin with a dash.
  @Option(parsing: .unconditional, help: "The text.")
  var text: String?

  @Flag(help: "Measure how well the tokenizer fits the texts.")
  var stats = false

  @Option(help: "With --stats: a second tokenizer's folder.", completion: .directory)
  var against: String?

  @Option(help: "With --stats: how many torn words to show (default: 10).")
  var top: Int?

  @OptionGroup var format: FormatOptions

  func validate() throws {
    guard stats || (files.isEmpty && against == nil && top == nil) else {
      throw ValidationError("Files, --against and --top belong to --stats; give --stats too.")
    }
    guard text == nil || files.isEmpty else {
      throw ValidationError("Give files or --text, not both.")
    }
    guard (top ?? 0) >= 0 else { throw ValidationError("--top takes a number from 0.") }
  }

  func run() throws {
    if stats { return try measure() }
    let tokenizer = try Tokenizer.load(directory: try ModelPlace.folder(model, for: .tokenizer))
    let text = try self.text ?? Self.standardInput()
    let ids = tokenizer.encode(text)
    let tokens = ids.map { tokenizer.tokens[Int($0)] }
    if format.json {
      Output.json([
        "schema": 1, "text": JSON(text), "ids": JSON(ids.map { JSON(Int($0)) }),
        "tokens": JSON(tokens.map { JSON($0) }), "decoded": JSON(tokenizer.decode(ids)),
      ])
    } else {
      Output.text(zip(ids, tokens).map { "\($0)\t\($1)\n" }.joined())
    }
  }

  private func measure() throws {
    var report = try TokenizationReport(
      models: [model] + (against.map { [$0] } ?? []), tornWords: top ?? 10)
    if files.isEmpty {
      let text = try self.text ?? Self.standardInput()
      guard text.contains(where: { !$0.isWhitespace }) else {
        throw CorpusError.emptyCorpus(
          self.text == nil ? "stdin" : "`--text`", reason: "there is nothing to count")
      }
      report.add(text: text)
    } else {
      for (name, path) in TokenizationReport.named(files) {
        try report.add(file: path, as: name)
      }
    }
    if format.json {
      Output.json(report.json)
    } else {
      Output.text(report.text(.detect(descriptor: 1)))
    }
  }

  private static func standardInput() throws -> String {
    let bytes = try FileHandle.standardInput.readToEnd() ?? Data()
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError.notUTF8("stdin")
    }
    return text
  }
}

/// What can be wrong with what a command reads besides files.
enum InputError: Diagnosed {
  /// Bytes that are no UTF-8.
  case notUTF8(String)
  /// An empty text where an option names a folder.
  case emptyName(option: String)

  var diagnosis: Diagnosis {
    switch self {
    case .notUTF8(let place):
      Diagnosis(
        what: "The text is not UTF-8.", where: place,
        next: "Convert it first, such as with `iconv -f latin1 -t utf-8`.")
    case .emptyName(let option):
      Diagnosis(
        what: "Expected the name of a folder, found an empty text.", where: "`\(option)`",
        next: "Name the folder to write.")
    }
  }
}
