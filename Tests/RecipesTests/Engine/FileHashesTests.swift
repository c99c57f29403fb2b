// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Recipes

@Suite struct FileHashesTests {
  @Test func `a file at rest is read once, over processes too`() async throws {
    let scratch = try Scratch()
    let file = try scratch.write("abc", to: "a.txt")
    // The change time cannot be set, so let the file come to rest.
    try await Task.sleep(for: .milliseconds(2100))
    let first = FileHashes(storePath: scratch("files.json"))
    #expect(try first.hash(file) == Hashing.sha256("abc"))
    #expect(try first.hash(file) == Hashing.sha256("abc"))
    #expect(first.readCount == 1)
    try first.save()
    let second = FileHashes(storePath: scratch("files.json"))
    #expect(try second.hash(file) == Hashing.sha256("abc"))
    #expect(second.readCount == 0)

    // Same length, same modification time as before: only the change time tells.
    let before = try #require(Disk.identity(file))
    try scratch.write("abd", to: "a.txt")
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: Double(before.modified) / 1e9)],
      ofItemAtPath: file)
    #expect(try second.hash(file) == Hashing.sha256("abd"))
    #expect(second.readCount == 1)
  }

  @Test func `a file changed just now is read again`() throws {
    let scratch = try Scratch()
    let file = try scratch.write("abc", to: "a.txt")
    let hashes = FileHashes(storePath: nil)
    #expect(try hashes.hash(file) == Hashing.sha256("abc"))
    try scratch.write("xyz", to: "a.txt")
    #expect(try hashes.hash(file) == Hashing.sha256("xyz"))
    #expect(hashes.readCount == 2)
  }

  @Test func `a folder's hash covers names and contents, not hidden files`() throws {
    let scratch = try Scratch()
    try Disk.makeFolder(scratch("m/sub"))
    try scratch.write("1", to: "m/a")
    try scratch.write("2", to: "m/sub/b")
    func hash() throws -> String { try FileHashes(storePath: nil).hash(scratch("m")) }
    let original = try hash()
    try scratch.write("x", to: "m/.DS_Store")
    #expect(try hash() == original)
    try Disk.link(scratch("link"), to: scratch("m"))
    #expect(try FileHashes(storePath: nil).hash(scratch("link")) == original)
    try scratch.write("3", to: "m/sub/b")
    #expect(try hash() != original)
    try scratch.write("2", to: "m/sub/b")
    #expect(try hash() == original)
    try Disk.move(scratch("m/sub/b"), to: scratch("m/sub/c"))
    #expect(try hash() != original)
  }

  @Test func `a damaged store is ignored`() throws {
    let scratch = try Scratch()
    let file = try scratch.write("abc", to: "a.txt")
    try scratch.write(#"{"schema": 1, "files": {"x": 3, "#, to: "files.json")
    #expect(
      try FileHashes(storePath: scratch("files.json")).hash(file) == Hashing.sha256("abc"))
  }
}
