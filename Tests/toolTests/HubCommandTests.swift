// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Documents
import Foundation
import Hub
import Testing

@testable import koine

@Suite struct HubCommandTests {
  @Test func `a model is named with its revision, or beside it`() throws {
    func model(_ words: [String]) throws -> HubModel? {
      try (Koine.parseAsRoot(["hub", "download"] + words) as? HubDownloadCommand)?.options.model()
    }
    #expect(try model(["a/b"])?.description == "a/b")
    #expect(try model(["a/b@v1"])?.revision == "v1")
    #expect(try model(["a/b", "--revision", "v1"])?.revision == "v1")
    #expect(throws: HubError.name("a/b@v1")) { try model(["a/b@v1", "--revision", "v2"]) }
    #expect(throws: HubError.name("gpt2")) { try model(["gpt2"]) }
    #expect(throws: HubError.name("./a")) { try model(["./a"]) }
  }

  @Test func `purposes have names`() throws {
    let command = try Koine.parseAsRoot(["hub", "path", "a/b", "--for", "tokenizer"])
    #expect((command as? HubPathCommand)?.options.purpose == .tokenizer)
    #expect(throws: (any Error).self) {
      try Koine.parseAsRoot(["hub", "path", "a/b", "--for", "weights"])
    }
  }

  /// In processes of their own, whose environment they may change.
  @Test func `commands use the cache of the environment, and say what it lacks`() async throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "koine-hub-tool-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let root = folder + "/models--org--tiny"
    let commit = String(repeating: "a", count: 40)
    let snapshot = root + "/snapshots/" + commit
    for path in [snapshot, root + "/refs"] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try commit.write(toFile: root + "/refs/main", atomically: true, encoding: .utf8)
    try "{}".write(toFile: snapshot + "/tokenizer.json", atomically: true, encoding: .utf8)
    await #expect(processExitsWith: .success) {
      [folder = folder as String, snapshot = snapshot as String] in
      setenv("HF_HUB_CACHE", folder, 1)
      setenv("HF_HUB_OFFLINE", "1", 1)
      guard try ModelPlace.folder("org/tiny", for: .tokenizer) == snapshot else { exit(2) }
      var command = try Koine.parseAsRoot(["hub", "path", "org/tiny"])
      do {
        try command.run()
        exit(3)
      } catch let error as HubPathError {
        guard error.diagnosis.what.contains("`config.json`, `model.safetensors`") else { exit(4) }
      }
      do {
        _ = try NamedModel("org/tiny+org/lora")
        exit(5)
      } catch let error as HubError {
        guard error.diagnosis.what.contains("`HF_HUB_OFFLINE` is set") else { exit(6) }
      }
      exit(0)
    }
  }
}
