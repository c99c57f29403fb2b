// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Tensors

@testable import Checkpoints

extension FuzzTarget {
  static let checkpoints = [
    FuzzTarget(
      name: "safetensors", usualCount: 6_000, parts: ["header.json", "data", "length"]
    ) { seed in
      (
        FuzzMutator(
          seeds: safetensorsHeaders.map { [Array($0.utf8), Array(0..<20), []] },
          tokens: jsonTokens + ["\"dtype\":\"F64\"", "[0,0]", "\"__metadata__\"", "\"shape\""],
          seed: seed), { try readSafetensors(file(of: $0)) }
      )
    },
    FuzzTarget(name: "torch", usualCount: 5_000, parts: ["pt"]) { seed in
      let names = [
        "types.pt", "views.pt", "views-4.pt", "parameters.pt", "state_dict.pt", "refused/attack.pt",
      ]
      return (
        FuzzMutator(
          seeds: try names.map { [try golden("pickle/\($0)")] }, bytes: opcodes + records,
          seed: seed
        ), { try readAll(TorchFile(MappedFile(contents: $0[0], path: "x.pt")).sources) }
      )
    },
    FuzzTarget(name: "pickle", usualCount: 1_200, parts: ["pkl", "archive"]) { seed in
      try pickles(seed)
    },
    FuzzTarget(
      name: "index", usualCount: 5_000, parts: ["index.json", "config.json", "shard.json"]
    ) { seed in
      let tokens = [
        "../x", "/etc/passwd", "..", ".", "\\u0000", "model-00001-of-00002.safetensors", "a/b",
        "config.json", "weight_map",
      ]
      return (
        FuzzMutator(
          seeds: indices.map { index in
            [index, #"{"model_type": "llama", "vocab_size": 3}"#, shards[0]].map { Array($0.utf8) }
          }, tokens: jsonTokens + tokens, seed: seed), readIndex
      )
    },
    FuzzTarget(
      name: "quantized", usualCount: 5_000, parts: ["config.json", "header.json", "data"]
    ) { seed in
      let forms = [
        #"{"quantization":{"group_size":32,"bits":4,"mode":"affine","b":{"bits":8}}}"#,
        #"{"quantization_config":{"group_size":32,"bits":3,"b":false}}"#,
      ]
      let tensors =
        #"{"a.weight":{"dtype":"U32","shape":[2,4],"data_offsets":[0,32]},"#
        + #""a.scales":{"dtype":"BF16","shape":[2,1],"data_offsets":[32,36]},"#
        + #""a.biases":{"dtype":"BF16","shape":[2,1],"data_offsets":[36,40]}}"#
      let data = (0..<40).map { UInt8($0 * 37 & 255) }
      return (
        FuzzMutator(
          seeds: forms.map { [Array($0.utf8), Array(tensors.utf8), data] },
          tokens: jsonTokens + [
            "\"quant_method\":\"awq\"", "\"mode\":\"mxfp4\"", "[0,4611686018427387904]",
            ".scales", ".biases", "[4,2]", "\"U32\"",
          ], seed: seed), readQuantized
      )
    },
    FuzzTarget(name: "blueprint", usualCount: 8_000, parts: ["config.json"]) { seed in
      let model = try tinyLlama(config: JSON.parse(configs[0], origin: "config.json"))
      return (
        FuzzMutator(seeds: configs.map { [Array($0.utf8)] }, tokens: jsonTokens, seed: seed),
        {
          let config = try JSON.parse($0[0], origin: "config.json")
          try model.replacing(config: config).validate()
        }
      )
    },
  ]

  /// Opens a folder of these files, and reads all it stands for.
  private static func readQuantized(_ parts: FuzzInput) throws {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: parts[1].count >> (8 * $0)) }
    let folder = ModelFolder(
      contents: [
        "config.json": parts[0], "model.safetensors": length + parts[1] + parts[2],
      ], path: "folder")
    let model = try Checkpoint.open(folder)
    try readAll(model.names.map { ($0, try model.source($0)) })
  }

  /// A model of zeros with all tensors that a config calls for.
  static func tinyLlama(config: JSON) throws -> Checkpoint {
    let expectations = try Blueprint.of(config, origin: "tiny").expectations(config, origin: "tiny")
    return try Checkpoint.inMemory(
      config: config,
      tensors: expectations.filter(\.isRequired).map {
        ($0.name, $0.shape, Array(repeating: 0, count: $0.shape.elementCount))
      })
  }

  /// A file of the golden data.
  static func golden(_ name: String) throws -> [UInt8] {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: tests.appendingPathComponent("Golden/\(name)")))
  }

  /// Reads every tensor whole, as its own type and as floats.
  static func readAll(_ sources: [(name: String, source: TensorSource)]) throws {
    for (_, source) in sources {
      let count = source.info.shape.elementCount
      let reader = try source.prepare()
      guard try reader.bytes(0..<count, as: source.info.elementType).count == source.info.byteCount
      else { throw FuzzViolation("another number of bytes than the shape says") }
      var values = [Float](repeating: 0, count: count)
      try values.withMutableChunk { (output) throws(CheckpointError) in
        try reader.read(from: 0, into: output)
      }
    }
  }

  // MARK: safetensors

  private static let safetensorsHeaders = [
    #"{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"#
      + #""é":{"dtype":"I64","shape":[],"data_offsets":[12,20]},"z":{"dtype":"F8_E4M3","shape":[0],"#
      + #""data_offsets":[20,20]}}"#,
    #"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#,
    #"{"a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},"#
      + #""c":{"dtype":"U8","shape":[2,2,2],"data_offsets":[12,20]},"#
      + #""b":{"dtype":"F64","shape":[1],"data_offsets":[4,12]}}"#,
    #"{"a":{"dtype":"BOOL","shape":[20],"data_offsets":[0,20]}}       "#,
  ]

  /// A file of a header and data; the length before them is right where the third part is empty.
  static func file(of parts: FuzzInput, name: String = "x.safetensors") throws -> MappedFile {
    var length = parts.count > 2 ? parts[2] : []
    if length.isEmpty {
      length = (0..<8).map { UInt8(truncatingIfNeeded: parts[0].count >> (8 * $0)) }
    }
    return try MappedFile(contents: length + parts[0] + parts[1], path: name)
  }

  private static func readSafetensors(_ file: MappedFile) throws {
    let read = try SafetensorsFile(file)
    var position = read.entries.first?.offset ?? file.byteCount
    for entry in read.entries {
      guard entry.offset == position else { throw FuzzViolation("\(entry.name) leaves a hole") }
      position += entry.info.byteCount
    }
    guard position == file.byteCount else { throw FuzzViolation("the file's end is no tensor's") }
    try readAll(read.sources)
  }

  // MARK: PyTorch files

  private static let records: [[UInt8]] = [
    [0x50, 0x4B, 1, 2], [0x50, 0x4B, 3, 4], [0x50, 0x4B, 5, 6], [0x50, 0x4B, 6, 6],
    [0x50, 0x4B, 6, 7], [1, 0, 16, 0],
  ]

  private static let opcodes: [[UInt8]] = {
    let globals = [
      "ctorch._utils\n_rebuild_tensor_v2\n", "ctorch\nHalfStorage\n", "cos\nsystem\n",
      "ccollections\nOrderedDict\n", "ctorch._tensor\n_rebuild_from_type_v2\n", "ctorch\nSize\n",
      "ctorch._utils\n_rebuild_parameter\n", "ctorch\nbfloat16\n", "ctorch\nUntypedStorage\n",
    ]
    var tokens: [[UInt8]] = globals.map { Array($0.utf8) }
    for opcode in "().NQR]abestuhqj}".utf8 { tokens.append([opcode]) }
    for opcode in UInt8(0x80)...0x97 { tokens.append([opcode]) }
    tokens.append([0x58, 1, 0, 0, 0, 0x30])
    tokens.append([0x4A, 0xFF, 0xFF, 0xFF, 0x7F])
    tokens.append([0x8A, 8] + [UInt8](repeating: 0xFF, count: 8))
    return tokens
  }()

  /// Pickles alone, beside archives that are whole, so that the machine and the views behind it are
  /// reached; the second part says which archive.
  private static func pickles(
    _ seed: UInt64
  ) throws -> (FuzzMutator, (FuzzInput) throws -> Void) {
    let names = ["types.pt", "views.pt", "views-4.pt", "parameters.pt", "state_dict.pt"]
    var archives: [(archive: ZipArchive, folder: String)] = []
    var seeds: [FuzzInput] = []
    for (number, name) in names.enumerated() {
      let archive = try ZipArchive(MappedFile(contents: golden("pickle/\(name)"), path: name))
      let (folder, pickle) = try TorchFile.pickle(of: archive)
      archives.append((archive, folder))
      seeds.append([pickle, [UInt8(number)]])
    }
    return (
      FuzzMutator(seeds: seeds, bytes: opcodes, seed: seed),
      { input in
        var machine = PickleMachine(input[0])
        do throws(CheckpointError.PickleFault) {
          _ = try machine.run()
        } catch {
          guard machine.valueCount <= 4 * input[0].count else {
            throw FuzzViolation("\(machine.valueCount) values of \(input[0].count) bytes")
          }
          throw CheckpointError.pickle(file: "x.pt", error)
        }
        guard machine.valueCount <= 4 * input[0].count else {
          throw FuzzViolation("\(machine.valueCount) values of \(input[0].count) bytes")
        }
        let choice = archives[Int(input[1].first ?? 0) % archives.count]
        try readAll(
          TorchFile(choice.archive, folder: choice.folder, pickle: input[0]).sources)
      }
    )
  }

  // MARK: Folders

  private static let shards = [
    #"{"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}"#,
    #"{"b":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"#
      + #""c":{"dtype":"F32","shape":[4],"data_offsets":[4,20]}}"#,
  ]

  private static let indices = [
    """
    {"metadata": {"total_size": 40}, "weight_map": {
      "a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors",
      "c": "model-00002-of-00002.safetensors"}}
    """,
    """
    {
      "weight_map": {
        "a": "model-00001-of-00002.safetensors",
        "b": "model-00002-of-00002.safetensors",
        "c": "model-00002-of-00002.safetensors"
      }
    }
    """,
  ]

  /// An index, a config and the first shard's header in a folder that is in memory. Every tensor
  /// must come from a file of the folder.
  private static func readIndex(_ input: FuzzInput) throws {
    func shard(_ header: [UInt8]) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + Array(0..<20)
    }
    let contents = [
      "model.safetensors.index.json": input[0], "config.json": input[1],
      "model-00001-of-00002.safetensors": shard(input[2]),
      "model-00002-of-00002.safetensors": shard(Array(shards[1].utf8)),
    ]
    let checkpoint = try Checkpoint.open(ModelFolder(contents: contents, path: "/models/m"))
    let paths = contents.keys.map { "/models/m/\($0)" }
    for name in checkpoint.names {
      let source = try checkpoint.source(name)
      guard paths.contains(source.origin) else {
        throw FuzzViolation("`\(name)` comes from \(source.origin)")
      }
      try readAll([(name, source)])
    }
  }

  static let configs = [
    """
    {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 11,
     "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2,
     "num_key_value_heads": 1, "head_dim": null, "tie_word_embeddings": true,
     "attention_bias": false, "mlp_bias": true, "rms_norm_eps": 1e-5}
    """,
    #"{"model_type":"llama","vocab_size":3,"hidden_size":2,"intermediate_size":1,"#
      + #""num_hidden_layers":0,"num_attention_heads":1,"head_dim":2}"#,
  ]
}
