// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation

/// The name of a step's result: SHA-256 over everything that decides it.
///
///     key = SHA-256(canonical JSON of
///       {schema, kind, version, settings, seed,
///        inputs: {label: {step: key, output} or {sha256, extension}}})
///
/// The keys of the steps it reads from stand for their whole ancestry, so all keys are known
/// before anything runs.
public struct StepKey: Hashable, Sendable {
  /// 64 hexadecimal digits.
  public let hex: String
  /// The first twelve digits, which folders are named by; the manifest holds the whole.
  public var short: String { String(hex.prefix(Self.shortLength)) }
  static let shortLength = 12

  /// A key read from a manifest.
  package init(hex: String) { self.hex = hex }

  /// What an input is, as far as it decides the result.
  package enum InputIdentity: Equatable, Sendable {
    /// A named output of the step with that key.
    case output(of: StepKey, named: String)
    /// A file or folder of that content.
    case content(hash: String, extension: String)

    var json: JSON {
      switch self {
      case .output(let key, let name): ["step": JSON(key.hex), "output": JSON(name)]
      case .content(let hash, let suffix): ["sha256": JSON(hash), "extension": JSON(suffix)]
      }
    }
  }

  /// Raised when the way keys are made changes, which makes every result anew.
  private static let schema = 1

  /// The key of a step whose inputs have these identities by label.
  package init(kind: StepKind, settings: JSON, seed: UInt64, inputs: [String: InputIdentity]) {
    var members = JSONObject()
    for (label, identity) in inputs { members[label] = identity.json }
    hex = Hashing.sha256(canonical: [
      "schema": JSON(Self.schema), "kind": JSON(kind.name), "version": JSON(kind.version),
      "settings": settings, "seed": .string(String(seed)), "inputs": .object(members),
    ])
  }
}
