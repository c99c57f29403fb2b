// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a recipe says of the result's vocabulary: the `tokenizer` mapping, or `tokenizer_source`.
public struct TokenizerSection: Sendable, Equatable {
  /// Whose tokens the result has.
  public enum Source: Sendable, Equatable {
    /// The base model's, or the first model's where there is no base.
    case base
    /// Those of all models together.
    case union
    case model(ModelReference)
  }

  /// Where the row of a token comes from in models that lack it.
  public enum RowSource: Sendable, Equatable {
    case zero
    /// The row of the same token in another model.
    case model(ModelReference)
    /// The row of another token.
    case token(ModelReference, text: String)
    /// A row by its number.
    case row(ModelReference, id: Int)
  }

  /// A rule for one token.
  public struct TokenRule: Sendable, Equatable {
    public var token: String
    /// `nil` for what is done without a rule.
    public var source: RowSource?
    /// Whether models that have the token get the row too.
    public var isForced: Bool

    public init(_ token: String, source: RowSource?, isForced: Bool = false) {
      self.token = token
      self.source = source
      self.isForced = isForced
    }
  }

  public var source: Source
  /// Rules in the order of the file; tokens that the vocabulary lacks are added to it.
  public var tokens: [TokenRule]
  /// Rows are added, each the mean of those before, until their number is a multiple of this.
  public var padToMultipleOf: Int?

  public init(source: Source, tokens: [TokenRule] = [], padToMultipleOf: Int? = nil) {
    self.source = source
    self.tokens = tokens
    self.padToMultipleOf = padToMultipleOf
  }
}
