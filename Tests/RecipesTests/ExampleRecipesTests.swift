// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Documents
  import Evaluation
  import Foundation
  import Testing

  @testable import Recipes

  /// The recipes of languages in `Examples`, and the list of the files they read.
  struct ExampleRecipesTests {
    static let languageRecipes = [
      "afrikaans", "estonian", "faroese", "icelandic", "kinyarwanda", "swahili",
    ]

    private static func example(_ path: String) throws -> String {
      let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      return try Disk.readText(root.appending(path: "Examples/\(path)").path)
    }

    @Test func `the recipes of languages share one base`() throws {
      /// From `text` to `base`, but for the line of a text that is only measured.
      func shared(_ name: String) throws -> [Substring] {
        let lines = try Self.example("\(name)/recipe.yaml").split(separator: "\n")
        let start = try #require(lines.firstIndex(of: "text:"))
        let end = try #require(lines.firstIndex { ["parallel:", "ct:"].contains($0) })
        return lines[start..<end].filter { !$0.contains("held_out_only: true") }
      }
      let first = try shared(Self.languageRecipes[0])
      #expect(first.contains { $0.hasPrefix("  mix: {eng_Latn: 0.46") })
      for name in Self.languageRecipes.dropFirst() { #expect(try shared(name) == first, "\(name)") }
    }

    @Test func `every file of the recipes of languages is told of in data.yaml, and no other`()
      throws
    {
      var told: [String: [String]] = [:]
      var root = try Settings(
        YAML.parse(Self.example("data.yaml"), origin: "data.yaml"), origin: "data.yaml")
      for var entry in try root.children("files") {
        told[try entry.string("path")] = try entry.strings("recipes")
        #expect(try entry.string("sha256").count == 64 && entry.int("bytes") > 0)
        for key in ["licence", "changes"] { #expect(try !entry.string(key).isEmpty) }
      }
      var read: [String: [String]] = [:]
      for name in Self.languageRecipes {
        let settings = try StudySettings(
          yaml: Self.example("\(name)/recipe.yaml"), origin: "\(name).yaml")
        #expect(settings.usedParallel.count == settings.parallel.count)
        var files = settings.texts.flatMap(\.files) + settings.parallel.flatMap(\.files)
        for code in settings.languages.sources {
          for split in EvaluationSplit.allCases {
            files.append(try TaskRowsInput.paths(settings.task, code, split).rows)
          }
        }
        files.append(try TaskRowsInput.paths(settings.task, settings.languages.target, .test).rows)
        for file in Set(files) { read[file, default: []].append(name) }
        // Three seeds of a study are only affordable with few candidates.
        #expect(settings.merges.allSatisfy { $0.candidates.count <= 3 })
      }
      #expect(read == told)
    }
  }
#endif
