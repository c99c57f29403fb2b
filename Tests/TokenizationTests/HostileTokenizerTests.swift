// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Foundation
import Testing

@testable import Tokenization

/// Files that would take all time or memory.
struct HostileTokenizerTests {
  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    var result = [number << 3 | 2]
    var count = content.count
    while count >= 0x80 {
      result.append(UInt8(count & 0x7F) | 0x80)
      count >>= 7
    }
    return result + [UInt8(count)] + content
  }

  private static func piece(_ text: [UInt8], kind: UInt8) -> [UInt8] {
    field(1, field(1, text) + [0x18, kind])
  }

  /// The ids are those of sentencepiece 0.2 for such a model: `<unk>`, the symbols, `▁`, `a`.
  @Test func `thousands of user-defined symbols are read`() throws {
    let count = 6_500
    var model = Self.piece(Array("<unk>".utf8), kind: 2)
    for index in 0..<count { model += Self.piece(Array("<unused\(index)>".utf8), kind: 4) }
    model += Self.piece(Array("\u{2581}".utf8), kind: 1) + Self.piece([0x61], kind: 1)
    model += Self.field(2, [0x18, 2]) + Self.field(3, [0x18, 1, 0x20, 1, 0x28, 1])
    let tokenizer = try Tokenizer.sentencePiece(model, origin: "m.model")
    let (mark, a) = (Int32(count + 1), Int32(count + 2))
    #expect(tokenizer.encode("a <unused3>a") == [mark, a, mark, 4, a])
    #expect(tokenizer.encode("a<unused6499>") == [mark, a, 6500])
    #expect(tokenizer.encode("<unused77>a") == [mark, 78, a])
    #expect(try Tokenizer(json: tokenizer.json).encode("a <unused5000>") == [mark, a, mark, 5001])
  }

  @Test func `a token of half a million bytes is cut where its parts can be tokens`() throws {
    let long = [UInt8](repeating: UInt8(ascii: "a"), count: 500_000)
    let model =
      Self.piece(Array("<unk>".utf8), kind: 2) + Self.piece([0x61], kind: 1)
      + Self.piece([0x61, 0x61], kind: 1) + Self.piece(long, kind: 1) + Self.field(2, [0x18, 2])
      + Self.field(3, [0x18, 0, 0x20, 0, 0x28, 0])
    let tokenizer = try Tokenizer.sentencePiece(model, origin: "m.model")
    #expect(tokenizer.encode("aaaa") == [2, 2])
    var ranks = (UInt8.min...UInt8.max).map { "\(Data([$0]).base64EncodedString()) \($0)" }
    ranks.append("\(Data(long).base64EncodedString()) 256")
    let tiktoken = try Tokenizer.tiktoken(
      Array(ranks.joined(separator: "\n").utf8), origin: "x",
      family: Tokenizer.TiktokenFamily.all[0])
    #expect(tiktoken.encode("aa") == [97, 97])
  }

  /// Only tokens without text, or whose continuation loses its prefix, can make a circle. The ids are
  /// those of tokenizers 0.23.
  @Test func `merges that lead in a circle end`() throws {
    func ids(_ vocabulary: JSON, _ merges: JSON, prefix: JSON = nil) throws -> [Int32] {
      try Tokenizer(json: [
        "version": "1.0", "added_tokens": [],
        "model": [
          "type": "BPE", "vocab": vocabulary, "merges": merges,
          "continuing_subword_prefix": prefix,
        ],
      ]).encode("aa")
    }
    #expect(try ids(["": 0, "a": 1], [["", "a"], ["a", ""]]) == [1, 1])
    #expect(try ids(["a": 0], [["a", "a"]], prefix: "a") == [0])
    #expect(try ids(["a": 0, "aa": 1], [["a", "a"]], prefix: "a") == [0, 1])
  }

  @Test func `replacements of replacements may not fill the memory`() {
    func message(_ key: String, _ members: JSON) -> String? {
      var json = BadTokenizerFilesTests.small
      json[key] = members
      do {
        _ = try Tokenizer(json: json)
        return nil
      } catch { return error.description }
    }
    let doubling: JSON = ["type": "Replace", "pattern": ["String": "a"], "content": "aa"]
    for (key, list) in [("normalizer", "normalizers"), ("decoder", "decoders")] {
      func sequence(_ count: Int) -> JSON {
        var members = JSONObject()
        members["type"] = "Sequence"
        members[list] = .array(Array(repeating: doubling, count: count))
        return .object(members)
      }
      #expect(message(key, sequence(8)) == nil)
      #expect(
        message(key, sequence(64)) == """
          `\(key)` is one that can make a text more than a million times as long, which this version \
          cannot do exactly.
          tokenizer.json
          Supported there: shorter or fewer replacements.
          """)
    }
    let long = JSON(String(repeating: "b", count: 2_000))
    #expect(
      message(
        "normalizer",
        [
          "type": "Sequence",
          "normalizers": [
            ["type": "Prepend", "prepend": long],
            ["type": "Replace", "pattern": ["Regex": "b"], "content": long],
          ],
        ]) != nil)
  }

  @Test func `a table of replacements that leads back into itself ends`() throws {
    // Every unit has its own place for a label and leads back to the first.
    let units = (0..<UInt32(256)).flatMap { label in
      (0..<4).map { UInt8(truncatingIfNeeded: (label << 10 | label) >> UInt32(8 * $0)) }
    }
    let map = try #require(CharacterMap([0, 4, 0, 0] + units + [0]))
    let text = [UInt8](repeating: UInt8(ascii: "x"), count: 100_000)
    #expect(map.longest(in: text[...]) == nil)
    let normalizer = try PrecompiledNormalizer(
      table: [0, 4, 0, 0] + units + [0], takesLongest: true, path: "p", origin: "test")
    #expect(normalizer.normalize("xyz é") == "xyz é")
  }

  @Test func `an added token of a million bytes takes no more than some bytes each`() throws {
    var json = BadTokenizerFilesTests.small
    let content = String(repeating: "ab", count: 500_000)
    json["added_tokens"] = [["id": 3, "content": .string(content), "special": true]]
    let tokenizer = try Tokenizer(json: json)
    #expect(tokenizer.encode(content + "ab") == [3, 2])
    #expect(tokenizer.encode("b" + content) == [1, 3])
  }
}
