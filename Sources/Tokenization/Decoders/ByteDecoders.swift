// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

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
    try reader.allow(flags: ["add_prefix_space", "trim_offsets", "use_regex"])
    try reader.finish()
    settings = json
  }

  var json: JSON { settings }

  func texts(of tokens: [String]) -> [String] {
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
    return [String(decoding: bytes, as: UTF8.self)]
  }
}

/// `ByteFallback`: runs of tokens `<0x00>` to `<0xFF>` become the UTF-8 they spell, or one U+FFFD for
/// every token of a run that is not well formed.
struct ByteFallbackDecoder: TokenDecoder {
  static let typeName = "ByteFallback"

  init() {}

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    try ComponentReader(json, path: path, origin: origin).finish()
  }

  var json: JSON { ["type": .string(Self.typeName)] }

  func texts(of tokens: [String]) -> [String] {
    var result: [String] = []
    var run: [UInt8] = []
    func flush() {
      guard !run.isEmpty else { return }
      if let text = String(validating: run, as: UTF8.self) {
        result.append(text)
      } else {
        result += repeatElement("\u{FFFD}", count: run.count)
      }
      run.removeAll()
    }
    for token in tokens {
      if let byte = ByteTokens.byte(of: token) {
        run.append(byte)
      } else {
        flush()
        result.append(token)
      }
    }
    flush()
    return result
  }
}
