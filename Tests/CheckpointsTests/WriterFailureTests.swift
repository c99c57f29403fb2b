// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Synchronization
import Tensors
import Testing

@testable import Checkpoints

/// Writing that cannot succeed leaves everything as it was.
@Suite struct WriterFailureTests {
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

  /// Writes like the system until `limit` bytes are written, then as a full disk does: a part, and
  /// after it nothing.
  private func fullDisk(after limit: Int) -> OutputCalls {
    let left = Mutex(limit)
    return OutputCalls { descriptor, bytes, offset in
      let room = left.withLock { left in
        defer { left -= min(left, bytes.byteCount) }
        return left
      }
      if room == 0 {
        errno = ENOSPC
        return -1
      }
      return OutputCalls.system.write(
        descriptor, bytes.extracting(first: min(room, bytes.byteCount)), offset)
    }
  }

  @Test(arguments: [0, 1, 100, 2500, 6000])
  func `a full disk leaves no half output`(limit: Int) throws {
    let model = try TinyModels.checkpoint()
    var options = CheckpointWriter.Options(threads: 2)
    options.output = fullDisk(after: limit)
    let found = error { try CheckpointWriter.write(model, to: folder.file("m"), options: options) }
    let diagnosis = try #require(found).diagnosis
    #expect(diagnosis.what == "Writing failed: No space left on device.")
    #expect(diagnosis.where.hasPrefix(folder.file("m/")))
    #expect(
      diagnosis.next
        == "Nothing was changed. The result needs 4,352 bytes; free some space or choose "
        + "another disk, and run again.")
    #expect(diagnosis.kind == .failed)
    #expect(try folder.names.isEmpty)
  }

  @Test func `a full disk leaves the old checkpoint`() throws {
    let old = try TinyModels.checkpoint(seed: 1)
    try CheckpointWriter.write(old, to: folder.file("m"))
    let before = try folder.bytes("m/model.safetensors")
    var options = CheckpointWriter.Options(force: true)
    options.output = fullDisk(after: 3000)
    let new = try TinyModels.checkpoint(seed: 2)
    #expect(
      error { try CheckpointWriter.write(new, to: folder.file("m"), options: options) } != nil)
    #expect(try folder.bytes("m/model.safetensors") == before)
    #expect(try folder.names == ["m"])
  }

  @Test func `a disk that writes in small pieces still gets every byte`() throws {
    let model = try TinyModels.checkpoint()
    try CheckpointWriter.write(model, to: folder.file("a"))
    var options = CheckpointWriter.Options()
    options.output = OutputCalls { descriptor, bytes, offset in
      OutputCalls.system.write(descriptor, bytes.extracting(first: 7), offset)
    }
    try CheckpointWriter.write(model, to: folder.file("b"), options: options)
    #expect(try folder.bytes("a/model.safetensors") == folder.bytes("b/model.safetensors"))
  }

  @Test func `an existing folder is refused without force`() throws {
    let model = try TinyModels.checkpoint()
    try CheckpointWriter.write(model, to: folder.file("m"))
    let found = error { try CheckpointWriter.write(model, to: folder.file("m")) }
    #expect(found?.diagnosis.what == "The output folder exists and is not empty.")
    #expect(found?.diagnosis.where == folder.file("m"))
    #expect(found?.diagnosis.next == "Choose another folder, or pass --force to replace it.")
  }

  @Test func `force replaces a checkpoint whole`() throws {
    try CheckpointWriter.write(
      try TinyModels.checkpoint(seed: 1), to: folder.file("m"),
      options: .init(shardByteLimit: 1000))
    let new = try TinyModels.checkpoint(seed: 2)
    try CheckpointWriter.write(new, to: folder.file("m/"), options: .init(force: true))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("m")).sorted()
    #expect(names == ["config.json", "model.safetensors"])
    let read = try Checkpoint.open(directory: folder.file("m"))
    #expect(try read.floats("model.norm.weight") == new.floats("model.norm.weight"))
    #expect(try folder.names == ["m"])
  }

  @Test func `a checkpoint can be rewritten from itself`() throws {
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("m"))
    let read = try Checkpoint.open(directory: folder.file("m"))
    let before = try read.floats("model.embed_tokens.weight")
    try CheckpointWriter.write(
      read, to: folder.file("m"), options: .init(elementType: .bfloat16, force: true))
    // The old mapping still reads the old file; the folder has the new one.
    #expect(try read.floats("model.embed_tokens.weight") == before)
    let again = try Checkpoint.open(directory: folder.file("m"))
    #expect(again.info("model.embed_tokens.weight")?.elementType == .bfloat16)
  }

  @Test func `force spares a folder with a file that no checkpoint has`() throws {
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("m"))
    try folder.write("---", "m/README.md")
    try folder.write("letters", "m/letters.txt")
    let found = error {
      try CheckpointWriter.write(
        try TinyModels.checkpoint(seed: 2), to: folder.file("m"), options: .init(force: true))
    }
    #expect(found == .target(folder.file("m"), .foreignFile("letters.txt")))
    #expect(
      found?.diagnosis.what
        == "The folder also holds `letters.txt`, which no checkpoint has and which would be lost.")
    #expect(try folder.bytes("m/letters.txt") == Array("letters".utf8))
    // Without it the rest may go, a model card too.
    try FileManager.default.removeItem(atPath: folder.file("m/letters.txt"))
    try CheckpointWriter.write(
      try TinyModels.checkpoint(seed: 2), to: folder.file("m"), options: .init(force: true))
  }

  @Test func `force does not replace what is no checkpoint`() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("home"), withIntermediateDirectories: true)
    try folder.write("letters", "home/letters.txt")
    let found = error {
      try CheckpointWriter.write(
        try TinyModels.checkpoint(), to: folder.file("home"), options: .init(force: true))
    }
    #expect(
      found?.diagnosis.what
        == "The folder is not empty and holds no checkpoint, so it is not replaced.")
    #expect(try folder.bytes("home/letters.txt") == Array("letters".utf8))
  }

  @Test func `an empty folder and missing parents are fine`() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("empty"), withIntermediateDirectories: true)
    let model = try TinyModels.checkpoint()
    try CheckpointWriter.write(model, to: folder.file("empty"))
    try CheckpointWriter.write(model, to: folder.file("a/b/c"))
    #expect(try Checkpoint.open(directory: folder.file("a/b/c")).names == model.names)
  }

  @Test func `a parent that is a file is an error`() throws {
    try folder.write("x", "file")
    let found = error {
      try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("file/m"))
    }
    #expect(
      found?.description == """
        The output should be a folder, but a file has that name.
        \(folder.file("file"))
        Choose another folder, or move the file away.
        """)
  }

  @Test(arguments: [false, true])
  func `a file or a link in the output's place is refused and kept`(force: Bool) throws {
    let model = try TinyModels.checkpoint()
    try folder.write("x", "file")
    try CheckpointWriter.write(model, to: folder.file("m"))
    for (name, target) in [("link", "m"), ("dangling", "nowhere")] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.file(name), withDestinationPath: target)
    }
    let before = try folder.bytes("m/model.safetensors")
    let other = try TinyModels.checkpoint(seed: 2)
    for (name, what, next) in [
      (
        "file", "The output should be a folder, but a file has that name.",
        "Choose another folder, or move the file away."
      ),
      (
        "link", "The output is a symbolic link to `m`, which is not replaced.",
        "Name the folder that it leads to, or remove the link."
      ),
      (
        "link/", "The output is a symbolic link to `m`, which is not replaced.",
        "Name the folder that it leads to, or remove the link."
      ),
      (
        "dangling", "The output is a symbolic link to `nowhere`, which is not replaced.",
        "Name the folder that it leads to, or remove the link."
      ),
    ] {
      let found = error {
        try CheckpointWriter.write(other, to: folder.file(name), options: .init(force: force))
      }
      #expect(found?.description == "\(what)\n\(folder.file(name))\n\(next)")
      #expect(found?.diagnosis.kind == .failed)
    }
    #expect(try folder.names == ["dangling", "file", "link", "m"])
    #expect(try folder.bytes("m/model.safetensors") == before)
  }

  @Test(arguments: ["", ".", "..", "/", "a/.."])
  func `an output without a name of its own is refused`(path: String) throws {
    let found = error { try CheckpointWriter.write(try TinyModels.checkpoint(), to: path) }
    #expect(found == .target(path, .noName))
    let lines = try #require(found).description.split(separator: "\n")
    #expect(lines.count == 3 && lines[2] == "Name a folder that is to be made, such as `merged`.")
  }

  @Test func `integers cannot be the type of weights`() throws {
    let found = error {
      try CheckpointWriter.write(
        try TinyModels.checkpoint(), to: folder.file("m"), options: .init(elementType: .int8))
    }
    #expect(found?.diagnosis.what == "Weights are written as floats, not as I8.")
    #expect(try folder.names.isEmpty)
  }

  @Test func `leftovers of killed processes are removed, those of living ones kept`() throws {
    // No process has the highest number; process 1 always lives.
    for name in [".m.partial-2147483646-0", ".m.partial-1-0", ".other.partial-2147483646-0"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(name), withIntermediateDirectories: true)
      try folder.write("x", "\(name)/model.safetensors")
    }
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("m"))
    #expect(try folder.names == [".m.partial-1-0", ".other.partial-2147483646-0", "m"])
  }

  @Test func `a source that vanished is an error and leaves nothing`() throws {
    try folder.write("{}", "tokenizer.json")
    let model = try TinyModels.checkpoint(tokenizerFilesFrom: folder.path)
    try FileManager.default.removeItem(atPath: folder.file("tokenizer.json"))
    let found = error { try CheckpointWriter.write(model, to: folder.file("m")) }
    #expect(found?.diagnosis.where == folder.file("tokenizer.json"))
    #expect(try folder.names.isEmpty)
  }
}
