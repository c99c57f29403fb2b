// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Checkpoints

/// Where a tensor stands in its model.
public struct MeasuredPlace: Sendable, Hashable {
  /// The stack of layers: `default` where a model has one.
  public let module: String
  /// The layer, from 0; `nil` for what is outside of layers.
  public let layer: Int?
  /// Whether a tensor outside of layers comes after them.
  public let isAfterLayers: Bool
  public let kind: TensorKind
}

/// Where all tensors of some models stand, by a layout they share or by their names.
struct MeasuredPlaces {
  /// The names of modules in the model's order.
  let modules: [String]
  private let layout: ModelLayout
  /// What stands before a layer's number, longest first, with its module.
  private let prefixes: [(prefix: String, module: String)]
  /// Tensors by their templates and those of their aliases.
  private let tensors: [String: (tensor: ModelLayout.Tensor, module: String)]

  /// By the layout of a model that knows most of the tensors of all, the first of such; where none
  /// knows any, by the names of all.
  init(_ models: [Checkpoint]) {
    let names = models.flatMap(\.names)
    var best: (places: MeasuredPlaces, known: Int)?
    for model in models {
      guard let layout = ModelLayout.known(model.config) else { continue }
      let places = MeasuredPlaces(layout)
      let known = names.count(where: places.knows)
      if known > best?.known ?? 0 { best = (places, known) }
    }
    if let best {
      self = best.places
    } else {
      let infos = models.map { model in
        Dictionary(
          uniqueKeysWithValues: model.names.compactMap { name in
            model.info(name).map { (name, $0) }
          })
      }
      self.init(ModelLayout.inferred(infos: infos, config: models[0].config))
    }
  }

  private init(_ layout: ModelLayout) {
    self.layout = layout
    modules = layout.modules.map(\.name)
    var prefixes: [(prefix: String, module: String)] = []
    var tensors: [String: (tensor: ModelLayout.Tensor, module: String)] = [:]
    // A tensor's own name wins over another's alias.
    for module in layout.modules {
      prefixes += module.layerPrefixes.sorted().map { ($0, module.name) }
      for tensor in module.tensors { tensors[tensor.name] = (tensor, module.name) }
    }
    for module in layout.modules {
      for tensor in module.tensors {
        for alias in tensor.aliases where tensors[alias] == nil {
          tensors[alias] = (tensor, module.name)
        }
      }
    }
    self.prefixes = prefixes.sorted { ($1.prefix.count, $0.prefix) < ($0.prefix.count, $1.prefix) }
    self.tensors = tensors
  }

  private func knows(_ name: String) -> Bool {
    let template = layer(of: name).map { "\($0.prefix){layer}\($0.rest)" } ?? name
    return tensors[template] != nil || tensors[Self.withoutExpert(template).template] != nil
  }

  /// The tensor that a model calls `name`: what any model may call it, and its place.
  func find(_ name: String) -> (slot: TensorSlot, place: MeasuredPlace) {
    let found = layer(of: name)
    let template = found.map { "\($0.prefix){layer}\($0.rest)" } ?? name
    let (expertless, expert) = Self.withoutExpert(template)
    guard let entry = tensors[template] ?? tensors[expertless] else {
      let kind = TensorKind(tensor: name)
      return (
        TensorSlot(name: name, stage: found == nil ? .before : .layer, isOptional: true),
        MeasuredPlace(
          module: found?.module ?? modules[0], layer: found?.layer,
          isAfterLayers: found == nil && Self.comesAfter(kind), kind: kind)
      )
    }
    func filled(_ template: String) -> String {
      var name = template
      if let found { name = name.replacing("{layer}", with: String(found.layer)) }
      if let expert { name = name.replacing("{expert}", with: expert) }
      return name
    }
    let tensor = entry.tensor
    let kind = TensorKind(tensor: tensor.name)
    return (
      TensorSlot(
        name: filled(tensor.name), stage: tensor.stage, isOptional: tensor.isOptional,
        aliases: tensor.aliases.map(filled), tiedNames: tensor.tiedNames,
        vocabularyAxis: tensor.vocabularyAxis,
        // Names of parts keep their `{expert}`.
        parts: tensor.parts.map { part in
          found.map { part.replacing("{layer}", with: String($0.layer)) } ?? part
        }),
      MeasuredPlace(
        module: entry.module, layer: found?.layer,
        isAfterLayers: found == nil
          && (layout.isInferred ? Self.comesAfter(kind) : tensor.stage == .after),
        kind: kind)
    )
  }

  /// Sorts by module, then as the model computes, then by name.
  func comesBefore(
    _ left: (place: MeasuredPlace, name: String), _ right: (place: MeasuredPlace, name: String)
  ) -> Bool {
    func key(_ place: MeasuredPlace) -> [Int] {
      [
        modules.firstIndex(of: place.module) ?? 0,
        place.layer != nil ? 1 : place.isAfterLayers ? 2 : 0, place.layer ?? 0,
        TensorKind.allCases.firstIndex(of: place.kind) ?? 0,
      ]
    }
    let (first, second) = (key(left.place), key(right.place))
    if first != second { return first.lexicographicallyPrecedes(second) }
    return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }

  private func layer(
    of name: String
  ) -> (module: String, prefix: String, layer: Int, rest: Substring)? {
    for (prefix, module) in prefixes where name.hasPrefix(prefix) {
      let digits = name.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber }
      guard let layer = Int(digits), layer < 100_000, digits.endIndex < name.endIndex else {
        continue
      }
      return (module, prefix, layer, name[digits.endIndex...])
    }
    return nil
  }

  /// `…experts.{expert}.…` and the number that stood there.
  private static func withoutExpert(_ name: String) -> (template: String, expert: String?) {
    guard let start = name.firstRange(of: "experts.")?.upperBound else { return (name, nil) }
    let digits = name[start...].prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty else { return (name, nil) }
    return ("\(name[..<start]){expert}\(name[digits.endIndex...])", String(digits))
  }

  /// Without a layout, the final norm and the head are told by their kind.
  private static func comesAfter(_ kind: TensorKind) -> Bool { kind == .norm || kind == .head }
}
