// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Foundation
import Hub
import Surgery
import Testing

@testable import Recipes

/// Merges of models of a hub, out of a cache; no server is asked.
@Suite struct HubMergeTests {
  private final class Place {
    let path: String
    let commits = [
      "base": String(repeating: "a", count: 40), "tuned": String(repeating: "b", count: 40),
    ]

    init() throws {
      path =
        FileManager.default.temporaryDirectory
        .appendingPathComponent("koine-hub-merge-\(UUID().uuidString)").path
      for (number, name) in ["base", "tuned"].enumerated() {
        let checkpoint = try Checkpoint.inMemory(
          config: ["model_type": "other"],
          tensors: [(name: "x.weight", shape: [2], values: [Float(number), 1])],
          elementType: .float32, tokenizerFilesFrom: nil)
        let root = "\(path)/cache/models--lab--\(name)"
        try FileManager.default.createDirectory(
          atPath: root + "/snapshots", withIntermediateDirectories: true)
        try CheckpointWriter.write(checkpoint, to: "\(root)/snapshots/\(commits[name] ?? "")")
        try FileManager.default.createDirectory(
          atPath: root + "/refs", withIntermediateDirectories: true)
        try (commits[name] ?? "").write(
          toFile: root + "/refs/main", atomically: true, encoding: .utf8)
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Without a network.
    var models: HubModels {
      var settings = HubSettings(cacheFolder: path + "/cache", endpoint: "http://127.0.0.1:1")
      settings.isOffline = true
      return HubModels { [settings] in try HubClient(settings) }
    }

    func job(_ text: String, keeps: Bool = false) throws -> MergeJob {
      try MergeJob(
        text: text, origin: "recipe.yaml", out: path + "/out",
        intermediate: keeps ? path + "/stages" : nil, resolver: .hub(models))
    }

    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }
  }

  private let recipe = """
    merge_method: linear
    models:
      - {model: lab/base, parameters: {weight: 0.5}}
      - {model: lab/tuned@\(String(repeating: "b", count: 40)), parameters: {weight: 0.5}}
    """

  @Test func `models of a hub are merged, and the card says at which commits`() throws {
    let place = try Place()
    let job = try place.job(recipe)
    #expect(try place.models.missing(job.stored).isEmpty)
    try job.run { _ in }
    let merged = try Checkpoint.open(directory: place.path + "/out")
    #expect(try merged.floats("x.weight", threads: 1) == [0.5, 1])
    let card = try place.text("out/README.md")
    #expect(card.contains("base_model:\n- lab/base\n- lab/tuned\nlibrary_name"))
    #expect(card.contains("- `lab/base`: `\(String(repeating: "a", count: 40))`"))
    #expect(!card.contains(place.path))
  }

  @Test func `stages over models of a hub are kept, and made anew at another commit`() throws {
    let place = try Place()
    let graph = """
      name: half
      \(recipe)
      ---
      merge_method: linear
      models:
        - {model: half, parameters: {weight: 1}}
      """
    let first = try place.job(graph, keeps: true)
    try first.run { _ in }
    #expect(try place.job(graph, keeps: true).isFinished(first.stages[0]))
    let root = place.path + "/cache/models--lab--base"
    let other = String(repeating: "c", count: 40)
    try FileManager.default.copyItem(
      atPath: "\(root)/snapshots/\(String(repeating: "a", count: 40))",
      toPath: "\(root)/snapshots/\(other)")
    try other.write(toFile: root + "/refs/main", atomically: true, encoding: .utf8)
    #expect(try !place.job(graph, keeps: true).isFinished(first.stages[0]))
  }

  @Test func `what the cache lacks is an error that names it`() throws {
    let place = try Place()
    let error = #expect(throws: HubError.self) {
      try place.job(recipe.replacing("lab/base", with: "lab/other")).run { _ in }
    }
    #expect(
      error
        == .offline(
          try HubModel(id: "lab/other"), missing: ["revision main"],
          folder: place.path + "/cache/models--lab--other"))
    #expect(!Disk.exists(place.path + "/out"))
  }

  @Test func `a path is no model of a hub, and a folder has no revisions`() throws {
    let place = try Place()
    let error = #expect(throws: CheckpointError.self) {
      try place.job(recipe.replacing("lab/base", with: "./lab/base")).run { _ in }
    }
    #expect(error == .cannotRead(path: "./lab/base", reason: "no such folder"))
    let folder = place.path + "/cache"
    #expect(throws: HubError.folderRevision(path: folder, revision: "v1")) {
      try place.job(recipe.replacing("lab/base", with: folder + "@v1")).run { _ in }
    }
  }
}
