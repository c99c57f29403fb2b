// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a rendering may use before it is stopped: templates come from strangers.
///
/// The defaults leave a conversation of some thousand turns room, and stop an endless template
/// within seconds.
public struct TemplateLimits: Sendable, Equatable {
  /// Expressions evaluated, statements run and elements visited.
  public var stepCount = 4_000_000
  /// The length of the rendered text, and of any text on the way there, in UTF-8 bytes.
  public var outputByteCount = 16 << 20
  /// All texts that the template makes on the way, in UTF-8 bytes together.
  public var textByteCount = 128 << 20
  /// How deep expressions, blocks and macros may nest while they run.
  public var depth = 800
  /// How deep lists and mappings may nest.
  public var valueDepth = 200
  /// Namespaces and macros made.
  public var objectCount = 20_000

  /// The defaults.
  public init() {}

  /// The longest `range`, as in Jinja's sandbox.
  static let rangeCount = 100_000
  /// How deep tags and brackets may nest in a template's text.
  static let syntaxDepth = 100
  /// The stack of the thread that parses and renders: deep enough for all of the above.
  static let stackByteCount = 256 << 20
}
