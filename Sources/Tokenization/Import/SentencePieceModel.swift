// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

/// What a SentencePiece `.model` says, as far as it changes ids.
///
/// **Source**: `sentencepiece_model.proto` of github.com/google/sentencepiece, version 0.2.
struct SentencePieceModel {
  enum Kind: Int {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  struct Piece {
    var text = ""
    var score: Float = 0
    var kind = Kind.normal
  }

  /// `trainer_spec.model_type`.
  enum ModelType: Int {
    case unigram = 1
    case bpe, word, character
  }

  var pieces: [Piece] = []
  var type = ModelType.unigram
  var fallsBackToBytes = false
  var putsSpaceAfter = false
  /// The pieces with a role, by the name that the model gives them.
  var unknown = "<unk>"
  var begin = "<s>"
  var end = "</s>"
  var pad = "<pad>"
  /// A `precompiled_charsmap`; empty for none.
  var characterMap: [UInt8] = []
  var addsPrefix = true
  var removesExtraSpaces = true
  var escapesSpaces = true
  var denormalizes = false

  /// - Throws: `malformed` with the place of what is wrong.
  init(_ bytes: [UInt8], file: String) throws(TokenizationError) {
    var reader = ProtobufReader(bytes[...], file: file)
    while let (number, value) = try reader.next() {
      guard case .bytes(let content) = value else { continue }
      switch number {
      case 1: pieces.append(try Self.piece(content, pieces.count, file: file))
      case 2: try readTrainer(content, file: file)
      case 3: try readNormalizer(content, file: file)
      case 5:
        var part = ProtobufReader(content, file: file)
        while let (number, value) = try part.next() {
          if number == 2, case .bytes(let map) = value, !map.isEmpty { denormalizes = true }
        }
      default: break
      }
    }
    try check(file: file)
  }

  private static func piece(
    _ bytes: ArraySlice<UInt8>, _ index: Int, file: String
  ) throws(TokenizationError) -> Piece {
    var result = Piece()
    var reader = ProtobufReader(bytes, file: file)
    func wrong(_ reason: String) -> TokenizationError {
      .malformed(file: file, place: "piece \(index)", reason: reason)
    }
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let text)):
        guard let text = String(validating: text, as: UTF8.self) else {
          throw wrong("its text is not UTF-8")
        }
        result.text = text
      case (2, .fixed32(let bits)):
        result.score = Float(bitPattern: bits)
        guard result.score.isFinite else { throw wrong("its score is \(result.score)") }
      case (3, .number(let kind)):
        guard kind < 100, let kind = Kind(rawValue: Int(kind)) else {
          throw wrong("its type is \(kind)")
        }
        result.kind = kind
      default: break
      }
    }
    guard !result.text.isEmpty else { throw wrong("it has no text") }
    return result
  }

  private mutating func readTrainer(
    _ bytes: ArraySlice<UInt8>, file: String
  ) throws(TokenizationError) {
    var reader = ProtobufReader(bytes, file: file)
    func text(_ bytes: ArraySlice<UInt8>) throws(TokenizationError) -> String {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw .malformed(file: file, place: "trainer_spec", reason: "a text is not UTF-8")
      }
      return text
    }
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (3, .number(let number)):
        guard number < 100, let type = ModelType(rawValue: Int(number)) else {
          throw .malformed(file: file, place: "trainer_spec", reason: "the model type is \(number)")
        }
        self.type = type
      case (24, .number(let flag)): putsSpaceAfter = flag != 0
      case (35, .number(let flag)): fallsBackToBytes = flag != 0
      case (45, .bytes(let bytes)): unknown = try text(bytes)
      case (46, .bytes(let bytes)): begin = try text(bytes)
      case (47, .bytes(let bytes)): end = try text(bytes)
      case (48, .bytes(let bytes)): pad = try text(bytes)
      default: break
      }
    }
  }

  private mutating func readNormalizer(
    _ bytes: ArraySlice<UInt8>, file: String
  ) throws(TokenizationError) {
    var reader = ProtobufReader(bytes, file: file)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (2, .bytes(let map)): characterMap = Array(map)
      case (3, .number(let flag)): addsPrefix = flag != 0
      case (4, .number(let flag)): removesExtraSpaces = flag != 0
      case (5, .number(let flag)): escapesSpaces = flag != 0
      default: break
      }
    }
  }

  private func check(file: String) throws(TokenizationError) {
    func damaged(_ reason: String) -> TokenizationError {
      .malformed(file: file, place: "its \(pieces.count) pieces", reason: reason)
    }
    guard !pieces.isEmpty else { throw damaged("there are no pieces; it may be cut short") }
    let unknown = pieces.filter { $0.kind == .unknown }.count
    guard unknown == 1 else { throw damaged("\(unknown) pieces are the unknown one, expected 1") }
    var bytes: Set<UInt8> = []
    for piece in pieces where piece.kind == .byte {
      guard let byte = ByteTokens.byte(of: piece.text) else {
        throw damaged("the piece `\(piece.text)` is of the type byte, and names none")
      }
      bytes.insert(byte)
    }
    guard bytes.count == (fallsBackToBytes ? 256 : 0) else {
      throw damaged(
        "there are \(bytes.count) pieces for bytes, expected \(fallsBackToBytes ? 256 : 0)")
    }
  }
}
