// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Tokenization

struct ScriptTests {
  @Test func `scalars belong to their scripts, and what is common to all`() throws {
    let latin = try ScriptSet(["Latn"])
    for scalar in "aÐøŋ 0?–😀\u{301}\n\u{A0}".unicodeScalars { #expect(latin.contains(scalar)) }
    for scalar in "жαक中あ한ⴰ፩\u{E000}\u{378}\u{10FFFF}".unicodeScalars {
      #expect(!latin.contains(scalar))
    }
    let japanese = try ScriptSet(["Jpan"])
    #expect(japanese.codes == ["Hani", "Hira", "Kana"])
    for scalar in "日本のカー。".unicodeScalars { #expect(japanese.contains(scalar)) }
    #expect(!japanese.contains("한"))
    #expect(try ScriptSet(["cyrl", "LATN"]).codes == ["Cyrl", "Latn"])
  }

  @Test func `the table has every script once and no scalar twice`() throws {
    #expect(ScriptSet.knownCodes.count > 160)
    let all = try ScriptSet(ScriptSet.knownCodes)
    var count = 0
    var perScript = 0
    for value in UInt32(0)...0x10FFFF {
      if let scalar = Unicode.Scalar(value), all.contains(scalar) { count += 1 }
    }
    let neutral = try ScriptSet([])
    let neutralCount = (UInt32(0)...0x10FFFF).reduce(0) {
      $0 + (Unicode.Scalar($1).map(neutral.contains) == true ? 1 : 0)
    }
    for code in ScriptSet.knownCodes {
      let one = try ScriptSet([code])
      // Scalars of the script itself: found by the borders of its ranges.
      perScript +=
        (ScriptTable.text.split(separator: "\n").first { $0.hasPrefix(code) } ?? "")
        .split(separator: " ").dropFirst().reduce(0) { sum, field in
          let bounds = field.split(separator: "-").compactMap { UInt32($0, radix: 16) }
          for bound in bounds {
            #expect(Unicode.Scalar(bound).map(one.contains) == true)
          }
          return sum + Int(bounds[bounds.count - 1] - bounds[0]) + 1
        }
    }
    #expect(count == neutralCount + perScript)
    // 159,801 characters of Unicode 17, 65 control codes among them.
    #expect(count > 159_000 && count < 161_000)
  }

  @Test(arguments: ["Latin", "", "Zyyy", "Zzzz", "Xxxx"])
  func `a code that is no script is refused`(code: String) {
    #expect(throws: TokenizationError.self) { try ScriptSet([code]) }
  }

  /// All splits of a text into two, judged by what they can become.
  @Test func `bytes of a character are judged by what they can become`() throws {
    let latin = try ScriptSet(["Latn"])
    let han = try ScriptSet(["Hani"])
    #expect(ScriptFilter.isAllowed([0xC3], latin))
    #expect(ScriptFilter.isAllowed([0xC3], try ScriptSet([])))  // × and ÷ are Common
    #expect(!ScriptFilter.isAllowed([0xD0], latin))  // U+0400…U+043F: Cyrillic only
    #expect(!ScriptFilter.isAllowed([0xE5], latin))
    #expect(ScriptFilter.isAllowed([0xE4], latin))  // hexagrams, U+4DC0…U+4DFF, are Common
    #expect(ScriptFilter.isAllowed([0xE4], han))
    #expect(ScriptFilter.isAllowed([0xE4, 0xB8], han))
    #expect(!ScriptFilter.isAllowed([0x61, 0xE4, 0xB8], latin))
    #expect(ScriptFilter.isAllowed([0xE2, 0x80], latin))  // dashes and quotation marks
    #expect(!ScriptFilter.isAllowed([0xE2, 0xB0], latin))  // Glagolitic
    // What is no UTF-8 is nobody's script.
    for bytes: [UInt8] in [[0xFF], [0x80], [0xE0, 0x80], [0xED, 0xA0], [0xF4, 0x90], []] {
      #expect(ScriptFilter.isAllowed(bytes, latin))
    }
  }

  @Test func `for every character, its beginnings are allowed if it is`() throws {
    let scripts = try ScriptSet(["Ethi", "Latn"])
    var value: UInt32 = 0
    while value <= 0x10FFFF {
      defer { value += value < 0x3000 ? 1 : 97 }
      guard let scalar = Unicode.Scalar(value), scripts.contains(scalar) else { continue }
      let bytes = Array(String(Character(scalar)).utf8)
      for count in 1...bytes.count {
        #expect(
          ScriptFilter.isAllowed(Array(bytes[..<count]), scripts), "U+\(String(value, radix: 16))")
      }
    }
  }

  private func byteTokenizer() throws -> Tokenizer {
    var vocabulary = JSONObject()
    for (byte, scalar) in ByteAlphabet.scalars.enumerated() {
      vocabulary[String(Character(scalar))] = JSON(byte)
    }
    let json: JSON = [
      "version": "1.0",
      "added_tokens": [
        [
          "id": 256, "content": "<|end|>", "single_word": false, "lstrip": false, "rstrip": false,
          "normalized": false, "special": true,
        ]
      ],
      "normalizer": nil,
      "pre_tokenizer": [
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
      ],
      "post_processor": nil,
      "decoder": [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
      ],
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
        "vocab": .object(vocabulary), "merges": [],
      ],
    ]
    return try Tokenizer(json: json, roles: .init(), origin: "bytes")
  }

  @Test func `with bytes as tokens, just the texts of the scripts can be written`() throws {
    let tokenizer = try byteTokenizer()
    let filter = ScriptFilter(try ScriptSet(["Latn", "Deva"]), tokenizer: tokenizer)
    #expect(filter.allowed[256])
    func canWrite(_ text: String) -> Bool {
      let ids = tokenizer.encode(text)
      #expect(ids.count == text.utf8.count)
      return ids.indices.allSatisfy { index in
        let exceptions = filter.exceptions(after: ids[..<index])
        let exception = exceptions.first { $0.id == ids[index] }
        return exception?.isAllowed ?? filter.allowed[Int(ids[index])]
      }
    }
    for text in ["Góðan dag!", "नमस्ते १२", "a – “b” 😀 €", "e\u{301}ŋ"] { #expect(canWrite(text)) }
    for text in ["добрый", "ab 中", "γεια", "a😀ⴰ", "ৎ", "\u{E000}"] { #expect(!canWrite(text)) }
  }

  @Test func `the bytes of tokens are those they stand for`() throws {
    let tokenizer = try byteTokenizer()
    for byte in 0..<Int32(256) { #expect(tokenizer.bytes(of: byte) == [UInt8(byte)]) }
    #expect(tokenizer.bytes(of: 256) == Array("<|end|>".utf8))
    #expect(tokenizer.bytes(of: 999).isEmpty)
  }
}
