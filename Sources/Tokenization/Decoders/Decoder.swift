// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The way back: token strings to text.
///
/// Adding one: a type in this folder and a line in ``Decoders/all``.
protocol TokenDecoder: TokenizerComponent {
  init(json: JSON, path: String, origin: String) throws(TokenizationError)
  /// The texts of tokens, in order, for the next decoder or to be joined; a decoder may give fewer
  /// than there were.
  func texts(of tokens: [String]) -> [String]
  /// How many times as long its replacements can make the tokens, roughly.
  var growth: Double { get }
}

extension TokenDecoder {
  var growth: Double { 1 }
  /// The text of tokens, in order.
  func decode(_ tokens: [String]) -> String { texts(of: tokens).joined() }
}

/// The decoders this version can do.
enum Decoders {
  static let all: [any TokenDecoder.Type] = [
    BPEDecoder.self, ByteFallbackDecoder.self, ByteLevelDecoder.self, CTCDecoder.self,
    FuseDecoder.self, MetaspaceDecoder.self, ReplaceDecoder.self, DecoderSequence.self,
    StripDecoder.self, WordPieceDecoder.self,
  ]

  static func read(
    _ json: JSON, path: String, origin: String
  ) throws(TokenizationError) -> any TokenDecoder {
    let name = try ComponentReader(json, path: path, origin: origin).type()
    let type = try componentType(
      named: name, in: all.map { ($0.typeName, $0) }, path: path, origin: origin)
    return try type.init(json: json, path: path, origin: origin)
  }
}

/// Decoders one after the other.
struct DecoderSequence: TokenDecoder {
  static let typeName = "Sequence"
  let members: [any TokenDecoder]

  init(_ members: [any TokenDecoder]) { self.members = members }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    var members: [any TokenDecoder] = []
    for (index, member) in try reader.array("decoders").enumerated() {
      members.append(
        try Decoders.read(member, path: "\(path).decoders[\(index)]", origin: origin))
    }
    try reader.finish()
    self.members = members
  }

  var json: JSON { ["type": .string(Self.typeName), "decoders": JSON(members.map(\.json))] }

  var growth: Double { members.reduce(1) { $0 * $1.growth } }

  func texts(of tokens: [String]) -> [String] {
    members.reduce(tokens) { $1.texts(of: $0) }
  }
}
