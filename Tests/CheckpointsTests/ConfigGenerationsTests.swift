// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Checkpoints

/// What is written must be the same model for transformers 4 and 5.
struct ConfigGenerationsTests {
  @Test func `a rotation of version 5 gets the older keys`() {
    let config: JSON = [
      "model_type": "llama",
      "rope_parameters": ["rope_type": "linear", "factor": 2, "rope_theta": 500],
    ]
    var expected = config
    expected["rope_theta"] = 500
    expected["rope_scaling"] = ["rope_type": "linear", "factor": 2, "type": "linear"]
    #expect(ConfigGenerations.withOlderKeys(config) == expected)
    #expect(ConfigGenerations.withOlderKeys(expected) == expected)
  }

  @Test func `an unscaled rotation gets its base only, a partial one its share`() {
    let config: JSON = [
      "model_type": "phi3", "rope_scaling": nil,
      "rope_parameters": [
        "rope_type": "default", "rope_theta": 500, "partial_rotary_factor": 0.5,
      ],
    ]
    var expected = config
    expected["rope_theta"] = 500
    expected["partial_rotary_factor"] = 0.5
    #expect(ConfigGenerations.withOlderKeys(config) == expected)
  }

  @Test
  func `a Phi-3 gets the three keys that version 4 wants, and none where they do not suffice`() {
    let config: JSON = [
      "model_type": "phi3", "rope_theta": 9,
      "rope_parameters": [
        "rope_type": "longrope", "rope_theta": 9, "short_factor": [1], "long_factor": [2],
        "original_max_position_embeddings": 16,
      ],
    ]
    var expected = config
    expected["original_max_position_embeddings"] = 16
    var decided = expected
    expected["rope_scaling"] = ["short_factor": [1], "long_factor": [2], "type": "longrope"]
    #expect(ConfigGenerations.withOlderKeys(config) == expected)
    decided["rope_parameters"]?["attention_factor"] = 1.25
    #expect(ConfigGenerations.withOlderKeys(decided) == decided)
  }

  @Test func `rotations of two kinds of layers get their two bases`() {
    let config: JSON = [
      "model_type": "gemma3_text",
      "rope_parameters": [
        "sliding_attention": ["rope_type": "default", "rope_theta": 10],
        "full_attention": ["rope_type": "linear", "factor": 8, "rope_theta": 20],
      ],
    ]
    var expected = config
    expected["rope_local_base_freq"] = 10
    expected["rope_theta"] = 20
    expected["rope_scaling"] = ["rope_type": "linear", "factor": 8, "type": "linear"]
    #expect(ConfigGenerations.withOlderKeys(config) == expected)
  }

  @Test(
    arguments: [
      ["model_type": "llama", "rope_theta": 7], ["model_type": "llama", "rope_parameters": nil],
      ["model_type": "gpt_neox", "rope_parameters": ["rope_theta": 3]], [:],
    ] as [JSON])
  func `a config of version 4 or of a family unknown here stays as it is`(config: JSON) {
    #expect(ConfigGenerations.withOlderKeys(config) == config)
  }

  @Test func `a folder is written with the keys of both generations`() throws {
    var config = TinyModels.config()
    config["rope_parameters"] = ["rope_type": "default", "rope_theta": 77.5]
    let folder = try TemporaryFolder()
    let path = folder.path + "/model"
    try CheckpointWriter.write(TinyModels.checkpoint(config: config), to: path)
    let written = try Checkpoint.open(directory: path).config
    #expect(written["rope_theta"] == 77.5)
    #expect(written["rope_parameters"] == config["rope_parameters"])
    #expect(written["dtype"] == "float32" && written["torch_dtype"] == "float32")
  }
}
