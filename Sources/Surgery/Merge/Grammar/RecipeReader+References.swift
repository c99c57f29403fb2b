// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

// Model references and the tokenizer's section of a recipe.

extension RecipeReader {
  func requiredReference(_ settings: inout Settings, _ key: String) throws -> ModelReference {
    guard let reference = try reference(&settings, key) else {
      throw DocumentError.missingKey(
        key, path: settings.path, line: settings.line, origin: origin)
    }
    return reference
  }

  /// The model under `key`; `nil` when absent.
  func reference(_ settings: inout Settings, _ key: String) throws -> ModelReference? {
    guard let node = settings.node(key) else { return nil }
    return try reference(node, path: settings.path(of: key))
  }

  /// A text, `{model: …, lora: …, override_architecture: …}`, `{difference: …}`, or a whole recipe.
  func reference(_ node: Node, path: String) throws -> ModelReference {
    guard case .mapping = node.content else {
      guard case .scalar(let text, _) = node.content,
        let reference = ModelReference(parsing: text)
      else {
        throw DocumentError.wrongValue(
          path: path, line: node.line, origin: origin,
          expected: "a model: `PATH`, `PATH@revision`, `PATH+ADAPTER`, or `{model: {path: …}}` for "
            + "paths with these signs", found: node.found)
      }
      return reference
    }
    if node["merge_method"] != nil {
      return ModelReference(.merge(try RecipeReader.read(node, origin: origin, path: path)))
    }
    if node["difference"] != nil { return try difference(node, path: path) }
    // `{path, revision}` is a stored model already, as mergekit writes it.
    if node["path"] != nil { return ModelReference(.stored(try location(node, path: path))) }
    var settings = try Settings(node, origin: origin, path: path)
    guard let inner = settings.node("model") else {
      try settings.finish(
        known: [
          "lora", "override_architecture", "merge_method", "path", "revision", "difference",
        ])
      throw DocumentError.missingKey("model", path: path, line: node.line, origin: origin)
    }
    var result: ModelReference
    if inner["merge_method"] != nil {
      result = try reference(inner, path: settings.path(of: "model"))
    } else {
      result = ModelReference(.stored(try location(inner, path: settings.path(of: "model"))))
    }
    if let adapter = settings.node("lora") {
      result.adapter = try location(adapter, path: settings.path(of: "lora"))
    }
    result.architecture = try settings.optionalString("override_architecture")
    try settings.finish()
    return result
  }

  /// `{difference: {tuned: …, base: …}}`.
  private func difference(_ node: Node, path: String) throws -> ModelReference {
    var settings = try Settings(node, origin: origin, path: path)
    var pair = try settings.child("difference")
    // A misspelt key is reported before a missing one.
    if !["tuned", "base"].allSatisfy(pair.keys.contains) {
      try pair.finish(known: ["tuned", "base"])
    }
    let result = ModelReference(
      .difference(
        .init(
          tuned: try requiredReference(&pair, "tuned"), base: try requiredReference(&pair, "base")))
    )
    try pair.finish()
    try settings.finish()
    return result
  }

  /// `PATH[@revision]` or `{path, revision}`.
  private func location(_ node: Node, path: String) throws -> ModelReference.Location {
    guard case .mapping = node.content else {
      guard case .scalar(let text, _) = node.content,
        let location = ModelReference.Location(parsing: text)
      else {
        throw DocumentError.wrongValue(
          path: path, line: node.line, origin: origin,
          expected: "a path, or `{path: …, revision: …}`", found: node.found)
      }
      return location
    }
    var settings = try Settings(node, origin: origin, path: path)
    let location = ModelReference.Location(
      path: try settings.string("path"), revision: try settings.optionalString("revision"))
    try settings.finish()
    return location
  }
}

// MARK: The tokenizer

extension RecipeReader {
  /// A flag in any of the words that Python's YAML takes, `yes` and `on` among them; false if absent.
  private func flag(_ settings: inout Settings, _ key: String) throws -> Bool {
    guard let node = settings.node(key) else { return false }
    guard let flag = ParameterSetting.Kind.flag.convert(node.json)?.bool else {
      throw settings.wrong(key, expected: "true or false", found: node.found)
    }
    return flag
  }

  /// A whole number as mergekit takes it, `16.0` too; `nil` if absent.
  private func wholeNumber(
    _ settings: inout Settings, _ key: String, in range: ClosedRange<Int>
  ) throws -> Int? {
    guard let node = settings.node(key) else { return nil }
    guard let whole = ParameterSetting.Kind.number(node.json)?.int, range.contains(whole) else {
      throw settings.wrong(
        key, expected: "a whole number from \(range.lowerBound) to \(range.upperBound)",
        found: node.found)
    }
    return whole
  }

  func tokenizer(_ settings: inout Settings) throws -> TokenizerSection? {
    let short = settings.node("tokenizer_source")
    guard var section = try settings.optionalChild("tokenizer") else {
      guard let short else { return nil }
      return TokenizerSection(
        source: try tokenizerSource(short, path: settings.path(of: "tokenizer_source")))
    }
    guard short == nil else {
      throw MergeError.recipe(
        .twoTokenizers, origin: settings.line.map { "\(origin), line \($0)" } ?? origin)
    }
    var result = TokenizerSection(source: .union)
    if let node = section.node("source") {
      result.source = try tokenizerSource(node, path: section.path(of: "source"))
    }
    if var tokens = try section.optionalChild("tokens") {
      for token in tokens.keys {
        guard var rule = try tokens.optionalChild(token) else {
          result.tokens.append(.init(token, source: nil))
          continue
        }
        let source = try rule.node("source").map { node in
          try rowSource(node, path: rule.path(of: "source"))
        }
        let isForced = try flag(&rule, "force")
        try rule.finish()
        guard !isForced || source != nil else {
          throw rule.wrong("force", expected: "beside a `source`", found: "none")
        }
        result.tokens.append(.init(token, source: source, isForced: isForced))
      }
    }
    result.padToMultipleOf = try wholeNumber(&section, "pad_to_multiple_of", in: 1...1_000_000)
    try section.finish()
    return result
  }

  private func tokenizerSource(
    _ node: Node, path: String
  ) throws -> TokenizerSection.Source {
    guard case .scalar(let text, _) = node.content else {
      return .model(try reference(node, path: path))
    }
    switch text {
    case "base": return .base
    case "union": return .union
    default:
      // mergekit 0.0.5 wrote `model:PATH`.
      let plain = text.hasPrefix("model:") ? String(text.dropFirst("model:".count)) : text
      var inner = node
      inner.content = .scalar(text: plain, isQuoted: true)
      return .model(try reference(inner, path: path))
    }
  }

  private func rowSource(_ node: Node, path: String) throws -> TokenizerSection.RowSource {
    guard let kind = node["kind"] else { return .model(try reference(node, path: path)) }
    var settings = try Settings(node, origin: origin, path: path)
    switch try settings.choice("kind", of: ["model_token", "zero"]) {
    case "zero":
      try settings.finish()
      return .zero
    default:
      let model = try requiredReference(&settings, "model")
      let token = try settings.optionalString("token")
      let id = try wholeNumber(&settings, "token_id", in: 0...Int(Int32.max))
      try settings.finish()
      switch (token, id) {
      case (let token?, nil): return .token(model, text: token)
      case (nil, let id?): return .row(model, id: id)
      default:
        throw DocumentError.wrongValue(
          path: path, line: kind.line, origin: origin,
          expected: "one of `token` and `token_id`", found: token == nil ? "none" : "both")
      }
    }
  }
}
