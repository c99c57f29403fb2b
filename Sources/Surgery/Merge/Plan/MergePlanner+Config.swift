// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents
import Tensors

extension MergePlanner {
  /// Keys that change what a model computes from its weights.
  private static let decisiveKeys = [
    "model_type", "num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads",
    "num_key_value_heads", "head_dim", "vocab_size", "hidden_act", "rope_theta", "rope_scaling",
    "rope_parameters", "rms_norm_eps", "sliding_window", "attention_bias", "mlp_bias",
    "hidden_activation", "query_pre_attn_scalar", "attn_logit_softcapping",
    "final_logit_softcapping", "use_sliding_window", "max_window_layers", "sliding_window_pattern",
    "rope_local_base_freq", "no_rope_layer_interval", "partial_rotary_factor",
    "original_max_position_embeddings",
  ]

  /// Those that leave the shapes as they are.
  private static let freeOfShape: Set<String> = [
    "model_type", "rope_theta", "rope_scaling", "rope_parameters", "rms_norm_eps",
    "sliding_window", "hidden_activation", "query_pre_attn_scalar", "attn_logit_softcapping",
    "final_logit_softcapping", "use_sliding_window", "max_window_layers", "sliding_window_pattern",
    "rope_local_base_freq", "no_rope_layer_interval", "partial_rotary_factor",
    "original_max_position_embeddings",
  ]

  /// Refuses models that compute differently from equal weights.
  ///
  /// Slices may come from models of different depth, and a tokenizer section is there for
  /// vocabularies that differ.
  mutating func checkConfigs(_ options: MergePlan.Options) throws(MergeError) {
    let isSliced = !recipe.slices.isEmpty || recipe.modules.contains { !$0.slices.isEmpty }
    let first = models[0]
    for other in models.dropFirst() {
      for parent in [nil, "text_config"] {
        for key in Self.decisiveKeys {
          if key == "num_hidden_layers", isSliced { continue }
          // Sliced models need one vocabulary only where a tensor meets another's.
          if key == "vocab_size", isSliced || recipe.tokenizer != nil || isDifference { continue }
          func value(_ model: InputModel) -> JSON? {
            parent.map { model.checkpoint.config[$0]?[key] } ?? model.checkpoint.config[key]
          }
          // Absent or null means the class default, which only the reader of that key knows.
          guard let left = value(first), let right = value(other), !left.isNull, !right.isNull
          else { continue }
          let isEqual =
            if let a = left.double, let b = right.double { a == b } else { left == right }
          if isEqual { continue }
          // A difference is used with the result's settings, whatever its models had.
          if first.isDifference || other.isDifference, Self.freeOfShape.contains(key) { continue }
          let name = parent.map { "\($0).\(key)" } ?? key
          guard options.allowsDifferentConfigs else {
            throw .configs(
              key: name, first: left.serialized(), firstModel: first.checkpoint.origin,
              second: right.serialized(), secondModel: other.checkpoint.origin)
          }
          notes.add(
            "`\(name)` is \(left.serialized()) in \(first.name) and \(right.serialized()) in "
              + "\(other.name); the result has the former.")
        }
      }
    }
  }

  /// Refuses a model whose tensors have other shapes than its own config gives them: nobody could
  /// load it, nor what is made of it. Rows of tokens are noted only, for files are often padded.
  mutating func checkShapes(_ options: MergePlan.Options) throws(MergeError) {
    for model in models {
      let config = model.checkpoint.config
      guard let type = config["model_type"]?.string, let blueprint = Blueprint.named(type) else {
        continue
      }
      let expectations: [Blueprint.Expectation]
      do throws(CheckpointError) {
        expectations = try blueprint.expectations(config, origin: model.checkpoint.origin)
      } catch {
        // A setting that is absent is no lie, and the weights can be merged without it.
        if case .config(let key, _, _, _) = error, config[key] == nil { continue }
        throw .checkpoint(error)
      }
      var hasOtherRows = false
      for expectation in expectations {
        guard let info = model.checkpoint.info(expectation.name),
          info.shape != expectation.shape
        else { continue }
        let axis = blueprint.template(of: expectation.name)?.vocabularyAxis
        if let axis, info.shape.rank == expectation.shape.rank,
          info.shape.extents.indices.allSatisfy({
            $0 == axis || info.shape[$0] == expectation.shape[$0]
          })
        {
          hasOtherRows = true
          continue
        }
        guard options.allowsDifferentConfigs else {
          throw .checkpoint(
            .wrongShape(
              tensor: expectation.name, expected: expectation.shape, found: info.shape,
              origin: model.checkpoint.origin))
        }
        notes.add(
          "`\(expectation.name)` of \(model.name) has the shape \(info.shape), its config says "
            + "\(expectation.shape).")
      }
      if hasOtherRows {
        notes.add(
          "The embedding of \(model.name) has other rows than the `vocab_size` of its config.")
      }
    }
  }

