// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Checkpoints

/// Feeds damaged inputs to a reader and counts what becomes of them.
struct FuzzDriver {
  struct Report: CustomStringConvertible {
    let name: String
    let seed: UInt64
    var accepted = 0
    var refused = 0
    var seconds = 0.0

    var description: String {
      let rate = Int(Double(accepted + refused) / max(seconds, 1e-9))
      return "fuzzing \(name), seed \(seed): \(accepted + refused) inputs, \(accepted) accepted, "
        + "\(refused) refused, \(rate) inputs/s"
    }
  }

  let name: String
  let mutator: FuzzMutator

  /// How many inputs a run has: `usual`, or what `KOINE_FUZZ_INPUTS` says, for a campaign of
  /// millions; `KOINE_FUZZ_SEED` gives other inputs.
  static func inputCount(usual: Int) -> Int {
    ProcessInfo.processInfo.environment["KOINE_FUZZ_INPUTS"].flatMap(Int.init) ?? usual
  }

  static var seed: UInt64 {
    ProcessInfo.processInfo.environment["KOINE_FUZZ_SEED"].flatMap(UInt64.init) ?? 20_260_711
  }

  /// Reads inputs `0 ..< count`, each given as a file.
  ///
  /// `read` uses all that the reader returns. An error must be the room's own, of three lines;
  /// whatever else it is fails the test with the input's number, from which `mutator.input` makes it
  /// again.
  func run(count: Int, read: (_ path: String) throws -> Void) throws -> Report {
    let folder = try FuzzFolder()
    let path = folder.file(name)
    var report = Report(name: name, seed: mutator.seed)
    let clock = ContinuousClock()
    let start = clock.now
    for index in 0..<count {
      try folder.replace(name, with: mutator.input(index))
      do {
        try read(path)
        report.accepted += 1
      } catch let error as CheckpointError {
        report.refused += 1
        let lines = error.description.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.count != 3 || lines.contains(where: \.isEmpty) || error.description.count > 4096 {
          Issue.record("\(name), seed \(mutator.seed), input \(index): \(error.description)")
        }
      } catch {
        Issue.record("\(name), seed \(mutator.seed), input \(index): \(error)")
      }
    }
    let elapsed = (clock.now - start).components
    report.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    return report
  }
}

/// A folder for inputs that change thousands of times: in memory where the system has such a place.
final class FuzzFolder {
  private let path: String

  init() throws {
    let memory = "/dev/shm"
    let base =
      FileManager.default.isWritableFile(atPath: memory)
      ? memory : FileManager.default.temporaryDirectory.path
    path = "\(base)/koine-fuzz-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func replace(_ name: String, with bytes: [UInt8]) throws {
    // A new file each time, as one that is mapped must not be shortened.
    let handle = file(name)
    unlink(handle)
    guard let stream = fopen(handle, "wb") else { throw CocoaError(.fileWriteUnknown) }
    defer { fclose(stream) }
    guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else {
      throw CocoaError(.fileWriteOutOfSpace)
    }
  }
}
