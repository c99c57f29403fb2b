// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

extension Tokenizer {
  /// The bytes that a token stands for inside a text; they need not be whole characters.
  ///
  /// Found by decoding the token alone, so a space that a decoder strips at the start of a text is
  /// missing. Tokens that decode to nothing readable are taken by the byte alphabet of byte-level
  /// tokenizers, or as the byte that `<0xNN>` names.
  ///
  /// - Returns: none for an id outside the vocabulary.
  package func bytes(of id: Int32) -> [UInt8] {
    guard tokens.indices.contains(Int(id)) else { return [] }
    let text = decode([id], skipSpecialTokens: false)
    guard text.unicodeScalars.contains("\u{FFFD}") else { return Array(text.utf8) }
    let token = tokens[Int(id)]
    if let byte = ByteTokens.byte(of: token) { return [byte] }
    return ByteAlphabet.bytes(of: token) ?? Array(text.utf8)
  }
}
