// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

extension MergeRecipe {
  /// Keys of mergekit's that need more than this reader does, each with what to do instead.
  private static let unsupported = [
    ("slices", "List whole models under `models`; layer slices cannot be merged yet."),
    ("modules", "List whole models under `models`; modules cannot be merged yet."),
    ("tokenizer", "Give the models one vocabulary first, then merge."),
    ("chat_template", "Set the chat template in the result's folder."),
  ]

  /// The keys that are read.
  private static let known = [
    "merge_method", "models", "base_model", "parameters", "dtype", "out_dtype", "tokenizer_source",
  ]

  /// Reads mergekit's YAML: `merge_method`, `models`, `base_model`, `parameters`, `dtype` and
  /// `out_dtype`; `tokenizer_source: base` is accepted, for it is what happens.
  ///
  /// - Parameter origin: the file's name, for messages.
  /// - Throws: ``MergeError``; unknown keys and parameters are errors with line and nearest name.
  public static func parse(_ text: String, origin: String) throws(MergeError) -> MergeRecipe {
    let node: Node
    do throws(DocumentError) {
      node = try YAML.parse(text, origin: origin)
    } catch {
      throw .document(error)
    }
    return try parse(node, origin: origin)
  }

  /// Reads a recipe from a mapping inside another document.
  public static func parse(_ node: Node, origin: String) throws(MergeError) -> MergeRecipe {
    let result: Result<MergeRecipe, MergeError>
    do throws(DocumentError) {
      result = try read(node, origin: origin)
    } catch {
      throw .document(error)
    }
    return try result.get()
  }

  /// Errors of the document are thrown, errors of the merge are returned: typed throws has one type.
  private static func read(
    _ node: Node, origin: String
  ) throws(DocumentError) -> Result<MergeRecipe, MergeError> {
    var settings = try Settings(node, origin: origin)
    for (key, advice) in unsupported {
      if let found = settings.node(key) {
        return .failure(.unsupportedKey(key, origin: origin, line: found.line, advice: advice))
      }
    }
    // Without a method nothing else can be read, so a misspelt key must be found before that.
    if settings.node("merge_method") == nil { try settings.finish(known: known) }
    let methodLine = node["merge_method"]?.line
    let name = try settings.string("merge_method")
    let method: any MergeMethod.Type
    do throws(MergeError) {
      method = try MergeMethods.named(
        name, origin: methodLine.map { "\(origin), line \($0)" } ?? origin)
    } catch {
      return .failure(error)
    }
    let schema = ParameterSchema(method)
    if let source = try settings.optionalString("tokenizer_source"), source != "base" {
      throw settings.wrong("tokenizer_source", expected: "`base`", found: "`\(source)`")
    }
    var models: [Model] = []
    for var entry in try settings.children("models") {
      let reference = try entry.string("model")
      var child = try entry.child("parameters")
      let parameters = try schema.read(&child, scopes: [.perSource])
      try entry.finish()
      models.append(Model(reference, parameters: parameters))
    }
    let base = try settings.optionalString("base_model")
    var child = try settings.child("parameters")
    let shared = try schema.read(&child, scopes: [.perSource, .shared])
    var type: ElementType?
    for key in ["dtype", "out_dtype"] {
      guard let name = try settings.optionalString(key) else { continue }
      guard let found = ElementType(torchName: name), found.isFloatingPoint else {
        throw settings.wrong(
          key, expected: "float32, bfloat16 or float16", found: "`\(name)`")
      }
      type = found
    }
    try settings.finish()
    return .success(
      MergeRecipe(
        method: name, models: models, baseModel: base, parameters: shared, elementType: type))
  }
}
