// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization
import Tensors
import Testing

@testable import Checkpoints

/// Writing that is ended at any moment, by the disk or by `kill -9`: the destination is absent,
/// complete, or what it was.
@Suite struct WriterCrashTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func error(_ body: () throws -> Void) -> CheckpointError? {
    do {
      try body()
      return nil
    } catch {
      return error as? CheckpointError
    }
  }

  /// Calls of the system, of which the one of this number (writes, `fsync`s and `close`s counted
  /// together) does something else.
  private static func calls(
    at moment: Int, _ event: @escaping @Sendable () -> Bool
  ) -> OutputCalls {
    let count = Counter()
    var calls = OutputCalls { descriptor, bytes, offset in
      if count.next() == moment, event() { return -1 }
      return OutputCalls.system.write(descriptor, bytes, offset)
    }
    calls.synchronize = { descriptor in
      count.next() == moment && event() ? -1 : OutputCalls.system.synchronize(descriptor)
    }
    calls.close = { descriptor in
      // A descriptor is gone whatever its close returns.
      let result = OutputCalls.system.close(descriptor)
      return count.next() == moment && event() ? -1 : result
    }
    return calls
  }

  private final class Counter: Sendable {
    private let count = Atomic(-1)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
  }

  /// How many calls writing the tiny model in three shards takes.
  private func callCount() throws -> Int {
    let count = Mutex(0)
    var options = Self.options
    var calls = OutputCalls { descriptor, bytes, offset in
      count.withLock { $0 += 1 }
      return OutputCalls.system.write(descriptor, bytes, offset)
    }
    calls.synchronize = { descriptor in
      count.withLock { $0 += 1 }
      return OutputCalls.system.synchronize(descriptor)
    }
    calls.close = { descriptor in
      count.withLock { $0 += 1 }
      return OutputCalls.system.close(descriptor)
    }
    options.output = calls
    try CheckpointWriter.write(
      try TinyModels.checkpoint(), to: folder.file("counted"), options: options)
    try FileManager.default.removeItem(atPath: folder.file("counted"))
    return count.withLock { $0 }
  }

  private static var options: CheckpointWriter.Options {
    .init(shardByteLimit: 1500, force: true, threads: 1)
  }

  @Test(arguments: [
    (ENOSPC, "No space left on device", "The result needs 4,352 bytes"),
    (EDQUOT, "Disk quota exceeded", "The result needs 4,352 bytes"),
    (EFBIG, "File too large", "The result needs 4,352 bytes"),
    (EIO, "Input/output error", "The disk or its connection fails"),
  ])
  func `a disk that fails in any call leaves what was there`(
    code: Int32, reason: String, advice: String
  ) throws {
    let model = try TinyModels.checkpoint()
    let moments = try callCount()
    #expect(moments > 30)
    for moment in 0..<moments {
      var options = Self.options
      options.output = Self.calls(at: moment) {
        errno = code
        return true
      }
      let found = error {
        try CheckpointWriter.write(model, to: folder.file("m"), options: options)
      }
      let diagnosis = try #require(found, "call \(moment)").diagnosis
      #expect(diagnosis.what == "Writing failed: \(reason).")
      #expect(diagnosis.where.hasPrefix(folder.file("m")))
      #expect(diagnosis.next.hasPrefix("Nothing was changed. \(advice)"))
      #expect(diagnosis.kind == .failed)
      #expect(try folder.names.isEmpty, "call \(moment)")
    }
    // Over a checkpoint that is there.
    try CheckpointWriter.write(model, to: folder.file("m"))
    let before = try folder.bytes("m/model.safetensors")
    for moment in stride(from: 0, to: moments, by: 7) {
      var options = Self.options
      options.output = Self.calls(at: moment) {
        errno = code
        return true
      }
      let other = try TinyModels.checkpoint(seed: 2)
      #expect(
        error { try CheckpointWriter.write(other, to: folder.file("m"), options: options) } != nil)
      #expect(try folder.bytes("m/model.safetensors") == before)
      #expect(try folder.names == ["m"])
    }
  }

  @Test func `an interrupted call is done again`() throws {
    let left = Mutex(20)
    var options = Self.options
    options.output = OutputCalls { descriptor, bytes, offset in
      let isInterrupted = left.withLock { left in
        left -= 1
        return left > 0
      }
      if isInterrupted {
        errno = EINTR
        return -1
      }
      return OutputCalls.system.write(descriptor, bytes, offset)
    }
    let model = try TinyModels.checkpoint()
    try CheckpointWriter.write(model, to: folder.file("m"), options: options)
    #expect(try Checkpoint.open(directory: folder.file("m")).names == model.names)
  }

  @Test(arguments: [0, 1, 5, 12, 20, 28, 34])
  func `a process killed in any call leaves no half output`(moment: Int) async throws {
    for isReplacing in [false, true] {
      let target = folder.file("m\(isReplacing)")
      if isReplacing { try CheckpointWriter.write(TinyModels.checkpoint(seed: 1), to: target) }
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [target = target as String, moment = moment as Int] in
        var options = Self.options
        options.output = Self.calls(at: moment) {
          kill(getpid(), SIGKILL)
          return true
        }
        try CheckpointWriter.write(TinyModels.checkpoint(seed: 2), to: target, options: options)
      }
      #expect(FileManager.default.fileExists(atPath: target) == isReplacing)
      if isReplacing {
        let kept = try Checkpoint.open(directory: target)
        let name = "model.norm.weight"
        #expect(try kept.floats(name) == TinyModels.checkpoint(seed: 1).floats(name))
      }
      // The next writer removes what the killed one has left, and gets through.
      try CheckpointWriter.write(TinyModels.checkpoint(seed: 3), to: target, options: Self.options)
      #expect(try Checkpoint.open(directory: target).names.count > 10)
    }
    #expect(try folder.names == ["mfalse", "mtrue"])
  }

  @Test func `what somebody puts there during the work is kept`() throws {
    let model = try TinyModels.checkpoint()
    let root = folder.path
    func write(force: Bool, _ name: String, _ files: [String]) -> CheckpointError? {
      var options = CheckpointWriter.Options(force: force, threads: 1)
      options.output = Self.calls(at: 2) {
        try? FileManager.default.createDirectory(
          atPath: "\(root)/\(name)", withIntermediateDirectories: true)
        for file in files {
          try? Data("theirs".utf8).write(to: URL(fileURLWithPath: "\(root)/\(name)/\(file)"))
        }
        return false
      }
      return error { try CheckpointWriter.write(model, to: folder.file(name), options: options) }
    }
    #expect(
      write(force: false, "a", ["config.json"])
        == .targetExists(directory: folder.file("a"), isCheckpoint: true, force: false))
    #expect(
      write(force: true, "b", ["config.json", "letters.txt"])
        == .target(folder.file("b"), .foreignFile("letters.txt")))
    #expect(try folder.bytes("a/config.json") == Array("theirs".utf8))
    #expect(try folder.bytes("b/letters.txt") == Array("theirs".utf8))
    // An empty folder may be used, and with force a checkpoint replaced.
    #expect(write(force: false, "c", []) == nil)
    #expect(write(force: true, "d", ["config.json"]) == nil)
    #expect(try folder.names == ["a", "b", "c", "d"])
  }

  @Test func `a name that is too long is said to be`() throws {
    let name = String(repeating: "n", count: 300)
    let found = error { try CheckpointWriter.write(TinyModels.checkpoint(), to: folder.file(name)) }
    #expect(found?.diagnosis.what == "Writing failed: File name too long.")
    #expect(found?.diagnosis.next == "Nothing was changed. Choose a shorter name and run again.")
    #expect(try folder.names.isEmpty)
  }

  @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
  func `a folder that may not be written is said to be`() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("locked"), withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o555])
    let found = error {
      try CheckpointWriter.write(TinyModels.checkpoint(), to: folder.file("locked/m"))
    }
    #expect(found?.diagnosis.what == "Writing failed: Permission denied.")
    #expect(
      found?.diagnosis.next
        == "Nothing was changed. Check the folder's permissions and run again.")
  }
}
