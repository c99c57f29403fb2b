// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Tensors

/// What to merge and how, as mergekit's YAML says it or as code builds it.
///
///     merge_method: ties_sv
///     base_model: runs/base
///     models:
///       - model: runs/ct
///         parameters: { weight: 1.0, density: 0.8 }
///       - model: runs/sft
///         parameters: { weight: 1.0, density: 0.8, slack: 1.0 }
///     parameters: { normalize: true, lambda: 1.0 }
///     dtype: bfloat16
///
/// The base may be listed among the models or not. A parameter of each source may stand at the top
/// level for all of them; one under a model wins.
public struct MergeRecipe: Sendable, Equatable {
  /// A model that is merged.
  public struct Model: Sendable, Equatable {
    /// A folder, or whatever the resolver understands.
    public var reference: String
    /// Values by mergekit's parameter names.
    public var parameters: [String: JSON]

    public init(_ reference: String, parameters: [String: JSON] = [:]) {
      self.reference = reference
      self.parameters = parameters
    }
  }

  /// The method's name; see ``MergeMethods/all``.
  public var method: String
  /// In order; sums run in it.
  public var models: [Model]
  public var baseModel: String?
  /// Shared parameters, and defaults of those that each source has.
  public var parameters: [String: JSON]
  /// The type of the result; `nil` for the type the sources have (`F32` where they differ).
  ///
  /// mergekit's `dtype` also rounds the inputs before merging; here inputs are exact, arithmetic is
  /// in float32 and the result is rounded once. `out_dtype` wins over `dtype`.
  public var elementType: ElementType?

  public init(
    method: String, models: [Model], baseModel: String? = nil, parameters: [String: JSON] = [:],
    elementType: ElementType? = nil
  ) {
    self.method = method
    self.models = models
    self.baseModel = baseModel
    self.parameters = parameters
    self.elementType = elementType
  }
}
