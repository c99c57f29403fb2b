// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// Unicode normalization form C: canonical decomposition, then composition.
///
/// The form is that of Unicode 9, which Hugging Face tokenizers 0.23 still use: a scalar assigned
/// later neither composes nor changes places. Text that is in NFC of any later version stays as it
/// is.
///
/// - Cost: text that is in NFC already is returned after one look at it, and text below U+0300
///   after a look at its bytes.
public struct NFCNormalizer: Normalizer {
  public static let typeName = "NFC"

  /// NFC has no settings.
  public init() {}

  public init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  public var json: JSON { ["type": .string(Self.typeName)] }

  public func normalize(_ text: String) -> String {
    // 0xCC is the first byte of U+0300, the first scalar that composes with one before it.
    guard text.utf8.contains(where: { $0 >= 0xCC }) else { return text }
    return CanonicalComposition.shared.normalize(text)
  }
}

/// Form D: canonical decomposition.
struct NFDNormalizer: Normalizer {
  static let typeName = "NFD"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func normalize(_ text: String) -> String {
    // 0xC3 is the first byte of U+00C0, the first scalar with a decomposition.
    guard text.utf8.contains(where: { $0 >= 0xC3 }) else { return text }
    return CanonicalComposition.shared.normalize(text, compatibly: false, composes: false)
  }
}

/// Form KC: compatibility decomposition, then composition.
struct NFKCNormalizer: Normalizer {
  static let typeName = "NFKC"

  init() {}

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func normalize(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
    return CanonicalComposition.shared.normalize(text, compatibly: true, composes: true)
  }
}

/// Form KD: compatibility decomposition.
struct NFKDNormalizer: Normalizer {
  static let typeName = "NFKD"

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func normalize(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
    return CanonicalComposition.shared.normalize(text, compatibly: true, composes: false)
  }
}
