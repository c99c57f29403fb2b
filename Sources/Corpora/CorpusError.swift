// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// What can be wrong with texts, task rows, token files and their mixtures.
public enum CorpusError: Diagnosed, Equatable {
  /// A file that a recipe names is not there.
  case missingFile(String)
  /// The file is there but the system does not let us read it.
  case unreadable(String, reason: String)
  /// A name whose ending says nothing we read.
  case unknownFormat(String, known: [String])
  /// A `.gz` name over bytes that are not gzip.
  case notGzip(String)
  /// A gzip stream that ends early or whose checksum is wrong, after `byte` readable bytes.
  case damagedGzip(String, byte: Int, reason: String)
  /// Bytes behind a gzip stream, from `byte` of the file on, that are neither gzip nor zeros.
  case trailingBytes(String, byte: Int)
  /// A `.zst` name over bytes that are not Zstandard.
  case notZstd(String)
  /// A Zstandard stream that is cut short or damaged, after `byte` readable bytes.
  case damagedZstd(String, byte: Int, reason: String)
  /// A folder or pattern that names no file we read.
  case noFiles(String, reason: String)
  /// A table that cannot be read from this line on.
  case damagedTable(String, line: Int, problem: String)
  /// A table, record or Parquet file without the column or member that is asked for.
  case missingField(String, line: Int, field: String, found: [String])
  /// A Parquet file that is damaged.
  case damagedParquet(String, place: String, problem: String)
  /// A Parquet file that uses what is not read.
  case parquetFeature(String, place: String, problem: String)
  /// A row of supervised data that is none of the known kinds, or not of its file's.
  case badExample(String, line: Int, problem: String)
  /// A byte that cannot be there in UTF-8; lines count from 1, bytes from 0 in the unpacked text.
  case notUTF8(String, line: Int, byte: Int, value: UInt8)
  /// Nothing is left to train on.
  case emptyCorpus(String, reason: String)
  /// A line of JSONL that is not an object with the member we need.
  case badRecord(String, line: Int, problem: String, member: String = "text")
  /// A file whose lines end in bare carriage returns, so that it is one line to every reader.
  case carriageReturns(String)
  /// A table's line with too few or too many columns.
  case columns(String, line: Int, expected: String, found: Int)
  /// A table whose header lacks a column.
  case missingColumn(String, column: String, found: [String])
  /// Held-out text cannot be taken from fewer than two documents.
  case cannotSplit(String, documentCount: Int)
  /// A setting outside its range.
  case setting(String, expected: String, found: String)
  /// A token file whose header and bytes disagree.
  case shard(String, field: String, expected: String, found: String)
  /// A token id outside the vocabulary.
  case tokenOutOfRange(String, document: Int, id: Int, vocabularySize: Int)
  /// An answer that no window can hold.
  case answerTooLong(example: Int, tokenCount: Int, windowLength: Int)
  /// A saved sampler state that belongs to other data or settings.
  case stateMismatch(String, expected: String, found: String)
  /// The output exists and nobody said that it may be replaced.
  case outputExists(String)
  /// The folder to be replaced is not one that `koine lab` wrote.
  case notALab(String)
  /// A folder that is to be replaced holds something that no laboratory wrote.
  case foreignFile(String, inLab: String)
  /// The system refused a write: disk full, no permission, no such folder.
  case cannotWrite(String, reason: String)
  /// A language identifier that is no fastText classifier, or a damaged one.
  case identifier(String, byte: Int, problem: String)
  /// A language that the identifier does not know, or that several of its labels could mean.
  case unknownLanguage(String, path: String, known: [String])
  /// Two files of lines that should be aligned and differ in length.
  case notAligned(String, String, line: Int, shorter: String)
  /// A part of a mixture that no source of text or set of examples is called.
  case unknownSource(String, place: String, known: [String])
  /// Caps on epochs leave fewer tokens than a training draws.
  case mixtureTooSmall(budget: Int, capacity: Int)
  /// A supervised example that is well formed and cannot be trained; lines count from 1.
  case unusableExample(String, line: Int, problem: String, next: String)

