// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension Checkpoint {
  /// The names of files that travel with the weights.
  static let tokenizerFileNames = [
    "added_tokens.json", "chat_template.jinja", "chat_template.json", "generation_config.json",
    "merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "vocab.json",
  ]

  /// Whether a file of that name belongs to a checkpoint folder as people and tools make them. A
  /// folder with any other is not replaced, for somebody put it there.
  package static func mayHold(_ name: String) -> Bool {
    let others = [
      "config.json", "README.md", "LICENSE", "LICENSE.txt", "NOTICE", ".gitattributes",
      "mergekit_config.yml", "koine_config.yaml", "vocab.txt", "spiece.model",
      "preprocessor_config.json", "adapter_config.json", templateFolder,
    ]
    let endings = [
      ".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json",
    ]
    return tokenizerFileNames.contains(name) || others.contains(name)
      || endings.contains { name.hasSuffix($0) }
  }

  /// Opens a Hugging Face folder: `config.json` and either `model.safetensors` or shards with
  /// `model.safetensors.index.json` (the single file wins where both exist, as in transformers).
  ///
  /// A folder without these may hold PyTorch files: `pytorch_model.bin`, shards with
  /// `pytorch_model.bin.index.json`, or one other `.bin`, `.pt` or `.pth` file that is no trainer's
  /// state. They are read by ``TorchFile``, which executes nothing of them.
  ///
  /// A folder in MLX's affine quantised form gives the floats that it stands for, in the type of its
  /// scales; its config then no longer says `quantization`, which is in ``quantization``.
  ///
  /// Headers are read and checked, weights are not. Throws ``CheckpointError``.
  public static func open(directory: String) throws(CheckpointError) -> Checkpoint {
    let folder = try ModelFolder(directory)
    return try open(folder, tokenizerFiles: tokenizerFiles(in: directory))
  }

  /// Opens what lies in a folder.
  package static func open(
    _ folder: ModelFolder, tokenizerFiles: [CompanionFile] = []
  ) throws(CheckpointError) -> Checkpoint {
    var listed: [(name: String, source: TensorSource)]
    let torchFiles = folder.names.filter(isTorchFileName)
    if folder.has("model.safetensors") {
      listed = try SafetensorsFile(folder.file("model.safetensors")).sources
    } else if folder.has("model.safetensors.index.json") {
      listed = try shardedSources("model.safetensors.index.json", in: folder) {
        (shard) throws(CheckpointError) in try SafetensorsFile(shard).sources
      }
    } else if folder.has("pytorch_model.bin") {
      listed = try TorchFile(folder.file("pytorch_model.bin")).sources
    } else if folder.has("pytorch_model.bin.index.json") {
      listed = try shardedSources("pytorch_model.bin.index.json", in: folder) {
        (shard) throws(CheckpointError) in try TorchFile(shard).sources
      }
    } else if torchFiles.count == 1, let only = torchFiles.first {
      listed = try TorchFile(folder.file(only)).sources
    } else {
      throw .noWeights(directory: folder.path, found: folder.names)
    }
    let config = try folder.document("config.json")
    guard config.object != nil else {
      throw .document(
        .wrongValue(
          path: "the document", line: nil, origin: folder.path(of: "config.json"),
          expected: "an object", found: config.kindName))
    }
    var plain = config
    let quantization = try Quantization.read(config, origin: folder.path)
    if let quantization {
      listed = try dequantized(listed, quantization, origin: folder.path)
      // What is read is no longer quantised, and must not say so where it is written.
      if var object = config.object {
        for key in Quantization.keys { object[key] = nil }
        plain = .object(object)
      }
    }
    return Checkpoint(
      config: plain, origin: folder.path, quantization: quantization,
      // Names are unique: duplicates are refused by the JSON reader and the index check.
      sources: Dictionary(listed.map { ($0.name, $0.source) }) { first, _ in first },
      tokenizerFiles: tokenizerFiles)
  }

  /// The tensors of one safetensors file in a folder, as a training's state keeps them.
  package static func tensors(
    inFile name: String, of directory: String
  ) throws(CheckpointError) -> Checkpoint {
    let listed = try SafetensorsFile(ModelFolder(directory).file(name)).sources
    return Checkpoint(
      config: [:], origin: FileSystem.join(directory, name),
      sources: Dictionary(listed.map { ($0.name, $0.source) }) { first, _ in first },
      tokenizerFiles: [])
  }

  /// Whether a file may hold a model's weights: the names that trainers give to their own state, and
  /// PEFT to adapters, are none.
  static func isTorchFileName(_ name: String) -> Bool {
    let others = ["training_args", "optimizer", "scheduler", "scaler", "rng_state", "adapter_"]
    return [".bin", ".pt", ".pth"].contains(where: name.hasSuffix)
      && !others.contains(where: name.hasPrefix)
  }

  /// The tokenizer files of a folder, sorted by name; none is required here.
  static func tokenizerFiles(in directory: String) throws(CheckpointError) -> [CompanionFile] {
    guard let found = FileSystem.names(in: directory) else {
      throw .cannotRead(path: directory, reason: "no such folder")
    }
    var names = tokenizerFileNames.filter(found.contains)
    if found.contains(templateFolder) {
      // A file of that name, or what is no file below it, is nobody's template.
      let inside = FileSystem.names(in: FileSystem.join(directory, templateFolder)) ?? []
      names += inside.filter { $0.hasSuffix(".jinja") && !$0.hasPrefix(".") }.map {
        "\(templateFolder)/\($0)"
      }
    }
    return names.sorted().map {
      CompanionFile(name: $0, path: FileSystem.join(directory, $0))
    }
  }

  /// The folder of chat templates other than the usual one.
  static let templateFolder = "additional_chat_templates"

  /// The tensors of the shards that an index names; `open` gives those of one.
  static func shardedSources(
    _ indexName: String, in folder: ModelFolder,
    open: (MappedFile) throws(CheckpointError) -> [(name: String, source: TensorSource)]
  ) throws(CheckpointError) -> [(name: String, source: TensorSource)] {
    let index = folder.path(of: indexName)
    let present = Set(folder.names)
    let json = try folder.document(indexName)
    guard let map = json["weight_map"]?.object else {
      throw .index(
        file: index,
        .malformed(
          expected: "an object `weight_map` from tensor to file",
          found: json["weight_map"]?.kindName ?? "none"))
    }
    var tensorsOfShard: [String: Set<String>] = [:]
    for (tensor, value) in map.members {
      guard let shard = value.string else {
        throw .index(
          file: index,
          .malformed(expected: "the file name of `\(tensor)`", found: value.kindName))
      }
      guard ModelFolder.isPlain(shard) else {
        throw .index(file: index, .unsafeFileName(shard, tensor: tensor))
      }
      guard present.contains(shard) else {
        throw .index(file: index, .missingShard(file: shard, tensor: tensor))
      }
      tensorsOfShard[shard, default: []].insert(tensor)
    }
    var listed: [(name: String, source: TensorSource)] = []
    for shard in tensorsOfShard.keys.sorted() {
      let sources = try open(folder.file(shard))
      for (name, _) in sources {
        guard let home = map[name]?.string else {
          throw .index(file: index, .unlistedTensor(name, shard: shard))
        }
        if home != shard {
          throw .index(file: index, .duplicateTensor(name, listed: home, shard: shard))
        }
      }
      let held = Set(sources.map(\.name))
      for name in (tensorsOfShard[shard] ?? []).sorted() where !held.contains(name) {
        throw .index(file: index, .absentTensor(name, shard: shard))
      }
      listed += sources
    }
    return listed
  }
}
