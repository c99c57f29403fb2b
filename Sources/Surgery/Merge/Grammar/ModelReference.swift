// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A model that a recipe names: a stored one, `MODEL[@revision][+LORA[@revision]]`, the result of
/// another merge, or the difference of two models.
///
/// Two references are the same model when all their fields are equal; `base` and `./base` are two.
public struct ModelReference: Sendable, Equatable, CustomStringConvertible {
  /// Where a stored model or adapter is.
  public struct Location: Sendable, Hashable, CustomStringConvertible {
    /// A folder, or whatever the resolver understands.
    public var path: String
    /// A revision of a model on a hub.
    public var revision: String?

    public init(path: String, revision: String? = nil) {
      self.path = path
      self.revision = revision
    }

    public var description: String { revision.map { "\(path)@\($0)" } ?? path }
  }

  /// Where the weights come from.
  public indirect enum Base: Sendable, Equatable {
    case stored(Location)
    /// A merge whose result is an input here; it is computed as it is read and never written.
    case merge(MergeRecipe)
    /// What training made of a model; stands where a merge sees its models as changes of its base.
    case difference(Difference)

    /// Merges with a name are equal if their names are: names are unique in a graph, and comparing
    /// merges of merges to the bottom would take exponential time.
    public static func == (left: Base, right: Base) -> Bool {
      switch (left, right) {
      case (.stored(let a), .stored(let b)): a == b
      case (.merge(let a), .merge(let b)): a.name != nil ? a.name == b.name : a == b
      case (.difference(let a), .difference(let b)): a == b
      default: false
      }
    }
  }

  /// A task vector, tuned − base: what the tuned model learnt, for use on another base.
  ///
  /// As a source of a merge it is the change of that merge's base; as a whole model, for methods
  /// that need one, base plus difference. It is computed in float32 as it is read.
  ///
  /// Rows of the vocabulary are the tuned model's. Those of tokens that its base lacks are the
  /// tuned model's rows whole, as if the base had zeros there; where both have a tokenizer.json rows
  /// belong together by token, else by number. Aligned with another vocabulary, tokens that the
  /// tuned model lacks have no difference.
  public struct Difference: Sendable, Equatable {
    public var tuned: ModelReference
    /// What `tuned` was trained from.
    public var base: ModelReference

    public init(tuned: ModelReference, base: ModelReference) {
      self.tuned = tuned
      self.base = base
    }
  }

  public var base: Base
  /// A low-rank adapter that is folded into the weights.
  public var adapter: Location?
  /// The architecture to take the model for, in place of the one its config names.
  public var architecture: String?

  public init(_ base: Base, adapter: Location? = nil, architecture: String? = nil) {
    self.base = base
    self.adapter = adapter
    self.architecture = architecture
  }

  /// A stored model by its path, which may hold `+` and `@`; see ``init(parsing:)``.
  public init(path: String) { self.init(.stored(Location(path: path))) }

  /// Reads `MODEL[@revision][+LORA[@revision]]`; `nil` where a part is empty or a sign stands twice.
  public init?(parsing text: String) {
    let parts = text.split(separator: "+", omittingEmptySubsequences: false)
      .map { Location(parsing: String($0)) }
    guard parts.count <= 2, let model = parts[0] else { return nil }
    if parts.count == 2 {
      guard let adapter = parts[1] else { return nil }
      self.init(.stored(model), adapter: adapter)
    } else {
      self.init(.stored(model))
    }
  }

  /// As in recipes; a nested merge by its name or by what it merges.
  public var description: String {
    let text =
      switch base {
      case .stored(let location): location.description
      case .merge(let recipe): recipe.title
      case .difference(let difference): "(\(difference.tuned) − \(difference.base))"
      }
    return adapter.map { "\(text)+\($0)" } ?? text
  }

  /// The merge this is the result of.
  public var recipe: MergeRecipe? {
    if case .merge(let recipe) = base { recipe } else { nil }
  }

  /// The merges whose results are needed for it.
  var merges: [MergeRecipe] {
    switch base {
    case .stored: []
    case .merge(let recipe): [recipe]
    case .difference(let difference): difference.tuned.merges + difference.base.merges
    }
  }

  /// The reference with those merges replaced.
  func mapMerges<E: Error>(
    _ body: (MergeRecipe) throws(E) -> Base
  ) throws(E) -> ModelReference {
    var reference = self
    switch base {
    case .stored: break
    case .merge(let recipe): reference.base = try body(recipe)
    case .difference(let difference):
      reference.base = .difference(
        .init(
          tuned: try difference.tuned.mapMerges(body), base: try difference.base.mapMerges(body)))
    }
    return reference
  }

  /// The difference this is.
  public var difference: Difference? {
    if case .difference(let difference) = base { difference } else { nil }
  }
}

/// A model or an adapter that lies somewhere.
public struct StoredModel: Sendable, Hashable {
  public var location: ModelReference.Location
  public var isAdapter: Bool

  public init(_ location: ModelReference.Location, isAdapter: Bool = false) {
    self.location = location
    self.isAdapter = isAdapter
  }
}

extension ModelReference.Location {
  /// Reads `PATH[@revision]`.
  init?(parsing text: String) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    self.init(path: parts[0], revision: parts.count == 2 ? parts[1] : nil)
  }
}

extension MergeRecipe {
  /// What messages call the merge.
  package var title: String {
    if let name { return name }
    var models = references.map(\.description)
    if models.count > 5 { models[4...] = ["\(models.count - 4) more"] }
    return "the \(method) merge of \(models.joined(separator: ", "))"
  }
}
