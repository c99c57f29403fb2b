// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

#if MLX
  import Checkpoints
  import Documents
  import Foundation
  import Tensors

  /// A trained low-rank change, ready to be written for mlx-lm and PEFT.
  public struct TrainedAdapter: Sendable {
    /// How it was trained.
    public let settings: AdapterSettings
    /// The layers it changes, without `.weight`, in order of name.
    public let modules: [String]
    /// The names of the tensors that were trained whole, in order.
    public let wholeTensors: [String]
    /// Whether the head is the embedding, and stays so.
    public let tiesHead: Bool
    private let layerCount: Int
    /// Factors by PEFT's names, and whole tensors by their own.
    private let tensors: [(name: String, shape: [Int], values: [Float])]
    /// The changed weights whole, where mlx-lm needs them so.
    private let folded: [(name: String, shape: [Int], values: [Float])]

    init(
      settings: AdapterSettings, modules: [String], wholeTensors: [String], tiesHead: Bool,
      layerCount: Int, tensors: [(name: String, shape: [Int], values: [Float])],
      folded: [(name: String, shape: [Int], values: [Float])]
    ) {
      self.folded = folded
      self.settings = settings
      self.modules = modules
      self.wholeTensors = wholeTensors
      self.tiesHead = tiesHead
      self.layerCount = layerCount
      self.tensors = tensors
    }

    /// Writes `directory/mlx` and `directory/peft`: the same change in the conventions of mlx-lm and
    /// of PEFT, which name their configuration alike and so cannot share a folder.
    ///
    /// - Parameters:
    ///   - base: what both files name as the model to load: a path or a hub name.
    ///   - force: whether adapters that are there are replaced.
    /// - Throws: `CheckpointError`; each folder is whole or as it was.
    public func write(
      to directory: String, base: String, force: Bool = false
    ) throws(CheckpointError) {
      do {
        try FileManager.default.createDirectory(
          atPath: directory, withIntermediateDirectories: true)
      } catch {
        throw .cannotWrite(path: directory, reason: error.localizedDescription, neededByteCount: 0)
      }
      try AdapterFolder.write(
        try checkpoint(peftTensors), config: peftConfig(base: base),
        weightsName: "adapter_model.safetensors", to: directory + "/peft", force: force)
      try AdapterFolder.write(
        try checkpoint(mlxTensors), config: mlxConfig(base: base),
        weightsName: "adapters.safetensors", to: directory + "/mlx", force: force)
    }

    private func checkpoint(
      _ tensors: [(name: String, shape: Shape, values: [Float])]
    ) throws(CheckpointError) -> Checkpoint {
      try Checkpoint.inMemory(config: [:], tensors: tensors, origin: "a trained adapter")
    }

    // MARK: PEFT

    private var peftTensors: [(name: String, shape: Shape, values: [Float])] {
      let embedding = tiesHead ? tensors.first { $0.name == "model.embed_tokens.weight" } : nil
      // PEFT looks for the tied head beside its embedding.
      let head = embedding.map { (name: "lm_head.weight", shape: $0.shape, values: $0.values) }
      return (tensors + [head].compactMap { $0 }).map {
        ("base_model.model." + $0.name, Shape($0.shape), $0.values)
      }
    }

    private func peftConfig(base: String) -> JSON {
      let saved = wholeTensors.map { $0.replacing(/\.weight$/, with: "") }
      let config: JSON = [
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": .string(base),
        "revision": nil, "inference_mode": true, "r": JSON(settings.rank),
        "lora_alpha": Self.number(settings.alpha), "lora_dropout": JSON(settings.dropout),
        "target_modules": .array(modules.map { .string($0) }),
        "modules_to_save": saved.isEmpty ? nil : .array(saved.map { .string($0) }),
        // Without this PEFT would train and merge a copy of the embedding beside the head's.
        "ensure_weight_tying": .bool(tiesHead && saved.contains("model.embed_tokens")),
        "use_rslora": .bool(settings.useRSLoRA), "use_dora": .bool(settings.kind == .dora),
        "bias": "none", "fan_in_fan_out": false, "init_lora_weights": true,
        "rank_pattern": [:], "alpha_pattern": [:],
      ]
      return config
    }

    /// Whole numbers as such: PEFT declares α to be one.
    private static func number(_ value: Double) -> JSON {
      Int(exactly: value).map { JSON($0) } ?? JSON(value)
    }

    // MARK: mlx-lm

    /// mlx-lm loads no whole tensors beside factors: then everything that changed is whole, as of
    /// its `fine_tune_type: full`.
    private var isWhole: Bool { !wholeTensors.isEmpty }

    /// Factors transposed: `<module>.lora_a` (in, r), `<module>.lora_b` (r, out), `<module>.m`.
    private var mlxTensors: [(name: String, shape: Shape, values: [Float])] {
      if isWhole {
        let whole = tensors.filter { wholeTensors.contains($0.name) } + folded
        return whole.map { ($0.name, Shape($0.shape), $0.values) }
      }
      return tensors.map { tensor in
        for (ending, other) in [(".lora_A.weight", ".lora_a"), (".lora_B.weight", ".lora_b")]
        where tensor.name.hasSuffix(ending) {
          let (rows, columns) = (tensor.shape[0], tensor.shape[1])
          var turned = [Float](repeating: 0, count: tensor.values.count)
          for row in 0..<rows {
            for column in 0..<columns {
              turned[column * rows + row] = tensor.values[row * columns + column]
            }
          }
          return (
            String(tensor.name.dropLast(ending.count)) + other, Shape([columns, rows]), turned
          )
        }
        let ending = ".lora_magnitude_vector"
        let name =
          tensor.name.hasSuffix(ending) ? tensor.name.dropLast(ending.count) + ".m" : tensor.name
        return (String(name), Shape(tensor.shape), tensor.values)
      }
    }

    private func mlxConfig(base: String) -> JSON {
      // mlx-lm takes names from inside a layer, the same in all layers; where a layer has none of
      // them in the file, its factors stay as they begin, which changes nothing.
      let keys = Set(modules.map { $0.replacing(/^model\.layers\.\d+\./, with: "") })
      return [
        "fine_tune_type": .string(isWhole ? "full" : settings.kind.rawValue),
        "num_layers": JSON(layerCount),
        "model": .string(base),
        "lora_parameters": [
          "rank": JSON(settings.rank), "scale": JSON(settings.scale),
          "dropout": JSON(settings.dropout), "keys": .array(keys.sorted().map { .string($0) }),
        ],
      ]
    }
  }

  extension Parameterization {
    /// The adapter as it is now; `nil` without one.
    package func trainedAdapter() throws -> TrainedAdapter? {
      guard let adapter = settings.adapter else { return nil }
      let blueprint = try Blueprint.of(start.config, origin: start.origin)
      var folded: [(name: String, shape: [Int], values: [Float])] = []
      if trained.contains(where: { $0.outline.role != .factor }) {
        try forEachFolded { folded.append(($0.name, $0.shape, $1)) }
      }
      return TrainedAdapter(
        settings: adapter, modules: adapted.values.map(\.name).sorted(),
        wholeTensors: trained.filter { $0.outline.role != .factor }.map(\.name),
        tiesHead: blueprint.tiesWordEmbeddings(start.config),
        layerCount: start.config["num_hidden_layers"]?.int ?? 0,
        tensors: try trained.map { ($0.name, $0.shape, try $0.weights.values()) },
        folded: folded)
    }
  }
#endif
