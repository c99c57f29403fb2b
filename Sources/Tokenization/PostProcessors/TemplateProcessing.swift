// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// `TemplateProcessing`: special tokens and texts in the order of a template, one for a single text
/// and one for a pair.
struct TemplateProcessing: PostProcessor {
  static let typeName = "TemplateProcessing"
  let json: JSON
  private let single: [Piece]
  private let pair: [Piece]

  private enum Piece: Sendable {
    case first
    case second
    case special([Int32])
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    let tokens = reader.value("special_tokens")
    single = try Self.template(&reader, "single", tokens)
    pair = try Self.template(&reader, "pair", tokens)
    for piece in single {
      if case .second = piece {
        throw .wrongValue(
          path: "\(path).single", expected: "a template of one text",
          found: "one that uses the second", origin: origin)
      }
    }
    try reader.finish()
    self.json = json
  }

  /// A template that puts tokens around a text, `nil` for none, as transformers makes it of
  /// `add_bos_token` and `add_eos_token`.
  init(begin: (token: String, id: Int32)?, end: (token: String, id: Int32)?) {
    func special(_ token: String, _ type: Int) -> JSON {
      ["SpecialToken": ["id": .string(token), "type_id": JSON(type)]]
    }
    func sequence(_ name: String, _ type: Int) -> JSON {
      ["Sequence": ["id": .string(name), "type_id": JSON(type)]]
    }
    func part(_ name: String, _ type: Int) -> [JSON] {
      (begin.map { [special($0.token, type)] } ?? []) + [sequence(name, type)]
        + (end.map { [special($0.token, type)] } ?? [])
    }
    var tokens = JSONObject()
    for (token, id) in [begin, end].compactMap({ $0 }) {
      tokens[token] = [
        "id": .string(token), "ids": [JSON(Int(id))], "tokens": [.string(token)],
      ]
    }
    json = [
      "type": .string(Self.typeName), "single": .array(part("A", 0)),
      "pair": .array(part("A", 0) + part("B", 1)), "special_tokens": .object(tokens),
    ]
    let before = begin.map { [Piece.special([$0.id])] } ?? []
    let after = end.map { [Piece.special([$0.id])] } ?? []
    single = before + [.first] + after
    pair = single + before + [.second] + after
  }

  private static func template(
    _ reader: inout ComponentReader, _ key: String, _ tokens: JSON?
  ) throws(TokenizationError) -> [Piece] {
    var result: [Piece] = []
    for (index, piece) in try reader.array(key).enumerated() {
      let place = "\(reader.path).\(key)[\(index)]"
      if let sequence = piece["Sequence"]?["id"]?.string, sequence == "A" || sequence == "B" {
        result.append(sequence == "A" ? .first : .second)
      } else if let name = piece["SpecialToken"]?["id"]?.string {
        guard let list = tokens?[name]?["ids"]?.array else {
          throw .wrongValue(
            path: "\(reader.path).special_tokens[`\(name)`].ids", expected: "an array of ids",
            found: tokens?[name]?["ids"]?.kindName ?? "nothing", origin: reader.origin)
        }
        var ids: [Int32] = []
        for value in list {
          guard let id = value.int, id >= 0, id < Int(Int32.max) else {
            throw .wrongValue(
              path: "\(reader.path).special_tokens[`\(name)`].ids", expected: "ids from 0",
              found: value.serialized(), origin: reader.origin)
          }
          ids.append(Int32(id))
        }
        result.append(.special(ids))
      } else {
        throw .wrongValue(
          path: place, expected: "`Sequence` with the id A or B, or `SpecialToken`",
          found: piece.serialized(), origin: reader.origin)
      }
    }
    return result
  }

  var addedIDs: [Int32] {
    (single + pair).flatMap { piece -> [Int32] in
      guard case .special(let ids) = piece else { return [] }
      return ids
    }
  }

  func process(_ first: [Int32], _ second: [Int32]?) -> [Int32] {
    var result: [Int32] = []
    for piece in second == nil ? single : pair {
      switch piece {
      case .first: result += first
      case .second: result += second ?? []
      case .special(let ids): result += ids
      }
    }
    return result
  }
}
