// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tokenization
import Turns

/// `koine-bench tokenize`: encoding against Hugging Face tokenizers, in turns, in one run.
///
///     --tokenizers FOLDER   a folder of tokenizer folders
///     --names A,B           which of them; gpt2,gpt-neox-20b,phi-3-mini,t5-small
///     --texts A,B           the text files, one row each; .txt, .txt.gz
///     --python PATH         a Python with `tokenizers`; without it Koine is measured alone
///     --rounds N            how often each is timed; 3
///     --megabytes N         how much of each text; 8
///     --markdown FILE       also writes the table there
///
/// Both encode the same lines, and then the same text in stretches of about 100 kB, without special
/// tokens; Hugging Face with `encode_batch_fast`, which computes no offsets. The speed of a thread is
/// text by processor time, so that other work on the machine does not count; that of all cores is by
/// the clock. Caches are as each library has them, and start empty: the first of a round's runs is
/// on a new tokenizer.
struct TokenizeBench {
  private let tokenizers: String
  private let names: [String]
  private let texts: [String]
  private let python: String?
  private let rounds: Int
  private let byteLimit: Int
  private let markdown: String?

  init(_ options: inout Options) throws {
    guard let tokenizers = try options.value("tokenizers"), let texts = try options.value("texts")
    else { throw BenchError("name --tokenizers FOLDER and --texts FILE,FILE") }
    self.tokenizers = tokenizers
    self.texts = texts.split(separator: ",").map(String.init)
    names = try (options.value("names") ?? "gpt2,gpt-neox-20b,phi-3-mini,t5-small")
      .split(separator: ",").map(String.init)
    python = try options.value("python")
    markdown = try options.value("markdown")
    rounds = try options.number("rounds", 3)
    byteLimit = 1_000_000 * (try options.number("megabytes", 8))
    try options.finish()
  }

  func run() throws {
    var table = Table([
      "tokenizer", "text", "Koine, lines", "Hugging Face, lines", "ratio", "Koine, 100 kB texts",
      "Hugging Face, 100 kB texts", "ratio", "Koine, lines, all cores", "same ids",
    ])
    for path in texts {
      let text = try Self.text(path, limit: byteLimit)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      for name in names {
        table.add(
          try compare(name, URL(fileURLWithPath: path).lastPathComponent, text, lines))
      }
    }
    let heading = """
      \(Machine.description). \(Bench.today). MB/s of UTF-8, best of \(rounds) rounds; a thread's \
      speed by processor time.
      """
    try Bench.publish([heading, table.text], to: markdown)
  }

  private static func text(_ path: String, limit: Int) throws -> String {
    let contents =
      try path.hasSuffix(".gz")
      ? unpacked(path) : FileManager.default.contents(atPath: path)
    guard let data = contents else { throw BenchError("cannot read \(path)") }
    // Up to a line's end, so that no character is cut.
    var end = min(limit, data.count)
    while end < data.count, end > 0, data[data.startIndex + end - 1] != 10 { end -= 1 }
    guard let text = String(validating: data.prefix(end), as: UTF8.self), !text.isEmpty else {
      throw BenchError("\(path) is empty or not UTF-8")
    }
    return text
  }

