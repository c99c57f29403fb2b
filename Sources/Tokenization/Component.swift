// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// A stage of the tokenizer as tokenizer.json has it: a named object with settings.
///
/// Adding one: a type in the stage's folder and a line in that stage's list
/// (``Normalizers``, ``PreTokenizers``, ``PostProcessors``, ``Decoders``).
public protocol TokenizerComponent: Sendable {
  /// The `type` in tokenizer.json.
  static var typeName: String { get }
  /// The component as tokenizer.json has it.
  var json: JSON { get }
}

/// Finds the type that a component's `type` names.
func componentType<Kind>(
  named name: String, in kinds: [(String, Kind)], path: String, origin: String
) throws(TokenizationError) -> Kind {
  for (known, kind) in kinds where known == name { return kind }
  throw .unsupported(
    path: path, found: "`\(name)`", supported: kinds.map { "`\($0.0)`" }, origin: origin)
}
