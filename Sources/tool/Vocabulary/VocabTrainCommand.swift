// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Corpora
import Documents
import Foundation
import Recipes
import Runs
import Tokenization

/// `koine vocab train`: a tokenizer from text.
struct VocabTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train a tokenizer on text files.",
    discussion: """
      Reads .txt, a text a line, and .jsonl, the member `text` of every line; both also as .gz. \
      Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json into a new folder. \
      The same texts and settings give the same tokenizer, whatever the order of the files.

      bpe makes tokens of bytes (as GPT-2), with --byte-fallback of characters (as Llama 2); \
      unigram is SentencePiece's, with byte fallback unless --no-byte-fallback.
      """)

  @Argument(help: "The files to train on.", completion: .file())
  var files: [String]

  @Option(help: "The folder to write.", completion: .directory)
  var output: String

  @Option(help: "The kind of model: bpe or unigram.")
  var type = TokenizerTrainer.Kind.bpe

  @Option(help: "How many tokens in all; there may be fewer in the end.")
  var vocabSize: Int

  @Flag(
    inversion: .prefixedNo,
    help: "Whether to write characters without a token as bytes (default: as the type has it).")
  var byteFallback: Bool?

  @Option(
    help: ArgumentHelp("A special token besides the usual ones (repeatable).", valueName: "token"))
  var specialToken: [String] = []

  @Option(help: "What is seen fewer times becomes no token (default: 2).")
  var minFrequency: Int?

  @Option(help: "The longest token, in characters; for bpe of bytes, in bytes.")
  var maxTokenLength: Int?

  @Option(help: "The share of the text whose characters get tokens (default: 0.9995).")
  var characterCoverage: Double?

  @Option(help: "How many characters get tokens at most.")
  var limitAlphabet: Int?

  @Option(
    help: ArgumentHelp(
      """
      How a bpe of bytes cuts text into words: \
      \(SplitPattern.allCases.map(\.name).joined(separator: ", ")), or a regular expression \
      (default: qwen3.5).
      """, valueName: "name|regex"))
  var pattern: String?

  @Option(help: "How many tokens the model will see at once, for tokenizer_config.json.")
  var modelMaxLength: Int?

  @Flag(help: "Replace a tokenizer that is there.")
  var force = false

  @OptionGroup var format: FormatOptions

  private var trainer: TokenizerTrainer {
    var trainer = TokenizerTrainer(type, vocabularySize: vocabSize)
    trainer.fallsBackToBytes = byteFallback
    trainer.specialTokens = specialToken
    trainer.minimumFrequency = minFrequency
    trainer.maximumTokenLength = maxTokenLength
    trainer.coverage = characterCoverage
    trainer.characterLimit = limitAlphabet
    trainer.pattern = pattern
    return trainer
  }

  func validate() throws {
    for key in trainer.unusedKeys {
      throw ValidationError(
        trainer.isByteLevel
          ? "--\(key.replacing("_", with: "-")) means nothing where tokens are made of bytes; give "
            + "--byte-fallback or --type unigram."
          : "--\(key) means nothing where tokens are not made of bytes; give --type bpe without "
            + "--byte-fallback.")
    }
    for (name, value) in [
      ("--min-frequency", minFrequency), ("--model-max-length", modelMaxLength),
    ] where value.map({ $0 < 1 }) ?? false {
      throw ValidationError("\(name) takes a number from 1.")
    }
  }

  func run() throws {
    try TokenizerFolder.check(output, force: force)
    let texts = try TextFiles(files)
    let start = ContinuousClock.now
    let work = CommandWork("vocab train")
    var tokenizer: Tokenizer
    do {
      tokenizer = try trainer.train(texts) { work.show(StepProgress($0)) }
    } catch {
      // A damaged file ends the texts early, and is why there is none, or too little.
      try texts.check()
      throw error
    }
    try texts.check()
    tokenizer.modelMaxLength = modelMaxLength
    let byteCount = try TokenizerFolder.write(tokenizer, to: output, force: force)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    work.finish(seconds: seconds, byteCount: byteCount)
    guard !format.json else {
      return Output.json([
        "schema": 1, "output": JSON(output), "type": JSON(type.rawValue),
        "vocab_size": JSON(tokenizer.vocabularySize), "files": JSON(files.count),
        "texts": JSON(texts.textCount), "bytes": JSON(texts.byteCount), "seconds": JSON(seconds),
      ])
    }
    Output.text(
      "wrote \(output): \(NumberText.grouped(tokenizer.vocabularySize)) tokens from "
        + "\(NumberText.bytes(texts.byteCount)) of text\n")
    if tokenizer.vocabularySize < vocabSize {
      Output.message(
        "The text has no more tokens that occur often enough; \(vocabSize) were asked for.")
    }
  }
}

extension TokenizerTrainer.Kind: ExpressibleByArgument {}

/// A folder that holds a tokenizer and nothing else, written whole.
enum TokenizerFolder {
  private static let names = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]

  /// Makes sure before any work that the folder can be made or replaced.
  static func check(_ path: String, force: Bool) throws {
    guard !path.isEmpty else { throw InputError.emptyName(option: "--output") }
    guard let found = Disk.identity(path) else { return }
    let link = try? FileManager.default.destinationOfSymbolicLink(
      atPath: path.hasSuffix("/") ? String(path.dropLast()) : path)
    guard found.isFolder, link == nil else { throw TokenizerFolderError.noFolder(path) }
    let present = try Disk.names(in: path)
    if let foreign = present.sorted().first(where: { !names.contains($0) }) {
      throw TokenizerFolderError.foreignFile(foreign, in: path)
    }
    if !present.isEmpty, !force { throw CorpusError.outputExists(path) }
  }

  /// Writes the folder; returns how many bytes.
  static func write(_ tokenizer: Tokenizer, to path: String, force: Bool) throws -> Int {
    let contents = [
      tokenizer.json.serialized(pretty: true),
      tokenizer.configurationJSON.serialized(pretty: true) + "\n",
      tokenizer.specialTokensJSON.serialized(pretty: true) + "\n",
    ]
    // Somebody may have put something there meanwhile.
    try check(path, force: force)
    try AtomicOutput.folder(at: path, replacing: true) { folder in
      for (name, text) in zip(names, contents) {
        try AtomicOutput.member(name, of: folder, shownAs: path) { try $0.write(text) }
      }
    }
    return contents.reduce(0) { $0 + $1.utf8.count }
  }
}

/// A place where no tokenizer may be written.
enum TokenizerFolderError: Diagnosed {
  case noFolder(String)
  case foreignFile(String, in: String)

  var diagnosis: Diagnosis {
    switch self {
    case .noFolder(let path):
      Diagnosis(
        what: "Expected a folder, found a file or a link.", where: path, next: "Name a folder.",
        kind: .failed)
    case .foreignFile(let name, let path):
      Diagnosis(
        what: "The folder also holds `\(name)`, which is no part of a tokenizer and would be lost.",
        where: path, next: "Name another folder, and copy the tokenizer's files.", kind: .failed)
    }
  }
}
