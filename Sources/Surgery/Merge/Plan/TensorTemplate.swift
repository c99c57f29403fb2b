// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints
import Documents

extension MergePlanner {
  /// Where the tensors of one name, or of one name in every layer, come from.
  enum Template {
    case known(ModelLayout.Tensor)
    /// A tensor that the models have and the layout lacks; `{layer}` stands in those of layers.
    case stranger(String)

    private static let usualEmbeddings = [
      "model.embed_tokens.weight", "transformer.wte.weight",
      "model.language_model.embed_tokens.weight",
    ]

    var stage: ModelLayout.Stage {
      switch self {
      case .known(let tensor): tensor.stage
      case .stranger(let name): name.contains("{layer}") ? .layer : .before
      }
    }

    /// The tensors of one layer, or of none: one, or one for each expert.
    func slots(layer: Int?, _ config: JSON) -> [TensorSlot] {
      switch self {
      case .stranger(let name):
        let filled = layer.map { name.filling("{layer}", with: $0) } ?? name
        return [TensorSlot(name: filled, stage: stage, isOptional: true, isStranger: true)]
      case .known(let tensor):
        return tensor.filled(layer: layer, config: config).map { filled in
          var slot = TensorSlot(
            name: filled.name, stage: filled.stage, isOptional: filled.isOptional,
            aliases: filled.aliases, tiedNames: filled.tiedNames,
            vocabularyAxis: filled.vocabularyAxis, parts: filled.parts)
          // An inferred layout knows nothing of tied heads; this is what nearly all call theirs.
          if slot.tiedNames.isEmpty, slot.name.hasSuffix("lm_head.weight") {
            slot.tiedNames = Self.usualEmbeddings
          }
          return slot
        }
      }
    }
  }

  /// Tensors that a known layout does not name. mergekit loses them; here they are merged by name,
  /// those below a module's layers layer by layer.
  ///
  /// Each belongs to the module whose layers it stands below, else to the first.
  mutating func strangers(to module: ModelLayout.Module) -> [Template] {
    guard !layout.isInferred else { return [] }
    var known: Set<String> = []
    var prefixes: [String: Set<String>] = [:]
    for other in layout.modules {
      prefixes[other.name] = other.layerPrefixes
      for tensor in other.tensors {
        known.formUnion((tensor.allNames).map(Self.withoutNumbers))
      }
    }
    var found: Set<String> = []
    for model in models {
      for name in model.checkpoint.names where !known.contains(Self.withoutNumbers(name)) {
        var home = layout.modules[0].name
        var template = name
        for other in layout.modules {
          for prefix in prefixes[other.name] ?? [] where name.hasPrefix(prefix) {
            let rest = name.dropFirst(prefix.count)
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            let tail = rest.dropFirst(digits.count)
            guard !digits.isEmpty, tail.isEmpty || tail.hasPrefix(".") else { continue }
            (home, template) = (other.name, "\(prefix){layer}\(tail)")
          }
        }
        if home == module.name { found.insert(template) }
      }
    }
    for template in found.sorted() {
      notes.count("Not part of the layout of \(layout.title), merged by name", template)
    }
    return found.sorted().map(Template.stranger)
  }

  /// A name or template with all its numbers and placeholders alike.
  static func withoutNumbers(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false).map { part in
      let isNumber = !part.isEmpty && part.allSatisfy { $0.isASCII && $0.isNumber }
      return isNumber || part == "{layer}" || part == "{expert}" ? "#" : String(part)
    }.joined(separator: ".")
  }
}

/// The names of one tensor in all experts.
struct ExpertPattern {
  private let start: String
  private let end: String?

  init(_ template: String) {
    if let place = template.firstRange(of: "{expert}") {
      start = String(template[..<place.lowerBound])
      end = String(template[place.upperBound...])
    } else {
      start = template
      end = nil
    }
  }

  func matches(_ name: String) -> Bool {
    guard let end else { return name == start }
    guard name.hasPrefix(start), name.hasSuffix(end),
      name.utf8.count > start.utf8.count + end.utf8.count
    else { return false }
    return name.dropFirst(start.count).dropLast(end.count).allSatisfy {
      $0.isASCII && $0.isNumber
    }
  }
}

extension ModelLayout.Tensor {
  fileprivate var allNames: [String] { [name] + aliases + tiedNames + parts }
}
