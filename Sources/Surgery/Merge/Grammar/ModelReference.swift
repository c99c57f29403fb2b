// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A model that a recipe names: a stored one, `MODEL[@revision][+LORA[@revision]]`, or the result of
/// another merge.
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
      }
    return adapter.map { "\(text)+\($0)" } ?? text
  }

  /// The merge this is the result of.
  public var recipe: MergeRecipe? {
    if case .merge(let recipe) = base { recipe } else { nil }
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
    let models = references.map(\.description)
    return "the \(method) merge of \(models.joined(separator: ", "))"
  }
}
