// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Finds the value of each parameter for one tensor.
///
/// Settings are searched from the strongest place to the weakest, and the first that yields a value
/// wins: (for parameters of a source only) under the model in the slice; the slice; the module; the
/// top level; the default. Filters are matched with the output's name for shared parameters and
/// with the model's own name of the tensor for those of a source.
struct ParameterResolver {
  /// A model that has values of its own.
  struct Input {
    let reference: String
    /// What is called so in the model, by the layer of the model.
    let tensor: String
    let parameters: [String: JSON]
  }

  let schema: ParameterSchema
  /// Slice, module, top level.
  let scopes: [[String: JSON]]

  /// All values as the JSON that `Parameters` decodes from.
  ///
  /// - Parameter tensor: the output's name; `nil` looks at a recipe before there is a model.
  func values(
    tensor: String?, inputs: [Input], at t: Double
  ) throws(MergeError) -> JSONObject {
    var object = JSONObject()
    for entry in schema.entries {
      switch entry.scope {
      case .shared:
        object[entry.name] = try value(entry, scopes, tensor: tensor, model: nil, at: t)
      case .perSource:
        var row: [JSON] = []
        for input in inputs {
          row.append(
            try value(
              entry, [input.parameters] + scopes, tensor: tensor.map { _ in input.tensor },
              model: input.reference, at: t))
        }
        object[entry.name] = .array(row)
      }
    }
    return object
  }

  private func value(
    _ entry: ParameterSchema.Entry, _ places: [[String: JSON]], tensor: String?, model: String?,
    at t: Double
  ) throws(MergeError) -> JSON {
    var wasSet = false
    for place in places {
      guard let setting = place[entry.name] else { continue }
      // Of a recipe that code has built; YAML's nulls are absent keys.
      if setting.isNull, entry.defaultValue?.isNull == true { continue }
      wasSet = true
      let outcome = try ParameterSetting.evaluate(
        setting, as: entry.kind, name: entry.name, tensor: tensor, at: t)
      if case .value(let value) = outcome { return value }
    }
    if let value = entry.defaultValue { return value }
    if wasSet, let tensor {
      throw .uncoveredTensor(parameter: entry.name, tensor: tensor, model: model)
    }
    throw .missingParameter(entry.name, method: schema.method, model: model)
  }
}

extension ParameterSchema {
  /// The values of a recipe without slices, for a tensor without a name: of conditions the first
  /// counts.
  func resolve(
    shared: [String: JSON], sources: [MergeRecipe.Model], base: MergeRecipe.Model?
  ) throws(MergeError) -> JSONObject {
    try ParameterResolver(schema: self, scopes: [shared]).values(
      tensor: nil,
      inputs: sources.map {
        .init(reference: $0.reference, tensor: "", parameters: $0.parameters)
      }, at: 0)
  }
}