  public var diagnosis: Diagnosis {
    switch self {
    case .missingFile(let path):
      Diagnosis(
        what: "The file does not exist.", where: path,
        next: "Check the path; those in a recipe start from the folder given by --data or "
          + "KOINE_DATA.")
    case .unreadable(let path, let reason):
      Diagnosis(
        what: "The file cannot be read: \(reason).", where: path,
        next: "Give a readable file.")
    case .unknownFormat(let path, let known):
      Diagnosis(
        what: "The file's ending is none of \(known.joined(separator: ", ")).", where: path,
        next: "Rename the file by its format or convert it.")
    case .notGzip(let path):
      Diagnosis(
        what: "The name ends in .gz, the bytes are not gzip.", where: path,
        next: "Remove .gz from the name or compress the file with gzip.")
    case .damagedGzip(let path, let byte, let reason):
      Diagnosis(
        what: "The gzip stream is damaged: \(reason).",
        where: "\(path), after \(byte) bytes of text",
        next: "The download is incomplete or was changed; fetch the file again.")
    case .trailingBytes(let path, let byte):
      Diagnosis(
        what: "Bytes that are not gzip follow the end of the gzip stream.",
        where: "\(path), from byte \(byte) on",
        next: "Fetch the file again; if the rest may go, pack it anew with "
          + "`gzip -dc FILE | gzip > NEW`.")
    case .notZstd(let path):
      Diagnosis(
        what: "The name ends in .zst, the bytes are not Zstandard.", where: path,
        next: "Remove .zst from the name or compress the file with zstd.")
    case .damagedZstd(let path, let byte, let reason):
      Diagnosis(
        what: "The Zstandard stream is damaged: \(reason).",
        where: "\(path), after \(byte) bytes of text",
        next: "The download is incomplete or was changed; fetch the file again.")
    case .noFiles(let pattern, let reason):
      Diagnosis(
        what: "No file to read: \(reason).", where: pattern,
        next:
          "Check the name; the endings read are \(CorpusFormat.endings.joined(separator: ", ")).")
    case .damagedTable(let path, let line, let problem):
      Diagnosis(
        what: "The table cannot be read: \(problem).", where: "\(path), line \(line)",
        next:
          "Put text that holds separators, quotes or line ends in double quotes, and double the "
          + "quotes inside (RFC 4180).")
    case .missingField(let path, let line, let field, let found):
      Diagnosis(
        what: "The column or member `\(field)` is missing; there is \(Self.list(found)).",
        where: "\(path), line \(line)",
        next: nearestName(to: field, in: found).map { "Did you mean `\($0)`? Set `text_field`." }
          ?? "Set `text_field` to the one with the text.")
    case .damagedParquet(let path, let place, let problem):
      Diagnosis(
        what: "The Parquet file is damaged: \(problem).", where: "\(path), \(place)",
        next: "Fetch or write the file again.")
    case .parquetFeature(let path, let place, let problem):
      Diagnosis(
        what: "The Parquet file has \(problem), which is not read.", where: "\(path), \(place)",
        next: "Convert it to JSONL, or write it anew with plain columns of text.")
    case .badExample(let path, let line, let problem):
      Diagnosis(
        what: "The example cannot be used: \(problem).", where: "\(path), line \(line)",
        next:
          "Each row has `messages`, or `prompt` and `completion`, or `text`; all rows of a file "
          + "are of one kind.")
    case .notUTF8(let path, let line, let byte, let value):
      Diagnosis(
        what: "The text is not UTF-8: unexpected byte 0x\(String(value, radix: 16)).",
        where: "\(path), line \(line), byte \(byte)",
        next: "Convert it, for example with `iconv -f ISO-8859-1 -t UTF-8`, or mend that line.")
    case .emptyCorpus(let name, let reason):
      Diagnosis(
        what: "The corpus is empty: \(reason).", where: name,
        next: "Give at least one file with text in it.")
    case .carriageReturns(let path):
      Diagnosis(
        what: "The lines end in bare carriage returns, so the file is a single line.", where: path,
        next: "Convert it, such as with `tr '\\r' '\\n'`.")
    case .badRecord(let path, let line, let problem, let member):
      Diagnosis(
        what: "The record cannot be read: \(problem).", where: "\(path), line \(line)",
        next: "Each line must be a JSON object like {\"\(member)\": \"…\"}.")
    case .columns(let path, let line, let expected, let found):
      Diagnosis(
        what: "The line should have \(expected), it has \(found).",
        where: "\(path), line \(line)",
        next: "Separate the columns with single tabs; put text that holds tabs in double quotes.")
    case .missingColumn(let path, let column, let found):
      Diagnosis(
        what: "The column `\(column)` is missing; the header has \(Self.list(found)).",
        where: "\(path), line 1",
        next: nearestName(to: column, in: found).map { "Rename `\($0)` to `\(column)`." }
          ?? "Start the file with the header index_id, category, text.")
    case .cannotSplit(let name, let count):
      Diagnosis(
        what: "Held-out text needs at least 2 documents, found \(count).", where: name,
        next: "Separate documents with empty lines, or read each line as a document.")
    case .setting(let name, let expected, let found):
      Diagnosis(
        what: "`\(name)` should be \(expected), found \(found).", where: "settings of the corpus",
        next: "Correct the value.")
    case .shard(let path, let field, let expected, let found):
      Diagnosis(
        what: "The token file's \(field) should be \(expected), found \(found).", where: path,
        next: "The file is damaged or not one of ours; delete it and run the step again.")
    case .tokenOutOfRange(let path, let document, let id, let size):
      Diagnosis(
        what: "Token id \(id) is outside the vocabulary of \(size).",
        where: "\(path), document \(document)",
        next: "Encode the text with the tokenizer of the model, then build the file again.")
    case .answerTooLong(let example, let count, let length):
      Diagnosis(
        what: "The answer has \(count) tokens, a window holds \(length).",
        where: "example \(example)",
        next: "Use longer windows or shorter answers.")
    case .stateMismatch(let part, let expected, let found):
      Diagnosis(
        what: "The saved position belongs to other data: \(expected) now, \(found) then.",
        where: part,
        next: "Restore the data and settings of that run, or start the training anew.")
    case .outputExists(let path):
      Diagnosis(
        what: "The output exists already.", where: path,
        next: "Choose another name or say --force to replace it.", kind: .failed)
    case .notALab(let path):
      Diagnosis(
        what: "The folder holds no laboratory languages (no lab.json), so it is not replaced.",
        where: path, next: "Choose another folder, or remove this one yourself.", kind: .failed)
    case .foreignFile(let name, let path):
      Diagnosis(
        what: "The folder also holds `\(name)`, which no laboratory wrote and which would be lost.",
        where: path, next: "Move it elsewhere, or choose another folder.", kind: .failed)
    case .cannotWrite(let path, let reason):
      Diagnosis(
        what: "The output cannot be written: \(reason).", where: path,
        next: "Free space or choose another folder; nothing half-written was left there.",
        kind: .failed)
    case .identifier(let path, let byte, let problem):
      Diagnosis(
        what: "The language identifier cannot be used: \(problem).", where: "\(path), byte \(byte)",
        next: "Give a supervised model of fastText (.bin or .ftz), or make one with "
          + "`koine identify train`; a damaged download must be fetched again.")
    case .notAligned(let first, let second, let line, let shorter):
      Diagnosis(
        what: "The files are not aligned: \(shorter) ends before line \(line) of the other.",
        where: "\(first) and \(second)",
        next: "Give files with as many lines each; an empty line stands for a missing translation.")
    case .unknownSource(let name, let place, let known):
      Diagnosis(
        what: "There is no source `\(name)`.", where: place,
        next: nearestName(to: name, in: known).map { "Did you mean `\($0)`?" }
          ?? (known.isEmpty ? "There are none." : "There are \(Self.list(known))."))
    case .mixtureTooSmall(let budget, let capacity):
      Diagnosis(
        what: "The training draws \(budget) tokens of text; within the caps on epochs there are "
          + "\(capacity).", where: "mix",
        next: "Raise `max_epochs`, add text, or train on fewer tokens.")
    case .unusableExample(let path, let line, let problem, let next):
      Diagnosis(
        what: "The example cannot be trained: \(problem).", where: "\(path), line \(line)",
        next: next)
    case .unknownLanguage(let name, let path, let known):
      Diagnosis(
        what: "The identifier has no single label for the language `\(name)`.", where: path,
        next: nearestName(to: name, in: known).map { "Did you mean `\($0)`?" }
          ?? "It knows \(Self.list(Array(known.sorted().prefix(20))))\(known.count > 20 ? ", …" : "")."
      )
    }
  }

  private static func list(_ names: [String]) -> String {
    names.map { "`\($0)`" }.joined(separator: ", ")
  }
}
