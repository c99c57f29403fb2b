// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Foundation
import Surgery
import Tensors
import Testing

/// Against mergekit; see Golden/merge/make.py and the versions.json it writes.
@Suite struct MergeGoldenTests {
  /// Bit for bit where both work in float32 in the same order; a few ulps where we sum in Double:
  /// mergekit's `linear` rounds after each model (2 ulps measured); its `slerp` rounds norms, angle
  /// and sines to float32, which shifts both factors (16 units measured where terms cancel, 1 ulp of
  /// the tensor's largest element).
  @Test(arguments: [
    ("linear", Float(2)), ("linear_sum", 2), ("slerp", 4), ("slerp_far", 16),
    ("task_arithmetic", 0), ("task_arithmetic_normalized", 0), ("ties", 0), ("ties_three", 0),
    ("ties_sparse", 0), ("dare_ties_full", 0),
  ])
  func `merges agree with mergekit`(name: String, tolerance: Float) throws {
    let folder = golden("merge")
    let text = try String(
      contentsOf: folder.appendingPathComponent("cases/\(name).yaml"), encoding: .utf8)
    let recipe = try MergeRecipe.parse(text, origin: "\(name).yaml")
    let merged = try Merge.plan(recipe) { reference in
      try Checkpoint.open(directory: folder.appendingPathComponent("models/\(reference)").path)
    }
    try merged.validate()
    let expected = try SafetensorsFile(
      folder.appendingPathComponent("results/\(name).safetensors").path)
    #expect(Set(merged.names) == Set(expected.entries.map(\.name)))
    let reference = try Checkpoint.reading(expected)
    for tensor in merged.names {
      let (ours, theirs) = (try merged.floats(tensor), try reference.floats(tensor))
      let largest = theirs.reduce(Float(0)) { max($0, $1.magnitude) }
      // In units of the last place of the larger element; where terms cancel, of the tensor.
      for i in theirs.indices where ours[i] != theirs[i] {
        let unit = max(theirs[i].magnitude, largest / 16).ulp
        #expect((ours[i] - theirs[i]).magnitude <= tolerance * unit, "\(tensor)[\(i)]")
      }
    }
  }

  @Test func `the goldens differ from their inputs`() throws {
    let folder = golden("merge")
    let base = try Checkpoint.open(directory: folder.appendingPathComponent("models/base").path)
    for name in ["linear", "ties", "ties_sparse", "task_arithmetic", "dare_ties_full"] {
      let result = try Checkpoint.reading(
        SafetensorsFile(folder.appendingPathComponent("results/\(name).safetensors").path))
      let tensor = "model.layers.1.mlp.up_proj.weight"
      #expect(try result.floats(tensor) != base.floats(tensor))
    }
  }
}

extension Checkpoint {
  /// The tensors of a single file, without a config.
  static func reading(_ file: SafetensorsFile) throws -> Checkpoint {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: URL(fileURLWithPath: file.path), to: folder.appendingPathComponent("model.safetensors"))
    try Data("{}".utf8).write(to: folder.appendingPathComponent("config.json"))
    // The mapping outlives the folder's removal.
    return try Checkpoint.open(directory: folder.path)
  }
}
