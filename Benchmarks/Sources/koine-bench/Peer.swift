// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Turns

/// A Python program of `Benchmarks/peers` that does what Koine does.
///
///     --python PATH     a Python with what the peer needs; left out without it
///     --threads N       torch's; 2
struct Peer {
  private let command: [String]
  private let threads: [String]

  /// `nil` without `--python`.
  init?(_ script: String, _ options: inout Options) throws {
    let python = try options.value("python")
    threads = ["--threads", "\(try options.number("threads", 2))"]
    guard let python else { return nil }
    command = [URL(fileURLWithPath: python).standardizedFileURL.path, Self.path(of: script)]
  }

  /// The words that run it.
  func command(_ words: [String]) -> [String] { command + words + threads }

  /// Operations a second of torch's float32 matrix product.
  func peak(in folder: URL) throws -> Double {
    guard let peak = try ChildProcess.turn(command(["--peak"]), in: folder).answer.peak else {
      throw BenchError("\(command.joined(separator: " ")) --peak gave no number")
    }
    return peak
  }

  static func path(of script: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("peers/\(script)").path
  }
}
