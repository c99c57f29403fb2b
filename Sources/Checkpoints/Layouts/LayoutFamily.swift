// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// One file of `Layouts/Data`: the layouts of the classes around one body.
///
///     {
///       "model_types": ["llama"],
///       "prefix": "model.",
///       "modules": [
///         {"name": "default", "depth": "num_hidden_layers", "layers": "layers.{layer}.",
///          "before": [{"name": "embed_tokens.weight", "vocabulary_axis": 0}],
///          "layer": ["self_attn.q_proj.weight", "self_attn.q_proj.bias?", …],
///          "after": ["norm.weight"]}],
///       "architectures": {
///         "LlamaForCausalLM": {
///           "after": [{"name": "lm_head.weight?", "vocabulary_axis": 0,
///                      "tied": "model.embed_tokens.weight"}]},
///         "LlamaModel": {"prefix": ""}
///       }
///     }
///
/// Names in `modules` are the body's own; a class puts its `prefix` (else the family's) before
/// them, and the names with the other prefix and with none become aliases. Names under
/// `architectures` stand as they are. A `?` at the end marks an optional tensor. Lists of a class
/// join those of its last module, at their end. A class may keep some `modules` only.
///
/// `depth` lists keys of `config.json` with the number of layers: the first is the one to write, the
/// others mean the same; `depth_default` is read where all are missing. `experts`, of a module or of
/// one tensor, does so for `{expert}`. `old_endings` maps ends of names to those that old files have.
///
/// The files are JSON; they are read as YAML, which JSON is, because errors then have lines.
struct LayoutFamily {
  let modelTypes: [String]
  /// One for each class, in the file's order.
  let layouts: [ModelLayout]

  /// - Throws: `DocumentError` for a text that is not well formed, for unknown and missing keys, and
  ///   for names that contradict each other.
  init(_ text: String, origin: String) throws(DocumentError) {
    var settings = try Settings(YAML.parse(text, origin: origin), origin: origin)
    modelTypes = try settings.strings("model_types")
    let prefix = try settings.string("prefix", default: "")
    var endings: [(new: String, old: String)] = []
    if var old = try settings.optionalChild("old_endings") {
      for key in old.keys { endings.append((key, try old.string(key))) }
    }
    var bodies: [Body] = []
    for var module in try settings.children("modules") { bodies.append(try Body(&module)) }
    guard !modelTypes.isEmpty, !bodies.isEmpty else {
      throw settings.wrong(
        modelTypes.isEmpty ? "model_types" : "modules", expected: "a list of at least one",
        found: "none")
    }
    var classes = try settings.child("architectures")
    try settings.finish()
    guard !classes.keys.isEmpty else {
      throw settings.wrong("architectures", expected: "at least one class", found: "none")
    }
    var layouts: [ModelLayout] = []
    for name in classes.keys {
      var settings = try classes.child(name)
      let names = NameForms(
        prefix: try settings.string("prefix", default: prefix), familyPrefix: prefix,
        endings: endings)
      layouts.append(try Self.layout(name, &settings, bodies: bodies, names: names))
    }
    self.layouts = layouts
  }

  private static func layout(
    _ architecture: String, _ settings: inout Settings, bodies: [Body], names: NameForms
  ) throws(DocumentError) -> ModelLayout {
    let known = bodies.map(\.name)
    let chosen = try settings.strings("modules", default: known)
    guard !chosen.isEmpty, chosen.allSatisfy(known.contains) else {
      throw settings.wrong(
        "modules", expected: "some of \(known.joined(separator: ", "))",
        found: chosen.joined(separator: ", "))
    }
    let before = try Entry.list("before", of: &settings)
    let after = try Entry.list("after", of: &settings)
    var modules: [ModelLayout.Module] = []
    for body in bodies where chosen.contains(body.name) {
      let isLast = body.name == bodies.last { chosen.contains($0.name) }?.name
      let tensors =
        body.before.map { names.tensor($0, .before, isBody: true) }
        + (isLast ? before.map { names.tensor($0, .before, isBody: false) } : [])
        + body.layer.map { names.tensor($0, .layer, isBody: true) }
        + body.after.map { names.tensor($0, .after, isBody: true) }
        + (isLast ? after.map { names.tensor($0, .after, isBody: false) } : [])
      modules.append(
        ModelLayout.Module(
          name: body.name, depthKey: body.depth.first ?? "", tensors: tensors,
          depthSynonyms: Array(body.depth.dropFirst()), depthDefaultKey: body.depthDefault,
          knownDepth: body.depth.isEmpty ? 0 : nil))
    }
    try settings.finish()
    try check(modules, settings: settings)
    return ModelLayout(architecture: architecture, modules: modules)
  }

  /// No name twice, each tied name a tensor of the layout, no placeholder where it has no meaning.
  private static func check(
    _ modules: [ModelLayout.Module], settings: Settings
  ) throws(DocumentError) {
    func wrong(_ expected: String, _ found: String) -> DocumentError {
      .wrongValue(
        path: settings.path, line: settings.line, origin: settings.origin, expected: expected,
        found: "`\(found)`")
    }
    let tensors = modules.flatMap(\.tensors)
    var names: Set<String> = []
    for tensor in tensors {
      guard names.insert(tensor.name).inserted else {
        throw wrong("a class whose names differ", tensor.name)
      }
      guard tensor.name.contains("{layer}") == (tensor.stage == .layer) else {
        throw wrong("a class with `{layer}` in the names of layers and nowhere else", tensor.name)
      }
      let isOfExperts = ([tensor.name] + tensor.parts).contains { $0.contains("{expert}") }
      guard isOfExperts != tensor.expertsKeys.isEmpty else {
        throw wrong("a class with `experts` exactly where names have `{expert}`", tensor.name)
      }
      guard tensor.expertsKeys.isEmpty || tensor.isOptional else {
        throw wrong("a class whose experts' tensors are optional", tensor.name)
      }
    }
    for tensor in tensors {
      // The first of `tiedNames` is the file's; the others are its other forms.
      for name in tensor.tiedNames.prefix(1) + tensor.parts where !names.contains(name) {
        throw wrong("a class whose `tied` and `parts` are tensors of it", name)
      }
      guard tensor.tiedNames.isEmpty || tensor.isOptional else {
        throw wrong("a class whose tied tensors are optional", tensor.name)
      }
    }
  }
}

