// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Tokenization

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
    rounds = try Self.number(options.value("rounds") ?? "3", "rounds")
    byteLimit = try 1_000_000 * Self.number(options.value("megabytes") ?? "8", "megabytes")
    try options.finish()
  }

  private static func number(_ text: String, _ name: String) throws -> Int {
    guard let number = Int(text), number > 0 else {
      throw BenchError("--\(name) \(text) is no number above 0")
    }
    return number
  }

  func run() throws {
    var rows: [String] = []
    for path in texts {
      let text = try Self.text(path, limit: byteLimit)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      for name in names {
        rows.append(try compare(name, URL(fileURLWithPath: path).lastPathComponent, text, lines))
      }
    }
    let table = """
      \(Machine.description). \(Date().formatted(.iso8601.year().month().day())). MB/s of UTF-8, best \
      of \(rounds) rounds; a thread's speed by processor time.

      | tokenizer | text | Koine, lines | Hugging Face, lines | ratio | Koine, 100 kB texts | \
      Hugging Face, 100 kB texts | ratio | Koine, lines, all cores | same ids |
      | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
      \(rows.joined(separator: "\n"))
      """ + "\n"
    print(table)
    if let markdown { try Data(table.utf8).write(to: URL(fileURLWithPath: markdown)) }
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
  ) throws -> String {
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
      FileHandle.standardError.write(Data("\(name), \(file): round \(round + 1)\n".utf8))
    }
    let size = Double(text.utf8.count) / 1e6
    func speed(_ seconds: Double) -> String {
      seconds.isFinite ? String(format: "%.1f", size / seconds) : "n/a"
    }
    func ratio(_ a: Double, _ b: Double) -> String {
      b.isFinite ? String(format: "%.1f", b / a) : "n/a"
    }
    return "| \(name) | \(file) | \(speed(ours.lines)) | \(speed(theirs.lines)) | "
      + "\(ratio(ours.lines, theirs.lines)) | \(speed(ours.stretches)) | "
      + "\(speed(theirs.stretches)) | \(ratio(ours.stretches, theirs.stretches)) | "
      + "\(speed(ours.all)) | \(areSame.map { $0 ? "yes" : "**no**" } ?? "n/a") |"
  }

  private static func processorTime<R>(_ body: () -> R) -> (R, Double) {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    let result = body()
    return (result, now() - start)
  }
}

/// Hugging Face tokenizers in a Python of its own, which waits between measurements.
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
    process.arguments = ["-c", Self.program, tokenizer, folder.path]
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

  private static let program = """
    import array, os, sys, time
    from tokenizers import Tokenizer, models, pre_tokenizers
    folder, work = sys.argv[1:]
    def load():
        if os.path.exists(folder + "/tokenizer.json"):
            return Tokenizer.from_file(folder + "/tokenizer.json")
        model = models.BPE.from_file(folder + "/vocab.json", folder + "/merges.txt")
        tokenizer = Tokenizer(model)
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        return tokenizer
    texts = {}
    for name in ("lines", "stretches"):
        with open(work + "/" + name, encoding="utf-8", newline="") as file:
            texts[name] = file.read().split("\\0")
    for _ in sys.stdin:
        tokenizer = load()
        seconds = []
        for name, items in texts.items():
            start = time.process_time()
            encodings = tokenizer.encode_batch_fast(items, add_special_tokens=False)
            seconds.append(time.process_time() - start)
            ids = array.array("i")
            for encoding in encodings:
                ids.extend(encoding.ids)
                ids.append(-1)
            with open(work + "/" + name + ".ids", "wb") as file:
                file.write(ids.tobytes())
        print(*seconds, flush=True)
    """
}
