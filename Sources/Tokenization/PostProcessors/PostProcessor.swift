// SPDX-FileCopyrightText: 2026 The Koine authors
// SPDX-License-Identifier: Apache-2.0

import Documents

/// The stage after the model, which may put special tokens around a text.
///
/// ``Tokenizer/encode(_:)`` leaves it out, ``Tokenizer/encodeWithSpecialTokens(_:)`` does not.
///
/// Adding one: a type in this folder and a line in ``PostProcessors/all``.
protocol PostProcessor: TokenizerComponent {
  init(json: JSON, path: String, origin: String) throws(TokenizationError)
  /// The ids of one text, or of a pair, with what stands around and between them.
  func process(_ first: [Int32], _ second: [Int32]?) -> [Int32]
  /// The ids that may be added, for the check that they are tokens.
  var addedIDs: [Int32] { get }
}

/// The post-processors this version can do.
enum PostProcessors {
  static let all: [any PostProcessor.Type] = [
    BertProcessing.self, ByteLevelPostProcessor.self, PostProcessorSequence.self,
    RobertaProcessing.self, TemplateProcessing.self,
  ]

  static func read(
    _ json: JSON, path: String, origin: String
  ) throws(TokenizationError) -> any PostProcessor {
    let name = try ComponentReader(json, path: path, origin: origin).type()
    let type = try componentType(
      named: name, in: all.map { ($0.typeName, $0) }, path: path, origin: origin)
    return try type.init(json: json, path: path, origin: origin)
  }
}

/// Post-processors one after the other.
///
/// Each gets what the one before made of the texts; the second of two that add tokens adds them
/// around both texts with theirs, as in Hugging Face tokenizers.
struct PostProcessorSequence: PostProcessor {
  static let typeName = "Sequence"
  let members: [any PostProcessor]

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    var members: [any PostProcessor] = []
    for (index, member) in try reader.array("processors").enumerated() {
      let place = "\(path).processors[\(index)]"
      members.append(try PostProcessors.read(member, path: place, origin: origin))
    }
    let adding = members.filter { !$0.addedIDs.isEmpty }
    guard adding.count <= 1 else {
      throw .unsupported(
        path: path, found: "a sequence of \(adding.count) post-processors that add tokens",
        supported: ["at most one that adds tokens"], origin: origin)
    }
    try reader.finish()
    self.members = members
  }

  var json: JSON {
    ["type": .string(Self.typeName), "processors": JSON(members.map(\.json))]
  }

  var addedIDs: [Int32] { members.flatMap(\.addedIDs) }

  func process(_ first: [Int32], _ second: [Int32]?) -> [Int32] {
    // Only one of them changes anything, which reading makes sure of.
    let adding = members.first { !$0.addedIDs.isEmpty } ?? members.last
    return adding?.process(first, second) ?? first + (second ?? [])
  }
}

/// `ByteLevel`: trims white space from offsets, leaves the ids as they are.
struct ByteLevelPostProcessor: PostProcessor {
  static let typeName = "ByteLevel"
  let json: JSON

  init() {
    json = [
      "type": .string(Self.typeName), "add_prefix_space": false, "trim_offsets": true,
      "use_regex": true,
    ]
  }

  init(json: JSON, path: String, origin: String) throws(TokenizationError) {
    var reader = try ComponentReader(json, path: path, origin: origin)
    try reader.allow(flags: ["add_prefix_space", "trim_offsets", "use_regex"])
    try reader.finish()
    self.json = json
  }

  var addedIDs: [Int32] { [] }

  func process(_ first: [Int32], _ second: [Int32]?) -> [Int32] { first + (second ?? []) }
}
