// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Foundation
import Models

/// The side of `koine-bench infer` that computes, a process of its own so that its memory can be
/// measured and the peer's too:
///
///     koine-infer TASK MODEL --batch B --length L --prompt P --tokens T --rounds N
///
/// Prints one JSON object: `seconds`, one number for each round after a first that does not count,
/// and `check`, which shows that the peer computed the same.
@main
struct KoineInfer {
  static func main() throws {
    var words = Array(CommandLine.arguments.dropFirst())
    func number(_ name: String, _ fallback: Int) -> Int {
      guard let index = words.firstIndex(of: "--\(name)"), index + 1 < words.count else {
        return fallback
      }
      defer { words.removeSubrange(index...index + 1) }
      return Int(words[index + 1]) ?? fallback
    }
    let (batch, length) = (number("batch", 1), number("length", 512))
    let (prompt, tokens, rounds) = (
      number("prompt", 32), number("tokens", 128), number("rounds", 3)
    )
    guard words.count == 2 else {
      FileHandle.standardError.write(Data("koine-infer TASK MODEL [--batch B …]\n".utf8))
      exit(1)
    }
    var seconds: [Double] = []
    var check = ""
    func measure(_ work: () throws -> String) rethrows {
      for round in 0...rounds {
        let start = ContinuousClock.now
        check = try work()
        if round > 0 { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
      }
    }
    switch words[0] {
    case "bandwidth":
      let file = words[1] + "/model.safetensors"
      let bytes = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
      check = String(format: "%.0f", Memory.readingRate(of: bytes))
    case "read":
      try measure { "\(try Memory.read(words[1] + "/model.safetensors"))" }
    case "load":
      try measure {
        let model = try Model(Checkpoint.open(directory: words[1]))
        return "\(model.vocabularySize)"
      }
    case "score":
      let model = try Model(Checkpoint.open(directory: words[1]))
      let texts = SampleTokens.texts(batch, of: length + 1, below: model.vocabularySize)
      try measure {
        let results = try model.score(texts.map { ScoringRequest(ids: $0, start: 1) })
        return String(format: "%.3f", results[0].logLikelihood)
      }
    case "generate":
      let model = try Model(Checkpoint.open(directory: words[1]))
      let texts = SampleTokens.texts(batch, of: prompt, below: model.vocabularySize)
      try measure {
        let answers = try model.generate(
          after: texts, options: GenerationOptions(maximumTokens: tokens))
        precondition(answers.allSatisfy { $0.ids.count == tokens })
        return answers[0].ids.prefix(8).map(String.init).joined(separator: " ")
      }
    default: throw CocoaError(.featureUnsupported)
    }
    let numbers = seconds.map { String(format: "%.6f", $0) }.joined(separator: ", ")
    print("{\"seconds\": [\(numbers)], \"check\": \"\(check)\"}")
  }
}

/// Tokens that mean nothing; Sources/koine-bench/peer.py makes the same ones.
enum SampleTokens {
  static func texts(_ count: Int, of length: Int, below vocabulary: Int) -> [[Int32]] {
    var state: UInt64 = 1
    return (0..<count).map { _ in
      (0..<length).map { _ in
        state = (state &* 6_364_136_223_846_793_005) &+ 1_442_695_040_888_963_407
        return Int32((state >> 33) % UInt64(vocabulary))
      }
    }
  }
}

enum Memory {
  /// Bytes a second at which all processors together read `count` bytes of memory: the best of nine.
  static func readingRate(of count: Int) -> Double {
    let workers = ProcessInfo.processInfo.activeProcessorCount
    let part = count / workers
    let memory = UnsafeMutableRawPointer.allocate(byteCount: part * workers, alignment: 4096)
    defer { memory.deallocate() }
    memset(memory, 0, part * workers)
    let address = UInt(bitPattern: memory)
    var best = Double.infinity
    for _ in 0..<9 {
      let start = ContinuousClock.now
      DispatchQueue.concurrentPerform(iterations: workers) { worker in
        // Looks for a one among zeros: the C library's widest loop over memory.
        let first = UnsafeRawPointer(bitPattern: address + UInt(worker * part))
        precondition(memchr(first!, 1, part) == nil)
      }
      best = min(best, (ContinuousClock.now - start) / .seconds(1))
    }
    return Double(part * workers) / best
  }

  /// Reads a file as `cat` does.
  static func read(_ path: String) throws -> Int {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { throw CocoaError(.fileReadNoSuchFile) }
    defer { close(file) }
    let size = 1 << 20
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
    defer { buffer.deallocate() }
    var total = 0
    while true {
      let count = Foundation.read(file, buffer, size)
      guard count > 0 else { return total }
      total += count
    }
  }
}
