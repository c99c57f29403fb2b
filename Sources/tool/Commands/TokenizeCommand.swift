// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Foundation
import Tokenization

/// `koine tokenize`: text to ids, for parity checks from outside.
struct TokenizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Print the tokens of a text.",
    discussion: "No special tokens are added. Without --text, reads stdin as it is.")

  @Argument(help: "The folder with the tokenizer, or a model of the hub.", completion: .directory)
  var model: String

  // A text may begin with a dash.
  @Option(parsing: .unconditional, help: "The text.")
  var text: String?

  @OptionGroup var format: FormatOptions

  func run() throws {
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
