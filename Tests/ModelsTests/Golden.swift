// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation

  /// The golden values of Tests/Golden/models.
  struct Golden {
    static let names = ["llama-plain", "llama-rich"]
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Golden/models")

    let checkpoint: Checkpoint
    let values: JSON

    init(_ name: String) throws {
      checkpoint = try Checkpoint.open(directory: Self.folder.appending(path: name).path)
      let text = try Data(contentsOf: Self.folder.appending(path: "golden.json"))
      let all = try JSON.parse(text, origin: "golden.json")
      values = all["models"]?[name] ?? .null
    }

    func ids(_ key: String) -> [Int32] {
      (values[key]?.array ?? []).compactMap { $0.int.map { Int32($0) } }
    }

    func numbers(_ key: String) -> [Double] {
      (values[key]?.array ?? []).compactMap(\.double)
    }

    func rows(_ key: String) -> [[Double]] {
      (values[key]?.array ?? []).map { ($0.array ?? []).compactMap(\.double) }
    }
  }
#endif
