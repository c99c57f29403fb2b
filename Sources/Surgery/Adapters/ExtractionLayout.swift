// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

/// Names, shapes and settings of an extracted adapter in PEFT's or mlx-lm's conventions.
struct ExtractionLayout {
  let plan: ExtractionPlan
  let options: AdapterExtraction.Options
  let products: [ExtractionAssembly.Product]
  let saved: [ExtractionPlan.Step]

  private var rank: Int { products.map(\.rank).max() ?? 1 }

  // MARK: - Tensors

  /// The tensors by their names in the file. Those kept whole are still the tuned model's own.
  func tensors() throws(CheckpointError) -> [String: TensorSource] {
    var result: [String: TensorSource] = [:]
    for product in products {
      for (name, shape, matrix) in entries(product) {
        let memory = try Checkpoint.inMemory(
          config: [:], tensors: [(name: name, shape: shape, values: matrix.values)],
          elementType: product.elementType, origin: "the extraction")
        result[name] = try memory.source(name)
      }
    }
    for step in saved {
      let type = options.elementType ?? step.base.info.elementType
      let tuned = step.tuned
      let source =
        tuned.info.elementType == type
        ? tuned
        : TensorSource(
          info: TensorInfo(elementType: type, shape: tuned.info.shape), origin: tuned.origin
        ) { () throws(CheckpointError) in
          ReplacedReader(
            reader: try tuned.prepare(), name: step.name, origin: tuned.origin, isSameType: false,
            elementType: type)
        }
      result[savedName(step)] = source
    }
    return result
  }

  private func entries(
    _ product: ExtractionAssembly.Product
  ) -> [(name: String, shape: Shape, matrix: Matrix)] {
    let (down, up) = (product.down, product.up)
    switch options.format {
    case .peft:
      let start = "base_model.model.\(product.module)."
      if product.isEmbedding {
        return [
          (start + "lora_embedding_A", [down.rows, down.columns], down),
          (start + "lora_embedding_B", [up.rows, up.columns], up),
        ]
      }
      let kernel = product.kernel
      let inputs = down.columns / max(1, Shape(kernel).elementCount)
      return [
        (start + "lora_A.weight", Shape([down.rows, inputs] + kernel), down),
        (start + "lora_B.weight", Shape([up.rows, up.columns] + kernel.map { _ in 1 }), up),
      ]
    case .mlx:
      // One rank for all: missing directions are zeros.
      let (a, b) = (down.padded(rows: rank).transposed(), up.transposed().padded(rows: rank))
      return [
        ("\(product.module).lora_a", [a.rows, a.columns], a),
        ("\(product.module).lora_b", [b.rows, b.columns], b),
      ]
    }
  }

  private func savedName(_ step: ExtractionPlan.Step) -> String {
    guard options.format == .peft else { return step.name }
    // The bias of a module that has a product stands in the layer that PEFT wraps.
    if products.contains(where: { $0.module == step.module }),
      let last = step.name.split(separator: ".").last
    {
      return "base_model.model.\(step.module).base_layer.\(last)"
    }
    return "base_model.model.\(step.name)"
  }

  // MARK: - Settings

  /// `adapter_config.json`.
  var config: JSON {
    switch options.format {
    case .peft: peft
    case .mlx: mlx
    }
  }

  private var peft: JSON {
    let rank = rank
    var ranks = JSONObject()
    for product in products where product.rank != rank {
      ranks[product.module] = JSON(product.rank)
    }
    let modules = Set(products.map(\.module))
    let wholes = Set(saved.filter { !$0.isBias }.map(\.module)).subtracting(modules)
    let hasBiases = saved.contains { $0.isBias && !wholes.contains($0.module) }
    return [
      "alpha_pattern": .object(ranks),
      "base_model_name_or_path": JSON(plan.base.origin),
      "bias": hasBiases ? "all" : "none",
      "ensure_weight_tying": JSON(plan.isTied && touchesEmbedding),
      "fan_in_fan_out": JSON(products.contains { $0.storesInputsFirst }),
      "inference_mode": true,
      "init_lora_weights": true,
      "lora_alpha": JSON(rank),
      "lora_dropout": 0.0,
      "modules_to_save": wholes.isEmpty ? .null : JSON(shortened(wholes, isSuffix: true)),
      "peft_type": "LORA",
      "r": JSON(rank),
      "rank_pattern": .object(ranks),
      "target_modules": JSON(shortened(modules, isSuffix: false)),
      "task_type": isCausal ? "CAUSAL_LM" : .null,
      "use_dora": false,
      "use_rslora": false,
    ]
  }

  private var mlx: JSON {
    // mlx-lm names the modules of a layer from the layer on.
    let keys = Set(products.map { Self.insideLayer($0.module) }).sorted()
    return [
      "fine_tune_type": products.isEmpty ? "full" : "lora",
      "lora_parameters": [
        "dropout": 0.0, "keys": JSON(keys.map { JSON($0) }), "rank": JSON(rank), "scale": 1.0,
      ],
      "model": JSON(plan.base.origin),
      "num_layers": -1,
    ]
  }

  private var touchesEmbedding: Bool {
    guard let embedding = SharedEmbedding(plan.base).embedding else { return false }
    return saved.contains { $0.name == embedding }
      || products.contains { $0.module + ".weight" == embedding }
  }

  private var isCausal: Bool {
    (plan.base.config["architectures"]?.array ?? []).contains {
      $0.string.map { $0.hasSuffix("CausalLM") || $0.contains("LMHead") } ?? false
    }
  }

  /// Sorted names: the last part alone where it means just these modules, else the whole name. PEFT
  /// compares `target_modules` part by part, `modules_to_save` by the end of the text.
  private func shortened(_ modules: Set<String>, isSuffix: Bool) -> [JSON] {
    let all = Set(
      plan.base.names.map { $0.split(separator: ".").dropLast().joined(separator: ".") })
    var result: Set<String> = []
    for module in modules {
      let last = module.split(separator: ".").last.map(String.init) ?? module
      let meant = all.filter {
        $0 == last || $0.hasSuffix(isSuffix ? last : "." + last)
      }
      result.insert(meant.isSubset(of: modules) ? last : module)
    }
    return result.sorted().map { JSON($0) }
  }

  /// What follows the number of the layer; the whole name outside of layers.
  private static func insideLayer(_ module: String) -> String {
    let parts = module.split(separator: ".")
    guard let place = parts.lastIndex(where: { $0.allSatisfy(\.isNumber) }) else { return module }
    return parts[(place + 1)...].joined(separator: ".")
  }
}

extension Matrix {
  /// The matrix with rows of zeros added up to `count`.
  fileprivate func padded(rows count: Int) -> Matrix {
    Matrix(
      rows: count, columns: columns,
      values: values + Array(repeating: 0, count: (count - rows) * columns))
  }
}
