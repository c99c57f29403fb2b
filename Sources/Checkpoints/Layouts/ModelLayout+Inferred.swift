// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension ModelLayout {
  /// The layout of an architecture that no file describes, read off the names of its tensors.
  ///
  /// - **Layers.** A name such as `model.layers.7.mlp.up.weight` is a tensor of layer 7 of the stack
  ///   `model.layers`. Of several numbers in a name the outermost counts whose stack is as deep as
  ///   `config` says, else the outermost that takes more than one value, else the outermost. Only
  ///   stacks numbered from 0 without gaps in some model have layers; where `config` states the depth
  ///   of some of them, only those.
  /// - **Modules.** One stack: `default`. Several: one module for each, named by its prefix, and
  ///   `default` of depth 0 for the tensors in none, if there are any (as mergekit has it).
  /// - **depthKey.** A key of `config` that reads like a count of layers and has the stack's depth;
  ///   where roles (`encoder`, `decoder`, `vision`, …) stand in keys and prefixes, they must agree.
  ///   Empty where there is none; the module's depth is then the count in the names, and a recipe
  ///   that changes it cannot update config.json.
  /// - **Stages.** Files of weights have no order, so that what is outside layers counts as before
  ///   them, the final norm and the head included; mergekit does the same.
  /// - **Optional** is what some model lacks, a tensor of a layer also where some layer lacks it.
  /// - **Vocabulary axes** need shapes: ``inferred(infos:config:)``.
  ///
  /// Names that hold `{layer}` or `{expert}` themselves cannot be told from templates; merging refuses
  /// them. Tensors are sorted by name. Nothing is known of aliases and tied tensors.
  ///
  /// - Parameters:
  ///   - names: the tensors' names, one list a model.
  ///   - config: that of the first model.
  /// - Complexity: O(*n* log *n*) in the number of names.
  public static func inferred(names: [[String]], config: JSON) -> ModelLayout {
    inferred(names: names, config: config) { _ in nil }
  }

  /// The same from names and shapes: a tensor whose name reads like an embedding or a head and
  /// which has an axis of `vocab_size` entries has its vocabulary there (on the first such axis).
  ///
  /// - Parameters:
  ///   - infos: the tensors by name, one dictionary a model.
  ///   - config: that of the first model; shapes are the first model's too where it has the tensor.
  public static func inferred(infos: [[String: TensorInfo]], config: JSON) -> ModelLayout {
    let size = config["vocab_size"]?.int ?? config.value(at: "text_config.vocab_size")?.int
    return inferred(names: infos.map { Array($0.keys) }, config: config) { name in
      guard let size, readsLikeVocabulary(name) else { return nil }
      return infos.lazy.compactMap { $0[name] }.first?.shape.extents.firstIndex(of: size)
    }
  }

  private static func inferred(
    names: [[String]], config: JSON, vocabularyAxis: (String) -> Int?
  ) -> ModelLayout {
    let stacks = NumberedStacks(names, config: config)
    var stackOf: [String: String] = [:]  // by template, as all below
    var example: [String: String] = [:]
    var fullModels: [String: Int] = [:]  // in how many models every layer has it
    for (model, list) in names.enumerated() {
      var counts: [String: Int] = [:]
      var examples: [String: String] = [:]
      for name in Set(list) {
        let (template, stack) = stacks.template(of: name)
        counts[template, default: 0] += 1
        stackOf[template] = stack
        examples[template] = min(examples[template] ?? name, name)
      }
      for (template, count) in counts {
        let wanted = stackOf[template].map { stacks.depth(of: $0, model: model) } ?? 1
        fullModels[template, default: 0] += count == wanted ? 1 : 0
      }
      example.merge(examples) { first, _ in first }
    }
    let templates = fullModels.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    func tensors(in stack: String?) -> [Tensor] {
      templates.filter { stackOf[$0] == stack }.map { template in
        Tensor(
          name: template, stage: stack == nil ? .before : .layer,
          isOptional: fullModels[template] != names.count,
          vocabularyAxis: example[template].flatMap(vocabularyAxis))
      }
    }
    var modules: [Module] = []
    let loose = tensors(in: nil)
    for stack in stacks.chosen {
      let key = stacks.depthKeys[stack] ?? ""
      let isOnly = stacks.chosen.count == 1
      modules.append(
        Module(
          name: isOnly ? "default" : stack, depthKey: key,
          tensors: (isOnly ? loose : []) + tensors(in: stack),
          knownDepth: key.isEmpty ? stacks.deepest(stack) : nil))
    }
    if stacks.chosen.count != 1, !loose.isEmpty || modules.isEmpty {
      modules.insert(Module(name: "default", depthKey: "", tensors: loose, knownDepth: 0), at: 0)
    }
    return ModelLayout(
      architecture: config["architectures"]?.array?.first?.string ?? "", modules: modules,
      isInferred: true)
  }

  /// Whether a name is one that embeddings and heads have; positions and segments are none.
  private static func readsLikeVocabulary(_ name: String) -> Bool {
    let name = name.lowercased()
    let others = ["position", "wpe", "token_type", "segment", "patch"]
    let signs = ["embed", "wte", "tok", "vocab", "head", "output", "shared", "logit", "proj_out"]
    return !others.contains(where: name.contains) && signs.contains(where: name.contains)
  }
}
