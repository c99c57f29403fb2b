// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Checkpoints

/// What lies in a model's folder cannot lead readers out of it, nor keep them waiting.
@Suite struct ModelFolderTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func reason(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      return (error as? any Diagnosed)?.diagnosis.what
    }
  }

  @Test(arguments: ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\0b", "./a"])
  func `only plain names are opened`(name: String) throws {
    try folder.write("x", "a")
    for place in [
      try ModelFolder(folder.path),
      ModelFolder(contents: ["a": [1], "../x": [2], "/etc/passwd": [3]], path: "m"),
    ] {
      #expect(
        reason { _ = try place.file(name) }
          == "The file cannot be read: it is not the plain name of a file.")
      #expect(try place.file("a").byteCount == 1)
    }
  }

  @Test func `links to other places are followed, as the cache of Hugging Face needs it`() throws {
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("blobs"))
    try FileManager.default.createDirectory(
      atPath: folder.file("snapshot"), withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.file("snapshot/\(name)"), withDestinationPath: "../blobs/\(name)")
    }
    let read = try Checkpoint.open(directory: folder.file("snapshot"))
    #expect(try read.names == TinyModels.checkpoint().names)
  }

  @Test(.timeLimit(.minutes(60)), arguments: ["config.json", "model.safetensors"])
  func `a pipe or a device in a file's place is an error, not a wait`(name: String) throws {
    try CheckpointWriter.write(try TinyModels.checkpoint(), to: folder.file("m"))
    for make in [
      { mkfifo($0, 0o644) }, { symlink("/dev/zero", $0) }, { symlink("/dev", $0) },
    ] as [(String) -> Int32] {
      unlink(folder.file("m/\(name)"))
      #expect(make(folder.file("m/\(name)")) == 0)
      #expect(
        reason { _ = try Checkpoint.open(directory: folder.file("m")) }
          == "The file cannot be read: not a regular file.")
    }
    unlink(folder.file("m/\(name)"))
    #expect(symlink(name, folder.file("m/\(name)")) == 0)
    #expect(
      reason { _ = try Checkpoint.open(directory: folder.file("m")) }
        == "The file cannot be read: Too many levels of symbolic links.")
  }

  @Test func `bytes in memory are read as a file's are`() throws {
    for count in [0, 1, 7, 4095, 4096, 4097, 20_000] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      let file = try MappedFile(contents: bytes, path: "x")
      #expect(file.byteCount == count)
      #expect(file.bytes(0..<count) == bytes)
    }
  }
}
