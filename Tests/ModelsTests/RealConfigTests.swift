// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Testing

  @testable import Models

  /// Configs of public models, from the data folder (KOINE_DATA, or shared/data beside the
  /// repository).
  struct RealConfigTests {
    static let folder: URL = {
      if let named = ProcessInfo.processInfo.environment["KOINE_DATA"] {
        return URL(filePath: named).appending(path: "configs")
      }
      return URL(filePath: #filePath).appending(path: "../../../../shared/data/configs")
        .standardized
    }()
    static var isThere: Bool { FileManager.default.fileExists(atPath: folder.path) }

    /// With the number of parameters that the models are known to have.
    static let models: [(file: String, parameterCount: Int)] = [
      ("gemma-2b.assembled", 2_506_172_416),
      ("llama-2-7b", 6_738_415_616),
      ("llama-3.2-1b-instruct", 1_235_814_400),
      ("mistral-7b-instruct-v0.3", 7_248_023_552),
      ("qwen2-0.5b", 494_032_768),
      ("qwen2.5-7b-instruct", 7_615_616_512),
      ("qwen3-8b", 8_190_735_360),
      ("smollm2-135m", 134_515_008),
    ]

    private func config(_ file: String) throws -> JSON {
      try JSON.parse(
        Data(contentsOf: Self.folder.appending(path: file + ".json")), origin: file)
    }

    @Test(.enabled(if: isThere))
    func `every config of the data folder is in the list`() throws {
      let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        .filter { $0.hasSuffix(".json") }
      #expect(files.sorted() == Self.models.map { $0.file + ".json" })
    }

    @Test(.enabled(if: isThere), arguments: models)
    func `a public config is read and its tensors are counted`(
      file: String, parameterCount: Int
    ) throws {
      let config = try config(file)
      _ = try DecoderConfiguration(config: config)
      let count = try Blueprint.of(config, origin: file).expectations(config, origin: file)
        .filter(\.isRequired).reduce(0) { $0 + $1.shape.elementCount }
      #expect(count == parameterCount)
    }

    @Test(.enabled(if: isThere), arguments: models.map(\.file))
    func `a public config made small has the logits of transformers`(file: String) throws {
      var config = try config(file)
      let heads = try #require(config["num_attention_heads"]?.int)
      config["hidden_size"] = JSON(8 * heads)
      config["intermediate_size"] = 24
      config["num_hidden_layers"] = 2
      config["vocab_size"] = 33
      let family = FamilyGolden(
        family: try #require(config["model_type"]?.string), title: file,
        values: ["config_4": config], lengths: [], calls: [])
      let path = Golden.folder.appending(path: "real.json")
      let golden = try JSON.parse(Data(contentsOf: path), origin: path.path)
      let rows = try #require(golden["models"]?[file]?.array)
      let logits = try Model(family.checkpoint()).logits((0..<20).map { Int32($0) })
      for (row, position) in zip(rows, [0, 10, 19]) {
        let found = logits[position].map { Double($0) }
        #expect(relativeDifference(found, FamilyGolden.numbers(row)) < 1e-4, "\(position)")
      }
      #expect(rows.count == 3)
    }
  }
#endif