extension LayoutFamily {
  /// A tensor as a file writes it.
  fileprivate struct Entry {
    var name: String
    var isOptional = false
    var aliases: [String] = []
    var tied: String?
    var vocabularyAxis: Int?
    var experts: [String] = []
    var parts: [String] = []

    /// The list under `key`: names, and mappings where there is more to say.
    static func list(
      _ key: String, of settings: inout Settings, under layers: String = "",
      experts: [String] = []
    ) throws(DocumentError) -> [Entry] {
      guard let node = settings.node(key) else { return [] }
      guard case .sequence(let elements) = node.content else {
        throw settings.wrong(key, expected: "a list", found: node.found)
      }
      let hasExpert = { (name: String) in name.contains("{expert}") }
      var entries: [Entry] = []
      for (index, element) in elements.enumerated() {
        let path = "\(settings.path(of: key))[\(index)]"
        var entry: Entry
        if case .scalar(let text, _) = element.content {
          entry = Entry(name: text)
        } else {
          var settings = try Settings(element, origin: settings.origin, path: path)
          entry = Entry(name: try settings.string("name"))
          entry.aliases = try settings.strings("aliases").map { layers + $0 }
          entry.tied = try settings.optionalString("tied")
          entry.vocabularyAxis = try settings.optionalInt("vocabulary_axis", in: 0...3)
          entry.experts = try settings.strings("experts")
          entry.parts = try settings.strings("parts").map { layers + $0 }
          try settings.finish()
        }
        if entry.name.hasSuffix("?") {
          entry.name.removeLast()
          entry.isOptional = true
        }
        guard !entry.name.isEmpty else {
          throw .wrongValue(
            path: path, line: element.line, origin: settings.origin, expected: "a tensor's name",
            found: element.found)
        }
        entry.name = layers + entry.name
        if entry.experts.isEmpty, ([entry.name] + entry.parts).contains(where: hasExpert) {
          entry.experts = experts
        }
        entries.append(entry)
      }
      return entries
    }
  }

  /// A module as a file writes it.
  fileprivate struct Body {
    let name: String
    let depth: [String]
    let depthDefault: String?
    let before, layer, after: [Entry]

    init(_ settings: inout Settings) throws(DocumentError) {
      name = try settings.string("name")
      depth = try settings.strings("depth")
      depthDefault = try settings.optionalString("depth_default")
      let experts = try settings.strings("experts")
      let layers = try settings.string("layers", default: "")
      before = try Entry.list("before", of: &settings)
      layer = try Entry.list("layer", of: &settings, under: layers, experts: experts)
      after = try Entry.list("after", of: &settings)
      try settings.finish()
      // A path with an empty part would be written elsewhere than it is read.
      for key in depth + experts + (depthDefault.map { [$0] } ?? [])
      where key.split(separator: ".", omittingEmptySubsequences: false).contains("") {
        throw settings.wrong(
          "depth", expected: "keys of config.json with one dot between them", found: "`\(key)`")
      }
      guard depth.isEmpty == layer.isEmpty else {
        throw settings.wrong(
          "depth",
          expected: "the key of config.json with the number of layers, where there are any",
          found: depth.isEmpty ? "none" : "one, and no layers")
      }
    }
  }

  /// Makes full names and their aliases for one class.
  fileprivate struct NameForms {
    let prefix, familyPrefix: String
    let endings: [(new: String, old: String)]

    func tensor(
      _ entry: Entry, _ stage: ModelLayout.Stage, isBody: Bool
    ) -> ModelLayout.Tensor {
      let name = isBody ? prefix + entry.name : entry.name
      var aliases = forms(of: name)
      for alias in entry.aliases { aliases += forms(of: isBody ? prefix + alias : alias) }
      for form in [name] + aliases {
        for ending in endings where form.hasSuffix(ending.new) {
          aliases.append(form.dropLast(ending.new.count) + ending.old)
        }
      }
      var seen: Set<String> = [name]
      return ModelLayout.Tensor(
        name: name, stage: stage, isOptional: entry.isOptional,
        aliases: aliases.filter { seen.insert($0).inserted },
        tiedNames: entry.tied.map { forms(of: isBody ? prefix + $0 : $0) } ?? [],
        vocabularyAxis: entry.vocabularyAxis, expertsKeys: entry.experts,
        parts: entry.parts.map { isBody ? prefix + $0 : $0 })
    }

    /// The name itself, then, for a tensor of the body, under the family's prefix and under none.
    ///
    /// In a class without a prefix the body cannot be told from the head by name; there every name
    /// counts as the body's.
    private func forms(of name: String) -> [String] {
      guard name.hasPrefix(prefix) else { return [name] }
      let own = String(name.dropFirst(prefix.count))
      var forms = [name]
      for form in [familyPrefix + own, own] where !forms.contains(form) { forms.append(form) }
      return forms
    }
  }
}
