// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents
import Testing

@testable import Tokenization

/// What `Tests/Golden/tokenization/make_components.py` wrote.
@Suite struct ComponentGoldenTests {
  let texts: [String]
  let cases: [JSON]

  init() throws {
    let index = try Tokenizer.parse("\(GoldenData.folder)/components.json")
    texts = GoldenData.strings(index["texts"])
    var cases: [JSON] = []
    for number in 1...(index["files"]?.int ?? 1) {
      for line in try GoldenData.bytes("components-\(number).jsonl").split(separator: 0x0A) {
        cases.append(try JSON.parse(line, origin: "components-\(number).jsonl"))
      }
    }
    self.cases = cases
    #expect(cases.count == index["cases"]?.int)
  }

  @Test func `every component gives the reference's ids and texts on hard texts`() throws {
    var rowCount = 0
    for entry in cases {
      let name = try #require(entry["name"]?.string)
      let json = try #require(entry["tokenizer"])
      let tokenizer: Tokenizer
      do { tokenizer = try Tokenizer(json: json, origin: name) } catch {
        Issue.record(error, "\(name)")
        continue
      }
      #expect(
        tokenizer.encodeWithSpecialTokens("low", "new") == GoldenData.ids(entry["pair"] ?? nil),
        "\(name)")
      for row in entry["rows"]?.array ?? [] {
        rowCount += 1
        let text = texts[try #require(row["text"]?.int)]
        let ids = tokenizer.encode(text)
        let wanted = GoldenData.ids(row["ids"] ?? nil)
        #expect(ids == wanted, "\(name): \(text.debugDescription)")
        if row["undecoded"] == nil {
          let decoded = row["decoded"]?.string ?? text
          #expect(
            Array(tokenizer.decode(wanted, skipSpecialTokens: false).utf8) == Array(decoded.utf8),
            "\(name): \(text.debugDescription)")
          let skipped = row["skipped"]?.string ?? decoded
          #expect(
            Array(tokenizer.decode(wanted).utf8) == Array(skipped.utf8),
            "\(name): \(text.debugDescription)")
        }
        let special = row["special"].map { GoldenData.ids($0) } ?? wanted
        #expect(tokenizer.encodeWithSpecialTokens(text) == special, "\(name)")
      }
    }
    #expect(rowCount > 2000)
  }

  @Test func `every component is written as it was read`() throws {
    for entry in cases {
      let json = try #require(entry["tokenizer"])
      let tokenizer = try Tokenizer(json: json)
      #expect(tokenizer.json == json, "\(entry["name"]?.string ?? "")")
      for text in texts {
        let (normalized, pieces) = tokenizer.pieces(of: text)
        #expect(pieces.map(\.id) == tokenizer.encode(text))
        for piece in pieces { #expect(piece.byteRange.upperBound <= normalized.utf8.count) }
      }
    }
  }

  @Test func `single characters are what the reference takes them for`() throws {
    let golden = try Tokenizer.parse("\(GoldenData.folder)/scalars.json")
    for (name, blocks) in golden.object?.members ?? [] {
      let component: JSON
      switch name {
      case "Strip": component = ["type": "Strip", "strip_left": true, "strip_right": true]
      case "Digits": component = ["type": "Digits", "individual_digits": false]
      default: component = ["type": .string(name)]
      }
      let normalizer = try? Normalizers.read(component, path: "n", origin: "test")
      let preTokenizer =
        normalizer == nil ? try PreTokenizers.read(component, path: "p", origin: "test") : nil
      var wrong: [String] = []
      for (block, hash) in (blocks.array ?? []).enumerated()
      // The other blocks hold nothing that is assigned, and nothing becomes of it.
      where block < 0x33 || block == 0xE0 || block == 0x10F {
        var crc = CRC32()
        for value in UInt32(block * 4096)..<UInt32(block * 4096 + 4096) {
          guard let scalar = Unicode.Scalar(value) else { continue }
          let text = name == "Strip" ? String(scalar) : "x\(scalar)y"
          if value % 4096 != 0, Unicode.Scalar(value - 1) != nil { crc.add([0x0A]) }
          if let normalizer {
            crc.add(normalizer.normalize(text).utf8)
          } else {
            var words = PreTokenizedText(Array(text.utf8))
            preTokenizer?.apply(to: &words)
            for (index, word) in words.words.enumerated() {
              if index > 0 { crc.add([1]) }
              crc.add(words.bytes[word])
            }
          }
        }
        if Int(crc.value) != hash.int { wrong.append(String(block * 4096, radix: 16)) }
      }
      #expect(wrong.isEmpty, "\(name): \(wrong.joined(separator: " "))")
    }
  }
}

/// The checksum of zlib.
struct CRC32 {
  private static let table = (0..<UInt32(256)).map { index in
    (0..<8).reduce(index) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
  }
  private var state: UInt32 = 0xFFFF_FFFF

  var value: UInt32 { state ^ 0xFFFF_FFFF }

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = Self.table[Int((state ^ UInt32(byte)) & 0xFF)] ^ (state >> 8) }
  }
}