  /// Refuses a result whose embedding and head have different numbers of tokens.
  func checkVocabularySizes() throws(MergeError) {
    var axes: [String: Int] = [:]
    for module in layout.modules {
      for tensor in module.tensors where tensor.stage != .layer {
        axes[tensor.name] = tensor.vocabularyAxis
      }
    }
    var first: (name: String, size: Int, model: String)?
    for tensor in tensors {
      guard let axis = axes[tensor.name], let input = tensor.base ?? tensor.sources.first,
        input.source.info.shape.rank > axis
      else { continue }
      let size = input.source.info.shape[axis]
      if let first, first.size != size {
        throw .operation(
          Diagnosis(
            what: "The result would have \(first.size) tokens in `\(first.name)` and \(size) in "
              + "`\(tensor.name)`.",
            where: "\(first.model) and \(input.model)",
            next: MergeError.vocabularyAdvice))
      }
      first = first ?? (tensor.name, size, input.model)
    }
  }

  /// The plan, with the config and the tokenizer's files of the result.
  func finished(_ modules: [Module], _ cache: ModelCache) throws -> MergePlan {
    var notes = notes
    var config = donor.checkpoint.config
    for module in modules where !module.layout.hasNoLayers {
      let depth = depth(of: module.layout, in: donor)
      let isChanged = module.layerCount != depth
      if module.layout.depthKey.isEmpty {
        if isChanged {
          notes.add(
            "The result has \(module.layerCount) layers in `\(module.layout.name)`; no key of "
              + "config.json is known to hold their number, so it still says what it said.")
        }
        continue
      }
      if isChanged { module.layout.setDepth(module.layerCount, in: &config) }
      // A list with a word for every layer follows the layers, also where their number is kept.
      if isChanged || module.slices.count > 1 || module.slices.first?.inputs.first?.start != 0 {
        Self.rearrangeLists(in: &config, module, models: models, depth: depth)
      }
    }
    if hasHead, donor.tiesHead ?? hasUntiedHead {
      // Of a nested text model, too: loaders ask both.
      if config["text_config"]?["tie_word_embeddings"] != nil {
        config["text_config"]?["tie_word_embeddings"] = false
      }
      config["tie_word_embeddings"] = false
      notes.add("The result has a head of its own; `tie_word_embeddings` is now false.")
    }
    var files = donor.checkpoint.tokenizerFiles
    if let vocabulary {
      vocabulary.update(&config, donor: donor, notes: &notes)
      files = vocabulary.files
    }
    if let template = recipe.chatTemplate {
      let choice = ChatTemplateChoice(
        wanted: template, isMergekitExact: cache.options.mergekitExact != nil)
      files = try choice.files(files, models: models, origin: donor.name, notes: &notes)
    }
    if !cache.options.copiesTokenizer { files = [] }
    let names = models.map(\.name).joined(separator: ", ")
    let watched = outputs.map { ($0, OverflowWatch.source($1, $0, log)) }
    return MergePlan(
      method: recipe.method,
      checkpoint: Checkpoint(
        config: config, origin: "\(recipe.method) of \(names)",
        sources: isNested || isDifference ? outputs : Dictionary(uniqueKeysWithValues: watched),
        tokenizerFiles: files),
      models: cache.stored, tensors: tensors, notes: notes.all, log: log)
  }

  /// Lists in a config that have one entry for each layer.
  private static let layerLists = ["layer_types", "no_rope_layers", "mlp_layer_types"]

  /// Takes the entries of per-layer lists along with the layers, from each slice's first input.
  private static func rearrangeLists(
    in config: inout JSON, _ module: Module, models: [InputModel], depth: Int
  ) {
    let parent = module.layout.depthKey.split(separator: ".").dropLast().map(String.init)
    func list(_ config: JSON, _ key: String) -> [JSON]? {
      (parent + [key]).reduce(config as JSON?) { $0?[$1] }?.array
    }
    for key in layerLists {
      guard let own = list(config, key), own.count == depth else { continue }
      var entries: [JSON] = []
      for slice in module.slices {
        guard let input = slice.inputs.first,
          let model = models.first(where: { $0.reference == input.model }),
          let source = list(model.checkpoint.config, key)
        else { return }
        for layer in input.start..<(input.start + slice.layerCount) {
          guard source.indices.contains(layer) else { return }
          entries.append(source[layer])
        }
      }
      guard entries != own else { continue }
      set(JSON(entries), at: parent + [key], in: &config)
    }
  }

  private static func set(_ value: JSON, at path: [String], in config: inout JSON) {
    guard path.count > 1, var child = config[path[0]] else {
      config[path[0]] = value
      return
    }
    set(value, at: Array(path.dropFirst()), in: &child)
    config[path[0]] = child
  }
}
