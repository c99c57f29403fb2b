// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Crypto
import Documents
import Foundation
import Tokenization

/// SHA-256 of values and files, always as 64 lower-case hexadecimal digits.
package enum Hashing {
  /// The hash of a text's UTF-8 bytes.
  package static func sha256(_ text: String) -> String {
    hexadecimal(SHA256.hash(data: Array(text.utf8)))
  }

  /// The hash and length of a file's content, read in pieces of a mebibyte.
  ///
  /// - Throws: `RecipeError.io` when the file cannot be read.
  package static func sha256(fileAt path: String) throws -> (hash: String, byteCount: Int) {
    let file = try Disk.openForReading(path)
    defer { try? file.close() }
    var hasher = SHA256()
    var byteCount = 0
    while true {
      let piece: Data?
      do { piece = try file.read(upToCount: 1 << 20) } catch {
        throw RecipeError(error, while: "read", path: path)
      }
      guard let piece, !piece.isEmpty else { break }
      hasher.update(data: piece)
      byteCount += piece.count
    }
    return (hexadecimal(hasher.finalize()), byteCount)
  }

  /// The hash of a JSON value whatever its key order and its way of writing numbers.
  ///
  /// Keys are sorted by their bytes; there is no white space; a number is written as an integer
  /// when it is whole and fits `Int`, else as the shortest text of its `Double`, so that `1`,
  /// `1.0` and `1e0` are the same setting.
  package static func sha256(canonical value: JSON) -> String {
    sha256(canonicalText(of: value))
  }

  /// The text that `sha256(canonical:)` hashes.
  package static func canonicalText(of value: JSON) -> String {
    normalized(value).serialized(sortedKeys: true)
  }

  private static func normalized(_ value: JSON) -> JSON {
    switch value {
    case .number(let number):
      if let whole = number.int { return JSON(whole) }
      return number.double.isFinite ? JSON(number.double) : value
    case .array(let elements): return .array(elements.map(normalized))
    case .object(let object):
      var result = JSONObject()
      for (key, member) in object.members { result[key] = normalized(member) }
      return .object(result)
    case .null, .bool, .string: return value
    }
  }

  private static func hexadecimal(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in digest {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension Tokenizer {
  /// The hash of the folder's tokenizer.json, which `hash` finds; of what it would be where the
  /// folder holds the tokenizer as an older kind of file.
  func fileHash(in folder: String, _ hash: (String) throws -> String) rethrows -> String {
    let path = folder + "/tokenizer.json"
    return try Disk.exists(path) ? hash(path) : Hashing.sha256(json.serialized())
  }
}
