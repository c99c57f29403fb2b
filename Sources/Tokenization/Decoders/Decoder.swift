// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The way back: token strings to text.
protocol TokenDecoder: TokenizerComponent {
  init(json: JSON, path: String, origin: String) throws(TokenizationError)
  /// The text of tokens, in order.
  func decode(_ tokens: [String]) -> String
}

/// The decoders this version can do.
enum Decoders {
  static let all: [any TokenDecoder.Type] = [ByteLevelDecoder.self]

  static func read(
    _ json: JSON, path: String, origin: String
  ) throws(TokenizationError) -> any TokenDecoder {
    let name = try ComponentReader(json, path: path, origin: origin).type()
    let type = try componentType(
      named: name, in: all.map { ($0.typeName, $0) }, path: path, origin: origin)
    return try type.init(json: json, path: path, origin: origin)
  }
}

/// `ByteLevel`: the bytes that the characters stand for, read as UTF-8; each ill-formed stretch
/// becomes U+FFFD, as Unicode recommends (one for each maximal part of a sequence).
///
/// A token with a character outside the byte alphabet, as an added token may have, stands for
/// itself.
struct ByteLevelDecoder: TokenDecoder {
  static let typeName = "ByteLevel"
  private let settings: JSON

  /// As Hugging Face writes it; the settings do nothing in a decoder.
  init() {
    settings = [
      "type": .string(Self.typeName), "add_prefix_space": true, "trim_offsets": true,
      "use_regex": true,
    ]
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    _ = try reader.bool("add_prefix_space", default: true)
    _ = try reader.bool("trim_offsets", default: true)
    _ = try reader.bool("use_regex", default: true)
    try reader.finish()
    settings = json
  }

  var json: JSON { settings }

  func decode(_ tokens: [String]) -> String {
    var bytes: [UInt8] = []
    for token in tokens {
      let start = bytes.count
      for scalar in token.unicodeScalars {
        guard let byte = ByteAlphabet.byte(of: scalar) else {
          bytes.removeSubrange(start...)
          bytes.append(contentsOf: token.utf8)
          break
        }
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