  private static func unpacked(_ path: String) throws -> Data? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? data : nil
  }

  /// Stretches of whole lines.
  private static func stretches(_ lines: [String]) -> [String] {
    var result: [String] = []
    var open: [String] = []
    var byteCount = 0
    for line in lines {
      open.append(line)
      byteCount += line.utf8.count + 1
      if byteCount >= 100_000 {
        result.append(open.joined(separator: "\n"))
        (open, byteCount) = ([], 0)
      }
    }
    return open.isEmpty ? result : result + [open.joined(separator: "\n")]
  }

  private func compare(
    _ name: String, _ file: String, _ text: String, _ lines: [String]
  ) throws -> [String] {
    let folder = "\(tokenizers)/\(name)"
    let stretches = Self.stretches(lines)
    let other = try python.map {
      try PythonEncoder(python: $0, folder: folder, lines: lines, stretches: stretches)
    }
    var ours = (lines: Double.infinity, stretches: Double.infinity, all: Double.infinity)
    var theirs = (lines: Double.infinity, stretches: Double.infinity)
    var areSame: Bool?
    for round in 0..<rounds {
      let tokenizer = try Tokenizer.load(directory: folder)
      let (ids, seconds) = Self.processorTime { lines.map { tokenizer.encode($0) } }
      ours.lines = min(ours.lines, seconds)
      let (stretchIDs, stretchSeconds) = Self.processorTime {
        stretches.map { tokenizer.encode($0) }
      }
      ours.stretches = min(ours.stretches, stretchSeconds)
      let fresh = try Tokenizer.load(directory: folder)
      let start = ContinuousClock.now
      let batch = fresh.encodeBatch(lines)
      ours.all = min(ours.all, (ContinuousClock.now - start) / .seconds(1))
      guard batch == ids else { throw BenchError("\(name): a batch has other ids than its lines") }
      if let other {
        let result = try other.measure()
        theirs.lines = min(theirs.lines, result.lines)
        theirs.stretches = min(theirs.stretches, result.stretches)
        if round == 0 {
          areSame = try other.ids(of: "lines") == ids && other.ids(of: "stretches") == stretchIDs
        }
      }
      Bench.progress("\(name), \(file): round \(round + 1)")
    }
    let size = Double(text.utf8.count) / 1e6
    func speed(_ seconds: Double) -> String {
      seconds.isFinite ? (size / seconds).fixed(1) : "n/a"
    }
    func ratio(_ a: Double, _ b: Double) -> String { b.isFinite ? (b / a).fixed(1) : "n/a" }
    return [
      name, file, speed(ours.lines), speed(theirs.lines), ratio(ours.lines, theirs.lines),
      speed(ours.stretches), speed(theirs.stretches), ratio(ours.stretches, theirs.stretches),
      speed(ours.all), areSame.map { $0 ? "yes" : "**no**" } ?? "n/a",
    ]
  }

  private static func processorTime<R>(_ body: () -> R) -> (R, Double) {
    let start = ProcessorTime.ofThread
    let result = body()
    return (result, ProcessorTime.ofThread - start)
  }
}

/// Hugging Face tokenizers in a Python of its own, which waits between measurements:
/// `Benchmarks/peers/tokenizers_encode.py`.
private final class PythonEncoder {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let folder: URL

  init(python: String, folder tokenizer: String, lines: [String], stretches: [String]) throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("koine-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, texts) in [("lines", lines), ("stretches", stretches)] {
      // NUL ends a text; the texts have none.
      let data = Data(texts.joined(separator: "\0").utf8)
      try data.write(to: folder.appendingPathComponent(name))
    }
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [Peer.path(of: "tokenizers_encode.py"), tokenizer, folder.path]
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"]) { $1 }
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  deinit {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  /// The processor time of one run over the lines and one over the stretches.
  func measure() throws -> (lines: Double, stretches: Double) {
    input.fileHandleForWriting.write(Data("go\n".utf8))
    var answer = Data()
    while answer.last != 10 {
      let data = output.fileHandleForReading.availableData
      guard !data.isEmpty else { throw BenchError("Python ended; has it `tokenizers`?") }
      answer += data
    }
    let times = String(decoding: answer, as: UTF8.self).split(whereSeparator: \.isWhitespace)
      .compactMap { Double($0) }
    guard times.count == 2 else { throw BenchError("Python did not answer with two times") }
    return (times[0], times[1])
  }

  /// The ids that the last measurement gave.
  func ids(of name: String) throws -> [[Int32]] {
    let data = try Data(contentsOf: folder.appendingPathComponent("\(name).ids"))
    var result: [[Int32]] = []
    var ids: [Int32] = []
    data.withUnsafeBytes { bytes in
      for index in 0..<bytes.count / 4 {
        let id = bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)
        if id >= 0 {
          ids.append(id)
        } else {
          result.append(ids)
          ids = []
        }
      }
    }
    return result
  }
}
