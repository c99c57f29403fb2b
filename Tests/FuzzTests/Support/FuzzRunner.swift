// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// Gives a reader damaged inputs and counts what becomes of them.
struct FuzzRunner {
  /// What a run is asked for by environment variables; docs/fuzzing.md explains them.
  struct Settings {
    var seed: UInt64 = 20_261_121
    var first = 0
    var count: Int?
    var targets: Set<String>?

    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
      seed = environment["KOINE_FUZZ_SEED"].flatMap(UInt64.init) ?? seed
      first = environment["KOINE_FUZZ_FIRST"].flatMap(Int.init) ?? 0
      count = environment["KOINE_FUZZ_INPUTS"].flatMap(Int.init)
      targets = environment["KOINE_FUZZ_TARGETS"].map {
        Set($0.split(separator: ",").map(String.init))
      }
    }
  }

  struct Report: CustomStringConvertible {
    let name: String
    let seed: UInt64
    var accepted = 0
    var refused = 0
    var failures: [String] = []
    var seconds = 0.0
    var slowest = (seconds: 0.0, input: 0)
    /// By how much one input raised the most memory the process has had.
    var largest = (byteCount: 0, input: 0)

    var count: Int { accepted + refused + failures.count }

    var description: String {
      let rate = Int(Double(count) / max(seconds, 1e-9))
      return "fuzzing \(name), seed \(seed): \(count) inputs, \(accepted) accepted, "
        + "\(refused) refused, \(failures.count) failed, \(rate) inputs/s, slowest "
        + "\(Int(slowest.seconds * 1000)) ms (input \(slowest.input)), largest step of memory "
        + "\(largest.byteCount >> 20) MB (input \(largest.input))"
    }
  }

  /// How much one input may raise the most memory that the process has had: inputs have some
  /// kilobytes. Only a campaign, which runs alone, can tell.
  static let memoryLimit = 192 << 20

  let target: FuzzTarget
  let settings: Settings

  func run() throws -> Report {
    let (mutator, read) = try target.make(settings.seed)
    let journal = try FuzzJournal(target, seed: settings.seed)
    var report = Report(name: target.name, seed: settings.seed)
    let count = settings.count ?? target.usualCount
    let isCampaign = settings.count != nil
    let start = Self.now()
    var before = start
    var memory = Self.mostMemory()
    for index in settings.first..<(settings.first + count) {
      let input = mutator.input(index)
      journal.begin(index)
      if count == 1 { print("input \(index) is saved in \(journal.save(input, index))") }
      if let failure = outcome(of: input, read, &report) {
        let file = journal.save(input, index)
        report.failures.append("input \(index), saved in \(file): \(failure)")
        if report.failures.count == 20 { break }
      }
      let after = Self.now()
      if after - before > report.slowest.seconds { report.slowest = (after - before, index) }
      before = after
      guard isCampaign else { continue }
      let most = Self.mostMemory()
      if most - memory > report.largest.byteCount { report.largest = (most - memory, index) }
      if most - memory > Self.memoryLimit {
        report.failures.append(
          "input \(index), saved in \(journal.save(input, index)): took \(most - memory) bytes")
      }
      memory = most
    }
    journal.finish()
    report.seconds = Self.now() - start
    return report
  }

  /// Reads one input; what is wrong with the reader, if anything.
  private func outcome(
    of input: FuzzInput, _ read: (FuzzInput) throws -> Void, _ report: inout Report
  ) -> String? {
    do {
      try read(input)
      report.accepted += 1
    } catch let violation as FuzzViolation {
      return violation.text
    } catch let error as any Diagnosed {
      if let problem = Self.problem(error, inputByteCount: input.reduce(0) { $0 + $1.count }) {
        return problem
      }
      report.refused += 1
    } catch {
      return "an error without a diagnosis: \(error)"
    }
    return nil
  }

  /// What is wrong with a message: it has three lines, none empty, without control characters, and
  /// is not longer than the input and its frame warrant.
  static func problem(_ error: any Diagnosed, inputByteCount: Int) -> String? {
    let text = error.description
    var lineCount = 1
    var lineLength = 0
    var isSound = true
    for byte in text.utf8 {
      if byte == 0x0A {
        if lineLength == 0 { isSound = false }
        (lineCount, lineLength) = (lineCount + 1, 0)
      } else {
        if byte < 0x20 || byte == 0x7F { isSound = false }
        lineLength += 1
      }
    }
    guard isSound, lineCount == 3, lineLength > 0 else { return "not three lines: \(text)" }
    guard text.utf8.count <= 4096 + 8 * inputByteCount else {
      return "a message of \(text.utf8.count) bytes: \(text.prefix(200))…"
    }
    return nil
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The most memory the process has had, in bytes.
  private static func mostMemory() -> Int {
    var usage = rusage()
    #if canImport(Darwin)
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss << 10
    #endif
  }
}
